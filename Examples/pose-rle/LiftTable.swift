import Foundation
import PoseRLE

/// Trainings side by side: a row for each likelihood, with mean and spread over seeds.
struct LiftTable {
  let runs: [LiftRun]
  let data: LiftData
  /// The training poses with those that were held out.
  let all: LiftingDataset

  private static let baselines: [(LiftingBaseline, String)] = [
    (.meanPose, "(mean pose)"), (.leastSquares, "(least squares)"),
  ]

  var text: String {
    let levels = LiftingEvaluation.levels.map { "\(Int(100 * $0))" }.joined(separator: "/")
    var rows: [[String]] = [
      [
        "likelihood", "MPJPE", "PA-MPJPE", "of median", "PA", "NLL", "NLL, cal.",
        "coverage \(levels) %",
        "scaled by T", "T and map", "T", "ms/step",
      ]
    ]
    for (baseline, name) in Self.baselines {
      let (mpjpe, aligned) = LiftingEvaluation.meanDistances(
        baseline.predictions(for: data.test, training: all), data.test)
      rows.append([name, fixed(mpjpe, 1), fixed(aligned, 1)])
    }
    var names: [String] = []
    for run in runs where !names.contains(run.likelihood) { names.append(run.likelihood) }
    for name in names {
      let own = runs.filter { $0.likelihood == name }
      func cell(_ decimals: Int, _ value: (LiftingEvaluation) -> Double) -> String {
        Self.spread(own.map { value($0.evaluation) }, decimals)
      }
      func coverage(_ value: (LiftingEvaluation.Coverage) -> Double) -> String {
        LiftingEvaluation.levels.indices.map { index in
          let shares = own.map { value($0.evaluation.coverage[index]) }
          return fixed(100 * shares.reduce(0, +) / Double(shares.count), 1)
        }.joined(separator: "/")
      }
      let times = own.compactMap(\.stepSeconds)
      rows.append([
        name, cell(1, \.mpjpe), cell(1, \.alignedMPJPE), cell(1, \.medianMPJPE),
        cell(1, \.medianAlignedMPJPE), cell(2, \.negativeLogLikelihood),
        cell(2, \.calibratedNegativeLogLikelihood), coverage(\.measured), coverage(\.scaled),
        coverage(\.calibrated),
        cell(2, \.temperature),
        times.isEmpty ? "-" : fixed(1_000 * times.reduce(0, +) / Double(times.count), 2),
      ])
    }
    var lines = Self.aligned(rows)
    let seeds = Set(runs.map(\.seed)).count
    let skipped = runs.reduce(0) { $0 + $1.skippedSteps }
    lines.append("")
    lines.append(
      "\(data.test.count) poses; trained on \(data.training.count), calibrated on "
        + "\(data.calibration?.count ?? 0) of motions held out; the last step counts"
        + (seeds > 1 ? "; mean ± standard deviation over \(seeds) seeds" : "") + ".")
    lines.append(
      "MPJPE in mm over all joints, the root with its 0; NLL in nats per joint but the root, "
        + "coordinates in metres.")
    if skipped > 0 { lines.append("\(skipped) steps were skipped: loss or gradient not finite.") }
    return lines.joined(separator: "\n")
  }

  private static func spread(_ values: [Double], _ decimals: Int) -> String {
    let mean = values.reduce(0, +) / Double(values.count)
    guard values.count > 1 else { return fixed(mean, decimals) }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let deviation = (squares / Double(values.count - 1)).squareRoot()
    return fixed(mean, decimals) + " ± " + fixed(deviation, decimals)
  }

  /// The first column to the left, the others to the right.
  private static func aligned(_ rows: [[String]]) -> [String] {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      row.enumerated().map { column, text in
        let blanks = String(repeating: " ", count: widths[column] - text.count)
        return column == 0 ? text + blanks : blanks + text
      }.joined(separator: "  ")
    }
  }
}
