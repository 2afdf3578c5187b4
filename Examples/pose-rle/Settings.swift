import ExampleSupport
import Flows
import Foundation

/// One thing that the example can do.
protocol Command: Sendable {
  /// Does it.
  func run() throws
}

extension Command {
  /// Runs; an error is printed as one line, with exit status 1.
  func runOrExit() {
    do {
      try run()
    } catch {
      writeToStandardError("pose-rle: \(error)\n")
      exit(1)
    }
  }
}

/// The command line of pose-rle, checked.
struct Settings: Sendable {
  let command: any Command

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    if arguments.optionalString("threads") != nil {
      Workers.count = try arguments.int("threads", in: 1...256)
    }
    if arguments.optionalString("evaluate") != nil {
      command = try EvaluateCommand(arguments)
    } else if arguments.optionalString("study") != nil {
      command = try StudyCommand(arguments)
    } else {
      command = try LiftCommand(arguments)
    }
  }
}

extension ArgumentParser {
  /// The command line of pose-rle.
  static var poseRLE: ArgumentParser {
    ArgumentParser(
      program: "Examples/pose-rle",
      summary: "Trains pose regressors by residual log-likelihood and measures what they predict.",
      groups: [
        LiftCommand.options,
        EvaluateCommand.options,
        StudyCommand.options,
        CommandOptionGroup(
          "The run",
          [
            .value(
              "threads", "N", help: "Threads; all by default. It changes no digit of the result."),
            .value("seed", "N", default: "0", help: "Seeds weights, order and draws."),
            .flag("json", help: "Print JSON on standard output and nothing else."),
          ]),
      ])
  }
}
