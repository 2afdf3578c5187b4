import ExampleSupport

/// The figures of `--peers` as a table in Markdown.
struct PeerTable {
  static let begin = "<!-- peers: begin -->"
  static let end = "<!-- peers: end -->"

  let rows: [PeerRow]
  private let group: PeerGroup
  private let machine: Machine
  private let run: PeerRun

  init(group: PeerGroup, machine: Machine, run: PeerRun, rows: [PeerRow]) {
    self.group = group
    self.machine = machine
    self.run = run
    self.rows = rows
  }

  /// What stands between the marks.
  var text: String {
    let lines = group.heading(run.peers) + rows.map { group.line($0, run.peers) }
    return "\n" + lines.joined(separator: "\n") + "\n\n" + notes.joined(separator: "\n") + "\n\n"
  }

  /// How it was measured and what is missing.
  var notes: [String] {
    let sides = run.versions.isEmpty ? "" : "; " + run.versions.joined(separator: ", ")
    var notes = [
      "\(machine.processor), \(machine.cores) cores, \(machine.instructionSet), "
        + "\(fixed(machine.multiplyAddPeak / 1e9, 0)) GFLOP/s, "
        + "\(fixed(machine.copyBytesPerSecond / 1e9, 1)) GB/s\(sides); \(run.threads) threads on "
        + "each side, in turn, \(run.rounds) rounds of \(fixed(PeerRun.secondsOfTurn, 1)) s."
    ]
    if !run.peers.isEmpty {
      notes.append(
        "Rates in \(group.unit.name); in brackets how many times as fast we are, the median over the rounds. "
          + "While one process was timed, each of the others used at most "
          + "\(fixed(100 * run.idleShare, 1)) % of a core.")
    }
    if run.peers.contains(.zuko) || run.peers.contains(.flowjax) {
      notes.append(
        "zuko and flowjax have one network for scale and shift: half the products of the others.")
    }
    if group == .images {
      notes.append(
        "The share of the peak is that of the multiply-adds as published; 3 × 3 windows take fewer "
          + "where they run by Winograd's way.")
    }
    let others = machine.loadByOthers
    if others > 0.5 * Double(machine.cores) {
      notes.append(
        "The machine's load by other work was up to \(fixed(others, 1)), which may have disturbed "
          + "this.")
    }
    return notes + run.notes
  }
}
