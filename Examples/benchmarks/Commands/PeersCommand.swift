import ExampleSupport
import Flows
import Foundation

/// Times the same work here and in other libraries, in turn.
struct PeersCommand: BenchmarkCommand {
  private let settings: CommonSettings
  private let python: String
  private let rounds: Int
  private let target: String?

  init(_ settings: CommonSettings, _ arguments: ParsedArguments) throws(ArgumentError) {
    self.settings = settings
    python = settings.python ?? "python3"
    rounds = try arguments.int("rounds", in: 1...1_000)
    target = arguments.optionalString("write")
  }

  func run() throws {
    let fixtures = [2, 8].flatMap { dimension in
      WorkloadList.batches.map { FlowFixture(dimension: dimension, batch: $0) }
    }
    let work = fixtures.flatMap { fixture in
      FlowWork.allCases.map {
        PeerRun.Item(work: $0, workload: $0.workload(fixture, threads: settings.threads))
      }
    }
    let names = Set(
      try WorkloadList.matching(settings.filter, work.map(\.workload)).map(\.name))
    // A file that cannot be written is found before the work, not after it.
    if let target {
      _ = try MarkedText.replacing(PeerTable.begin, PeerTable.end, in: target, by: "")
    }
    let machine = introduceMachine(settings)
    var run = PeerRun(python: python, threads: settings.threads, rounds: rounds)
    defer { run.end() }
    if !settings.printsJSON { print(PeerTable.heading(run.peers).joined(separator: "\n")) }
    var rows: [PeerRow] = []
    for item in work where names.contains(item.workload.name) {
      let row = run.row(item)
      rows.append(row)
      if !settings.printsJSON { print(PeerTable.line(row, run.peers)) }
    }
    let table = PeerTable(machine: machine, run: run, rows: rows)
    if settings.printsJSON {
      try printJSON(rows)
      for note in table.notes { writeToStandardError(note + "\n") }
    } else {
      print("\n" + table.notes.joined(separator: "\n"))
    }
    if let target {
      let bytes = try MarkedText.replacing(
        PeerTable.begin, PeerTable.end, in: target, by: table.text)
      try AtomicFile.write(bytes, to: target)
    }
  }
}

/// What both sides came to on one piece of work.
struct PeerRow: Encodable {
  /// One library.
  struct Side: Encodable {
    let secondsPerStep: Double
    let rowsPerSecond: Double
    /// How many times as fast we are: the median over the rounds.
    let ratio: Double
    let ratioSmallest: Double
    let ratioLargest: Double
  }

  let ours: BenchmarkOutcome
  /// By the name of the library; one that failed is not there.
  let peers: [String: Side]
}
