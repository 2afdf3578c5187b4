import ExampleSupport
import Foundation

/// Times a process from its start to its end, with the first log-density between.
struct StartupCommand: BenchmarkCommand {
  private let settings: CommonSettings
  /// Python takes seconds.
  private static let pythonTrials = 5

  init(_ settings: CommonSettings) { self.settings = settings }

  private struct Row: Encodable {
    let name: String
    let trials: Int
    let seconds: Double
    let seconds10: Double
    let seconds90: Double

    init(_ name: String, trials: Int, _ body: () throws -> Void) throws {
      // The first one brings the files into memory.
      try body()
      let times = try (0..<trials).map { _ in try timed(body) }
      self.name = name
      self.trials = trials
      seconds = times.median
      seconds10 = times.quantile(0.1)
      seconds90 = times.quantile(0.9)
    }
  }

  func run() throws {
    var rows = [
      try Row("Flows, first log-density", trials: settings.trials) {
        try ChildCommand.Work.start.runInChild(threads: settings.threads)
      }
    ]
    if let python = settings.python {
      do {
        rows.append(
          try Row(
            "import torch, zuko, first log_prob", trials: min(settings.trials, Self.pythonTrials)
          ) {
            let child = try ChildProcess(python, [Peer.folder + "/startup.py"])
            guard try child.end() == 0 else {
              throw BenchmarkError("\(python) cannot import torch and zuko")
            }
          })
      } catch {
        writeToStandardError("benchmarks: no figure of Python: \(error)\n")
      }
    }
    if settings.printsJSON { return try printJSON(rows) }
    for row in rows {
      print(
        "\(row.name): \(timeText(row.seconds)) [\(timeText(row.seconds10)), "
          + "\(timeText(row.seconds90))] from start to exit, \(row.trials) processes")
    }
  }
}
