import ExampleSupport
import Flows
import Foundation
import Testing

@testable import benchmarks

@Suite("benchmarks: figures")
struct BenchmarkTests {
  private func objects(_ arguments: [String]) throws -> [[String: Any]] {
    let run = try ExampleRun("benchmarks", arguments)
    #expect(run.status == 0, "\(run.errors)")
    return try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
  }

  @Test("--json is an array of objects with fields that fit together; --filter chooses")
  func json() throws {
    let found = try objects(["--filter", "D=2 B=256", "--trials", "3", "--json"])
    #expect(
      found.map { $0["name"] as? String } == [
        "RLE RealNVP D=2 B=256 training step", "RLE RealNVP D=2 B=256 log-density",
        "RLE RealNVP D=2 B=256 sampling",
      ])
    for object in found {
      func number(_ name: String) throws -> Double {
        try #require(object[name] as? Double, "\(name)")
      }
      #expect(try number("dimension") == 2)
      #expect(try number("batch") == 256)
      #expect(try number("threads") >= 1)
      let seconds = try number("secondsPerStep")
      #expect(seconds > 0)
      #expect(abs(try number("rowsPerSecond") * seconds - 256) < 1e-6)
      #expect(try number("fractionOfPeak") > 0)
      #expect(try number("fractionOfPeak10") <= number("fractionOfPeak90"))
      #expect(try number("denseFractionOfPeak") > number("fractionOfPeak"))
      #expect(try number("peakPerSecond") > 1e6)
      #expect(object["limit"] as? String == "multiply-adds")
    }
  }

  @Test("kernels are fractions of the multiply-add peak or of a copy", arguments: [1, 2])
  func kernels(threads: Int) throws {
    for (name, limit) in [
      ("kernel exp 256x64", "copy"), ("kernel matmul TN 256x4x64", "multiply-adds"),
    ] {
      let found = try objects(
        ["--filter", name, "--trials", "3", "--json", "--threads", "\(threads)"])
      #expect(found.map { $0["name"] as? String } == [name])
      #expect(found.first?["limit"] as? String == limit)
      #expect(found.first?["batch"] as? Int == 256 * threads)
    }
  }

  @Test("each instruction set is compared with itself")
  func sets() throws {
    let found = try objects(
      ["--sets", "--filter", "D=2 B=4096 log-density", "--trials", "3", "--json"])
    #expect(
      found.map { $0["instructionSet"] as? String }
        == InstructionSet.available.reversed().map(\.rawValue))
  }

  @Test("a process that starts, and one that measures its memory")
  func processes() throws {
    let starts = try objects(["--startup", "--trials", "3", "--json"])
    #expect(starts.count == 1)
    #expect(try #require(starts.first?["seconds"] as? Double) > 0)
    let run = try ExampleRun("benchmarks", ["--child", "log-density"])
    let memory = try JSONDecoder().decode(
      ChildCommand.Memory.self, from: Data(run.output.utf8))
    let data = WorkloadList.largeBatch * 2 * 4
    #expect(memory.bytesBefore > data)
    #expect(memory.peakBytes >= memory.bytesBefore)
    #expect(memory.peakBytes < data + 200_000_000)
  }

  @Test("large batches run where they are asked for or named")
  func large() throws {
    let all = WorkloadList.all(threads: 1)
    #expect(try WorkloadList.matching("", all).allSatisfy { !$0.isLarge })
    #expect(try WorkloadList.matching("", all, withLarge: true).count == all.count)
    let named = try WorkloadList.matching("D=8 B=1048576", all)
    #expect(named.count == 3 && named.allSatisfy { $0.isLarge && $0.dimension == 8 })
    #expect(Set(all.map(\.name)).count == all.count)
  }

  @Test("operations of the published networks, and those that are executed")
  func operations() {
    #expect(FlowOperations.training(dimension: 2).dense == 313_344)
    // Networks of one input run by their pieces.
    #expect(FlowOperations.forward(dimension: 2).executed == 24)
    #expect(FlowOperations.training(dimension: 2).executed == 84)
    var generator = PhiloxGenerator(seed: 1)
    let rows = Tensor<Float>.normal([300, 2], using: &generator)
    let trainer = Trainer(FlowFixture.flow(dimension: 2))
    takeTrainingStep(trainer, on: rows)
    let counts = KernelCounts.counting { takeTrainingStep(trainer, on: rows) }.counts
    let pieces = counts.filter { $0.name.hasPrefix("piecewise") }.map(\.operations)
    let training = FlowOperations.training(dimension: 2)
    let expected = training.executed * 300 + training.executedOnce
    #expect(Double(pieces.reduce(0, +)) == expected)
    // The networks that see the rows need no gradient by them.
    let wide = FlowOperations.training(dimension: 8)
    let networks: Double = 6 * 2
    let forward: Double = 2 * (4 * 64 + 64 * 64 + 64 * 4)
    #expect(wide.executed == 3 * networks * forward - 1_024)
    let tracked = FlowOperations.training(dimension: 8, tracksInput: true)
    #expect(tracked.executed == 3 * networks * forward)
    let network: Double = 2 * 32 * 64 + 64 * 64
    #expect(FlowOperations.forward(dimension: 64).executed == 24 * network)
  }

  private func refused(
    _ arguments: [String], _ message: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let run = try ExampleRun("benchmarks", arguments)
    #expect(run.status == 64, sourceLocation: sourceLocation)
    #expect(run.output.isEmpty, sourceLocation: sourceLocation)
    #expect(
      run.errors
        == "Examples/benchmarks: \(message)\nSee Examples/benchmarks --help for all options.\n",
      sourceLocation: sourceLocation)
  }

  @Test("arguments that make no sense are refused in a sentence")
  func arguments() throws {
    try refused(
      ["--trials", "2"], "The value of --trials must be between 3 and 10000, but is 2.")
    try refused(["--filtre", "x"], "Unknown option --filtre: did you mean --filter?")
    try refused(
      ["--rounds", "2"], "The option --rounds goes with --peers only.")
    try refused(
      ["--python", "p"], "The option --python goes with --memory or --startup or --peers only.")
    try refused(["--scaling", "--large"], "The option --large does not go with --scaling.")
    try refused(
      ["--sets", "--memory"],
      "Exactly one of --scaling, --sets, --memory, --startup, --peers, --fit-table, "
        + "--fit-regression, --child is required, but --sets and --memory were given.")
  }

  @Test("a filter that nothing matches is an error of one line")
  func noMatch() throws {
    for arguments in [[], ["--scaling"], ["--peers", "--python", "/nowhere/python"]] {
      let run = try ExampleRun("benchmarks", arguments + ["--filter", "D=3"])
      #expect(run.status == 1)
      #expect(run.output.isEmpty)
      #expect(run.errors.hasPrefix("benchmarks: no workload has \"D=3\" in its name"))
      #expect(run.errors.split(separator: "\n").count == 1)
    }
  }
}
