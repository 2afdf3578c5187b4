import ExampleSupport
import Foundation
import PoseRLE

/// The table of trainings for a person to read.
struct PoseTable {
  let runs: [PoseRun]

  private static let columns = [
    "likelihood", "seed", "PCK@5", "PCK@10", "PCK@20", "error", "median", "rank corr.", "visible",
    "NLL", "50 %", "80 %", "95 %", "seconds", "images/s",
  ]

  var text: String {
    var rows = [Self.columns]
    for run in runs {
      guard let evaluation = run.evaluation else {
        rows.append([run.likelihood, "\(run.seed)"] + Array(repeating: "–", count: 13))
        continue
      }
      func number(_ value: Double?, _ digits: Int) -> String {
        value.map { fixed($0, digits) } ?? "–"
      }
      rows.append(
        [run.likelihood, "\(run.seed)"] + evaluation.within.map { fixed($0, 3) } + [
          fixed(evaluation.meanError, 2), fixed(evaluation.medianError, 2),
          number(evaluation.spearman, 3), number(evaluation.visibleSpearman, 3),
          number(evaluation.calibratedNegativeLogLikelihood, 3),
        ] + evaluation.coverage.map { fixed(100 * $0.calibrated, 1) } + [
          fixed(run.seconds, 0), number(run.imagesPerSecond, 0),
        ])
    }
    let widths = Self.columns.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let lines = rows.map { row in
      row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return column == 0 ? cell + space : space + cell
      }.joined(separator: "  ")
    }
    return lines.joined(separator: "\n") + "\n\n" + Self.legend
  }

  private static let legend = """
    PCK@n: share of labelled joints within n % of the crop's side. error, median: distances in pixels
    of the crop. rank corr.: Spearman's, of predicted scale and error; visible: over visible joints.
    NLL: nats per joint, in units of the crop, calibrated. 50 %, 80 %, 95 %: how many joints lie in the
    calibrated region of that level, in percent.
    """
}
