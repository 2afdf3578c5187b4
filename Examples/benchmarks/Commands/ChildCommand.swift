import ExampleSupport
import Flows
import Foundation

/// One measurement that needs a process of its own.
struct ChildCommand: BenchmarkCommand {
  /// What is measured.
  enum Work: String, CaseIterable {
    /// The first log-density.
    case start
    /// Memory of a training step.
    case training
    /// Memory of a log-density.
    case logDensity = "log-density"
  }

  /// What is printed of memory, in bytes.
  struct Memory: Codable {
    /// Resident before the work, the data in place.
    let bytesBefore: Int
    /// The most that was resident.
    let peakBytes: Int
  }

  private let work: Work
  private let threads: Int

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    let name = try arguments.choice(
      "child", from: Work.allCases.map(\.rawValue), kind: "measurement")
    work = Work(rawValue: name) ?? .start
    threads = try CommonSettings(arguments).threads
  }

  func run() throws {
    Workers.count = threads
    switch work {
    case .start:
      let fixture = FlowFixture(dimension: 2, batch: 1_000)
      precondition(fixture.flow.logDensity(of: fixture.data).isFinite, "the density is finite")
    case .training: try measureMemory(.training)
    case .logDensity: try measureMemory(.logDensity)
    }
  }

  private func measureMemory(_ work: FlowWork) throws {
    let fixture = FlowFixture(dimension: 2, batch: WorkloadList.largeBatch)
    let body = work.body(fixture)
    let before = ProcessFigures.memory
    body(2)
    let memory = Memory(bytesBefore: before, peakBytes: ProcessFigures.peakMemory)
    print(String(decoding: try JSONEncoder().encode(memory), as: UTF8.self))
  }
}

extension ChildCommand.Work {
  /// Starts this program for the measurement and waits for its end.
  ///
  /// - Returns: the line that it printed, if any.
  @discardableResult
  func runInChild(threads: Int) throws -> String? {
    let child = try ChildProcess(
      Self.thisProgram, ["--child", rawValue, "--threads", "\(threads)"])
    let line = try child.readLine()
    let status = try child.end()
    guard status == 0 else {
      throw BenchmarkError("the process of the measurement \(rawValue) ended with status \(status)")
    }
    return line
  }

  private static var thisProgram: String {
    #if os(Linux)
      return "/proc/self/exe"
    #else
      return Bundle.main.executablePath ?? CommandLine.arguments[0]
    #endif
  }
}
