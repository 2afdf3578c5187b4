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
    let groups = PeerGroup.allCases
    let work = groups.map { $0.items(threads: settings.threads) }
    let names = Set(
      try WorkloadList.matching(settings.filter, work.joined().map(\.workload)).map(\.name))
    // A file that cannot be written is found before the work, not after it.
    if let target {
      _ = try MarkedText.replacing(PeerTable.begin, PeerTable.end, in: target, by: "")
    }
    let machine = introduceMachine(settings)
    var tables: [PeerTable] = []
    for (group, items) in zip(groups, work) {
      let items = items.filter { names.contains($0.workload.name) }
      if !items.isEmpty { tables.append(table(group, items, machine)) }
    }
    if settings.printsJSON { try printJSON(tables.flatMap(\.rows)) }
    if let target {
      let bytes = try MarkedText.replacing(
        PeerTable.begin, PeerTable.end, in: target, by: tables.map(\.text).joined())
      try AtomicFile.write(bytes, to: target)
    }
  }

  /// Times work of one group on all sides, and prints on the way.
  private func table(_ group: PeerGroup, _ items: [PeerRun.Item], _ machine: Machine) -> PeerTable {
    var run = PeerRun(group.peers, python: python, threads: settings.threads, rounds: rounds)
    defer { run.end() }
    if !settings.printsJSON { print(group.heading(run.peers).joined(separator: "\n")) }
    var rows: [PeerRow] = []
    for item in items {
      let row = run.row(item)
      rows.append(row)
      if !settings.printsJSON { print(group.line(row, run.peers)) }
    }
    let table = PeerTable(group: group, machine: machine, run: run, rows: rows)
    if settings.printsJSON {
      for note in table.notes { writeToStandardError(note + "\n") }
    } else {
      print("\n" + table.notes.joined(separator: "\n") + "\n")
    }
    return table
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
