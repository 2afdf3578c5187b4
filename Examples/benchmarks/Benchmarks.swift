import ExampleSupport
import Flows
import Foundation

/// All workloads, run one after the other.
struct Benchmarks {
  let settings: BenchmarkSettings

  init(_ settings: BenchmarkSettings) { self.settings = settings }

  /// Runs; an error is printed as one line, with exit status 1.
  func runOrExit() {
    do {
      if let folder = settings.table {
        try TableFit(
          folder: folder, minutes: settings.minutes, threads: settings.threads,
          printsJSON: settings.printsJSON
        ).run()
      } else {
        try runSpeed()
      }
    } catch {
      writeToStandardError("benchmarks: \(error)\n")
      exit(1)
    }
  }

  private func runSpeed() throws {
    var rows: [BenchmarkOutcome] = []
    func add(_ outcome: BenchmarkOutcome) {
      rows.append(outcome)
      if !settings.printsJSON { print(outcome.line) }
    }
    for dimension in [2, 8] {
      for batch in [256, 4_096, 65_536] {
        let benchmark = StepBenchmark(
          dimension: dimension, batch: batch, threads: settings.threads, trials: settings.trials)
        let wanted = StepBenchmark.Workload.allCases.filter {
          settings.filter.isEmpty || benchmark.name(of: $0).contains(settings.filter)
        }
        benchmark.run(wanted).forEach(add)
      }
    }
    let keypoints = KeypointLossBenchmark(
      images: 32, threads: settings.threads, trials: settings.trials)
    if settings.filter.isEmpty || keypoints.name.contains(settings.filter) { add(keypoints.run()) }
    if settings.printsJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
      print(String(decoding: try encoder.encode(rows), as: UTF8.self))
    }
  }
}
