import ExampleSupport

/// Times the same work on one thread and on several, in the same rounds.
struct ScalingCommand: BenchmarkCommand {
  private let settings: CommonSettings

  init(_ settings: CommonSettings) { self.settings = settings }

  private struct Row: Encodable {
    let name: String
    let dimension: Int
    let batch: Int
    let threads: Int
    let secondsPerStep: Double
    let secondsPerStepOnOneThread: Double
    /// The median over the rounds of time on one thread by time on all.
    let speedup: Double
    let speedup10: Double
    let speedup90: Double
    /// The same of the multiply-add peak: more cannot be had.
    let speedupOfPeak: Double
  }

  func run() throws {
    let workloads = try WorkloadList.matching(
      settings.filter,
      WorkloadList.flows(batches: [4_096, 65_536], threads: settings.threads))
    _ = introduceMachine(settings)
    let timed = InterleavedRun(
      workloads: workloads.flatMap { [$0.with(threads: 1), $0] }, trials: settings.trials
    ).run()
    let rows = stride(from: 0, to: timed.count, by: 2).map { row(timed[$0], timed[$0 + 1]) }
    if settings.printsJSON { return try printJSON(rows) }
    for row in rows {
      print(
        "\(row.name): \(fixed(row.speedup, 2)) times as fast on \(row.threads) threads as on one "
          + "[\(fixed(row.speedup10, 2)), \(fixed(row.speedup90, 2))], "
          + "\(timeText(row.secondsPerStep)) and \(timeText(row.secondsPerStepOnOneThread)); peak "
          + "\(fixed(row.speedupOfPeak, 2)) times")
    }
  }

  private func row(_ one: TimedWorkload, _ all: TimedWorkload) -> Row {
    let pairs = Array(zip(one.trials, all.trials))
    let ratios = pairs.map { $0.seconds / $1.seconds }
    return Row(
      name: all.workload.name, dimension: all.workload.dimension, batch: all.workload.batch,
      threads: all.workload.threads, secondsPerStep: all.trials.map(\.seconds).median,
      secondsPerStepOnOneThread: one.trials.map(\.seconds).median, speedup: ratios.median,
      speedup10: ratios.quantile(0.1), speedup90: ratios.quantile(0.9),
      speedupOfPeak: pairs.map { $1.limit / $0.limit }.median)
  }
}
