import ExampleSupport
import Foundation

/// One thing that the benchmarks can do.
protocol BenchmarkCommand: Sendable {
  /// Does it.
  func run() throws
}

extension BenchmarkCommand {
  /// Runs; an error is printed as one line, with exit status 1.
  func runOrExit() {
    do {
      try run()
    } catch {
      writeToStandardError("benchmarks: \(error)\n")
      exit(1)
    }
  }

  /// Measures the machine; what it is goes where it does not get into JSON.
  func introduceMachine(_ settings: CommonSettings) -> Machine {
    let machine = Machine(threads: settings.threads)
    if settings.printsJSON {
      writeToStandardError(machine.text + "\n")
    } else {
      print(machine.text + "\n")
    }
    return machine
  }

  func printJSON(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    print(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}
