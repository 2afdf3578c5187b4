import ExampleSupport

/// The figures of `--peers` as a table in Markdown.
struct PeerTable {
  static let begin = "<!-- peers: begin -->"
  static let end = "<!-- peers: end -->"

  private let machine: Machine
  private let run: PeerRun
  private let rows: [PeerRow]

  init(machine: Machine, run: PeerRun, rows: [PeerRow]) {
    self.machine = machine
    self.run = run
    self.rows = rows
  }

  /// What stands between the marks.
  var text: String {
    let lines = Self.heading(run.peers) + rows.map { Self.line($0, run.peers) }
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
        "Rates in Mrow/s; in brackets how many times as fast we are, the median over the rounds. "
          + "While one process was timed, each of the others used at most "
          + "\(fixed(100 * run.idleShare, 1)) % of a core.")
    }
    if run.peers.contains(.zuko) || run.peers.contains(.flowjax) {
      notes.append(
        "zuko and flowjax have one network for scale and shift: half the products of the others.")
    }
    let others = machine.loadByOthers
    if others > 0.5 * Double(machine.cores) {
      notes.append(
        "The machine's load by other work was up to \(fixed(others, 1)), which may have disturbed "
          + "this.")
    }
    return notes + run.notes
  }

  static func heading(_ peers: [Peer]) -> [String] {
    let columns =
      ["RLE RealNVP", "ours", "of peak", "dense count, of peak"] + peers.map(\.rawValue)
    return [row(columns), row(columns.map { _ in "---" })]
  }

  static func line(_ row: PeerRow, _ peers: [Peer]) -> String {
    let ours = row.ours
    func percent(_ value: Double) -> String { fixed(100 * value, 0) + " %" }
    func rate(_ rowsPerSecond: Double) -> String { fixed(rowsPerSecond / 1e6, 3) }
    let cells = [
      String(ours.name.dropFirst("RLE RealNVP ".count)), rate(ours.rowsPerSecond),
      percent(ours.fractionOfPeak), percent(ours.denseFractionOfPeak ?? ours.fractionOfPeak),
    ]
    return Self.row(
      cells
        + peers.map { peer in
          guard let side = row.peers[peer.rawValue] else { return "—" }
          return "\(rate(side.rowsPerSecond)) (\(fixed(side.ratio, 1)))"
        })
  }

  private static func row(_ cells: [String]) -> String {
    "| " + cells.joined(separator: " | ") + " |"
  }
}
