import ExampleSupport
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
      rows.append([name, Self.number(mpjpe, 1), Self.number(aligned, 1)])
    }
    var names: [String] = []
    for run in runs where !names.contains(run.likelihood) { names.append(run.likelihood) }
    for name in names { rows += lines(name, runs.filter { $0.likelihood == name }) }
    return (Self.aligned(rows) + [""] + notes).joined(separator: "\n")
  }

  /// The means of a likelihood's runs, and below them the standard deviations of more than one.
  private func lines(_ name: String, _ runs: [LiftRun]) -> [[String]] {
    let evaluations = runs.compactMap(\.evaluation)
    var lines = [[name], ["  ±"]]
    func add(_ decimals: Int, _ values: [[Double]]) {
      let columns = values.map(Self.moments)
      lines[0].append(
        columns.map { Self.number($0.mean, decimals) }.joined(separator: "/"))
      lines[1].append(
        columns.map { Self.number($0.deviation, decimals) }.joined(separator: "/"))
    }
    func add(_ decimals: Int, _ value: (LiftingEvaluation) -> Double) {
      add(decimals, [evaluations.map(value)])
    }
    func add(_ value: (LiftingEvaluation.Coverage) -> Double) {
      add(
        1,
        LiftingEvaluation.levels.indices.map { level in
          evaluations.map { 100 * value($0.coverage[level]) }
        })
    }
    add(1, \.mpjpe)
    add(1, \.alignedMPJPE)
    add(1, \.medianMPJPE)
    add(1, \.medianAlignedMPJPE)
    add(2, \.negativeLogLikelihood)
    add(2, \.calibratedNegativeLogLikelihood)
    add(\.measured)
    add(\.scaled)
    add(\.calibrated)
    add(2, \.temperature)
    add(2, [runs.compactMap(\.stepSeconds).map { 1_000 * $0 }])
    return evaluations.count > 1 ? lines : [lines[0]]
  }

  private var notes: [String] {
    let seeds = Set(runs.filter { $0.evaluation != nil }.map(\.seed)).count
    var lines = [
      "\(data.test.count) poses; trained on \(data.training.count), calibrated on "
        + "\(data.calibration?.count ?? 0) of motions held out; the last step counts"
        + (seeds > 1 ? "; means over \(seeds) seeds, below them standard deviations" : "") + ".",
      "Mean pose and least squares are fitted on all \(all.count) poses, motions held out included.",
      "MPJPE in mm over all joints, the root with its 0; NLL in nats per joint but the root, "
        + "coordinates in metres.",
    ]
    let errors = runs.compactMap { run in
      run.evaluation?.coverage.compactMap(\.standardError).max()
    }
    if !errors.isEmpty {
      lines.append(
        "Coverage by T and map has a standard error by motion of up to "
          + "\(Self.number(100 * Self.moments(errors).mean, 1)) % (the largest of the levels, "
          + "mean over runs).")
    }
    let skipped = runs.reduce(0) { $0 + $1.skippedSteps }
    if skipped > 0 { lines.append("\(skipped) steps were skipped: loss or gradient not finite.") }
    let failed = runs.count(where: { $0.error != nil })
    if failed > 0 { lines.append("\(failed) of \(runs.count) runs failed.") }
    return lines
  }

  /// The mean, and the standard deviation of more than one value; not numbers where there are none.
  private static func moments(_ values: [Double]) -> (mean: Double, deviation: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (squares / Double(values.count - 1)).squareRoot())
  }

  /// A number with a fixed count of decimals; "-" where it is none.
  private static func number(_ value: Double, _ decimals: Int) -> String {
    value.isNaN ? "-" : fixed(value, decimals)
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
