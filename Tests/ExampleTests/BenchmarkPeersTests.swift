import Flows
import Foundation
import Testing

@Suite("benchmarks --peers")
struct BenchmarkPeersTests {
  private static let arguments = [
    "--peers", "--filter", "D=2 B=256 log-density", "--rounds", "1",
  ]
  private static let (begin, end) = ("<!-- peers: begin -->", "<!-- peers: end -->")

  @Test("without Python it says so, ends well, and writes our figures between the marks alone")
  func noPython() throws {
    let folder = TemporaryFolder()
    let before = "# Title\r\n\n| kept |\n\(Self.begin)"
    let after = "\(Self.end)\nno newline at the end \u{E9}"
    let file = try folder.write(before + "\n| old |\n" + after, to: "table.md")
    let run = try ExampleRun(
      "benchmarks", Self.arguments + ["--python", "/nowhere/python", "--write", file])
    #expect(run.status == 0, "\(run.errors)")
    for peer in ["PyTorch", "PyTorch compiled", "JAX", "zuko", "flowjax"] {
      #expect(run.output.contains("\(peer) is not here: cannot start /nowhere/python: "))
    }
    #expect(run.output.contains("these are our figures alone"))
    #expect(run.output.contains("| RLE RealNVP | ours | of peak | dense count, of peak |\n"))
    #expect(run.output.contains("| D=2 B=256 log-density | "))
    let text = try String(contentsOfFile: file, encoding: .utf8)
    #expect(text.hasPrefix(before + "\n") && text.hasSuffix("\n" + after))
    #expect(!text.contains("| old |"))
    #expect(text.contains("| D=2 B=256 log-density | "))
  }

  @Test("a file without its marks is refused before anything is timed")
  func noMarks() throws {
    let folder = TemporaryFolder()
    func refused(_ content: String, _ message: String) throws {
      let file = try folder.write(content, to: "table.md")
      let run = try ExampleRun(
        "benchmarks", Self.arguments + ["--python", "/nowhere/python", "--write", file])
      #expect(run.status == 1)
      #expect(run.output.isEmpty)
      #expect(run.errors == "benchmarks: \(file): \(message)\n")
      #expect(try String(contentsOfFile: file, encoding: .utf8) == content)
    }
    try refused("text\n\(Self.end)\n", "expected a line \(Self.begin), found none")
    try refused("\(Self.begin)\n", "expected a line \(Self.end), found none")
    try refused("\(Self.end)\n\(Self.begin)\n", "expected \(Self.begin) before \(Self.end)")
    try refused(
      "\(Self.begin)\n\(Self.begin)\n\(Self.end)\n", "expected one line \(Self.begin), found two")
  }

  /// Stands in for Python: PyTorch answers, its compiler fails, JAX ends while it works, the others
  /// are missing.
  private static let stand = """
    #!/bin/sh
    case "$1 $2" in
    */torch_flows.py\\ --compiled) answer='{"error": "no compiler was found"}' ;;
    */torch_flows.py*) answer='{"secondsPerStep": 1.0}' ;;
    */flowjax_flows.py*) echo '{"missing": "No module named flowjax"}'; exit ;;
    */jax_flows.py*) echo '{"versions": {"jax": "8.8"}}'; read line; exit ;;
    *) exit 1 ;;
    esac
    echo '{"versions": {"torch": "9.9"}}'
    while read line; do echo "$answer"; done

    """

  @Test("libraries that are missing or fail are named, and the others are compared")
  func someLibraries() throws {
    let folder = TemporaryFolder()
    let python = try folder.write(Self.stand, to: "python")
    #expect(chmod(python, 0o755) == 0)
    let run = try ExampleRun("benchmarks", Self.arguments + ["--python", python])
    #expect(run.status == 0, "\(run.errors)")
    for sentence in [
      "PyTorch compiled failed: no compiler was found.\n",
      "JAX failed: the process of JAX ended.\n",
      "flowjax is not here: No module named flowjax.\n", "zuko is not here: \(python) ",
      "; jax 8.8, torch 9.9; ",
    ] {
      #expect(run.output.contains(sentence), "\(sentence)")
    }
    let lines = run.output.split(separator: "\n")
    let row = try #require(lines.first { $0.hasPrefix("| D=2 B=256 log-density |") })
    let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
    // Name, three figures of ours, then PyTorch at 256 rows a second, its compiled form, JAX.
    #expect(cells.count == 7)
    #expect(cells[4].hasPrefix("0.000 ("))
    #expect(cells[5...] == ["—", "—"])
  }

  @Test("--startup without its Python prints ours")
  func startup() throws {
    let run = try ExampleRun(
      "benchmarks", ["--startup", "--trials", "3", "--python", "/nowhere/python"])
    #expect(run.status == 0)
    #expect(run.output.split(separator: "\n").count == 1)
    #expect(run.errors.contains("no figure of Python: cannot start /nowhere/python"))
  }
}
