import ExampleSupport
import Flows

/// The command line of the benchmarks, checked.
struct BenchmarkSettings: Sendable {
  let filter: String
  let threads: Int
  let trials: Int
  let printsJSON: Bool
  let table: String?
  let minutes: Double

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    filter = arguments.optionalString("filter") ?? ""
    threads =
      arguments.optionalString("threads") == nil
      ? Workers.count : try arguments.int("threads", in: 1...256)
    trials = try arguments.int("trials", in: 3...10_000)
    printsJSON = arguments.flag("json")
    table = arguments.optionalString("fit-table")
    minutes = try arguments.double("minutes", in: 0.01...100_000)
  }
}

extension ArgumentParser {
  /// The command line of the benchmarks.
  static var benchmarks: ArgumentParser {
    ArgumentParser(
      program: "Examples/benchmarks",
      summary: "Times the engine beside the machine's own limit. Build with -c release.",
      groups: [
        CommandOptionGroup(
          "Speed",
          [
            .value("filter", "TEXT", help: "Only workloads whose name contains this."),
            .value("threads", "N", help: "Threads; all by default."),
            .value("trials", "N", default: "60", help: "Trials of which the median counts."),
            .flag("json", help: "Print one JSON array on standard output and nothing else."),
          ]),
        CommandOptionGroup(
          "Accuracy",
          [
            .value(
              "fit-table", "DIR",
              help: "Fit a RealNVP to DIR/train.npy, validated on DIR/val.npy, and print the test "
                + "log-likelihood of DIR/test.npy, in place of the timings."),
            .value("minutes", "M", default: "10", help: "Time that such a fit may take."),
          ]),
      ])
  }
}
