import ExampleSupport
import Flows

/// The command line of the benchmarks, checked.
struct BenchmarkSettings: Sendable {
  let command: any BenchmarkCommand

  /// The options that ask for something else than the speed of all workloads.
  private static let commands = [
    "scaling", "sets", "memory", "startup", "peers", "fit-table", "fit-regression",
    "child",
  ]

  /// The commands that an option goes with, "" for the speed of all workloads; one that is not
  /// listed goes with each.
  private static let companions: [String: [String]] = [
    "filter": ["", "scaling", "sets", "peers"],
    "trials": ["", "scaling", "sets", "startup"],
    "large": [""],
    "python": ["memory", "startup", "peers"],
    "rounds": ["peers"],
    "write": ["peers"],
    "minutes": ["fit-table"], "flow": ["fit-table"], "layers": ["fit-table"],
    "width": ["fit-table"], "bins": ["fit-table"], "batch": ["fit-table"],
    "rate": ["fit-table"], "decay": ["fit-table"], "patience": ["fit-table"],
    "steps": ["fit-table"], "seed": ["fit-table"], "scores": ["fit-table"],
    "splits": ["fit-regression"],
  ]

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    let given = Self.commands.filter(arguments.isGiven)
    guard given.count <= 1 else { throw .notExactlyOne(of: Self.commands, given: given) }
    let name = given.first ?? ""
    for (option, commands) in Self.companions.sorted(by: { $0.key < $1.key })
    where arguments.isGiven(option) && !commands.contains(name) {
      if name.isEmpty { throw .strayOption(option, commands: commands) }
      throw .foreignOption(option, command: name)
    }
    let common = try CommonSettings(arguments)
    command =
      switch name {
      case "scaling": ScalingCommand(common)
      case "sets": SetsCommand(common)
      case "memory": MemoryCommand(common)
      case "startup": StartupCommand(common)
      case "peers": try PeersCommand(common, arguments)
      case "fit-table": try TableFit(common, arguments)
      case "fit-regression": try ConditionalFit(common, arguments)
      case "child": try ChildCommand(arguments)
      default: SpeedCommand(common, withLarge: arguments.flag("large"))
      }
  }
}

/// What several commands read.
struct CommonSettings: Sendable {
  let filter: String
  let threads: Int
  let trials: Int
  let python: String?
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    filter = arguments.optionalString("filter") ?? ""
    threads =
      arguments.isGiven("threads") ? try arguments.int("threads", in: 1...256) : Workers.count
    trials = try arguments.int("trials", in: 3...10_000)
    python = arguments.optionalString("python")
    printsJSON = arguments.flag("json")
  }
}

extension ArgumentParser {
  /// The command line of the benchmarks.
  static var benchmarks: ArgumentParser {
    ArgumentParser(
      program: "Examples/benchmarks",
      summary:
        "Times the engine beside the machine's own limits, and beside other libraries. Build "
        + "with -c release. Without one of the commands below it times every workload.",
      groups: [
        CommandOptionGroup(
          "The run",
          [
            .value("filter", "TEXT", help: "Only workloads whose name contains this."),
            .value("threads", "N", help: "Threads; all by default."),
            .value(
              "trials", "N", default: "40",
              help: "Rounds in which every workload is timed once; medians count."),
            .flag(
              "large",
              help: "Batches of \(WorkloadList.largeBatch) rows as well, at most "
                + "\(InterleavedRun.largeTrials) times; a filter that names them does the same."),
            .flag("json", help: "Print one JSON array on standard output and nothing else."),
          ]),
        CommandOptionGroup(
          "In place of all workloads",
          [
            .flag("scaling", help: "One thread against --threads, at batches 4096 and 65536."),
            .flag("sets", help: "Each instruction set as a fraction of its own peak."),
            .flag(
              "memory",
              help: "Memory of a training step and of a log-density on \(WorkloadList.largeBatch) "
                + "rows, in processes of their own, and their rates."),
            .flag(
              "startup",
              help: "Time from the start of a process to its end after a first log-density."),
            .flag(
              "peers",
              help: "Training steps, log-densities and draws here and in PyTorch, JAX, zuko and "
                + "flowjax, in turn; residual networks on images here and in PyTorch."),
          ]),
        CommandOptionGroup(
          "Beside Python",
          [
            .value(
              "python", "PATH",
              help: "The Python that has the libraries: python3 for --peers by default, none for "
                + "--memory and --startup."),
            .value("rounds", "N", default: "5", help: "Turns of each side in --peers."),
            .value(
              "write", "FILE",
              help: "Put the table of --peers between the lines \(PeerTable.begin) and "
                + "\(PeerTable.end) of this file."),
          ]),
        CommandOptionGroup(
          "Accuracy",
          [
            .value(
              "fit-table", "DIR",
              help: "Fit a flow to DIR/train.npy, validated on DIR/val.npy, and print the test "
                + "log-likelihood of DIR/test.npy, in place of the timings."),
            .value(
              "minutes", "M", default: "10",
              help: "Processor time of each thread that such a fit may take."),
            .value(
              "flow", "NAME", default: "spline-autoregressive",
              help: "realnvp, spline, spline-autoregressive, gaussianization or automatic."),
            .value("layers", "N", default: "5", help: "Layers; automatic has its own."),
            .value(
              "width", "N", default: "128",
              help: "Width of both hidden layers; automatic has its own."),
            .value(
              "bins", "N", default: "8",
              help: "Bins of splines, components of mixtures; automatic has its own."),
            .value("batch", "N", default: "512", help: "Rows of a step."),
            .value("rate", "R", default: "0.001", help: "The largest learning rate."),
            .value("decay", "D", default: "0.0001", help: "Weight decay."),
            .value("patience", "N", help: "Validations without a better one that end the fit."),
            .value("steps", "N", help: "At most so many steps."),
            .value("seed", "N", default: "0", help: "Seeds weights and the order of rows."),
            .value(
              "fit-regression", "DIR",
              help:
                "Fit conditional densities to the regression sets in DIR, each a folder with data.npy "
                + "(features, then the target) and test_mask.npy (splits, rows)."),
            .value("splits", "N", default: "20", help: "At most so many splits of each set."),
            .value("scores", "FILE", help: "Where the log-density of each test row goes (.npy)."),
          ]),
        CommandOptionGroup(
          "Used by --memory and --startup",
          [
            .value(
              "child", "WORK",
              help: "One measurement in this process: "
                + ChildCommand.Work.allCases.map(\.rawValue).joined(separator: ", ") + ".")
          ]),
      ])
  }
}
