import ExampleSupport
import Flows
import Foundation

/// What one likelihood came to in the study.
struct StudyRow: Encodable {
  let likelihood: String
  /// The mean distance between μ̂ and label, in widths of the crop.
  let meanError: Double
  /// The same of the median of the predicted density.
  let medianError: Double
  /// In nats per joint.
  let negativeLogLikelihood: Double?
  let calibratedNegativeLogLikelihood: Double?
  /// The geometric mean of σ̂ over the true scale; nil where σ̂ is fixed.
  let scaleRatio: Double?
  /// The rank correlation of σ̂ with the true scale.
  let scaleCorrelation: Double?
  /// The share of labels in regions of 50, 80 and 95 %.
  let coverage: [Double]
  let calibratedCoverage: [Double]

  static func json(_ rows: [StudyRow]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    return String(decoding: try encoder.encode(rows), as: UTF8.self)
  }

  static func table(_ rows: [StudyRow], entropy: Estimate) -> String {
    func number(_ value: Double?, _ decimals: Int) -> String {
      value.map { fixed($0, decimals) } ?? "-"
    }
    func percent(_ values: [Double]) -> String {
      values.map { fixed(100 * $0, 1) }.joined(separator: " / ")
    }
    var lines = [
      "| likelihood | error of μ̂ | of the median | NLL | with T | σ̂ / s | rank corr. of σ̂ and s | "
        + "coverage at 50 / 80 / 95 % | with T |",
      "| --- |" + String(repeating: " ---: |", count: 8),
    ]
    for row in rows {
      let cells = [
        row.likelihood, fixed(row.meanError, 4), fixed(row.medianError, 4),
        number(row.negativeLogLikelihood, 3), number(row.calibratedNegativeLogLikelihood, 3),
        number(row.scaleRatio, 2), number(row.scaleCorrelation, 3), percent(row.coverage),
        percent(row.calibratedCoverage),
      ]
      lines.append("| " + cells.joined(separator: " | ") + " |")
    }
    lines.append(
      "Least possible NLL: \(fixed(entropy.value, 3)) ± \(fixed(entropy.standardError, 3)) nats per joint."
    )
    return lines.joined(separator: "\n")
  }
}
