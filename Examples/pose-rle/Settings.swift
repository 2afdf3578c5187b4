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

  /// The option that asks for each command, and what else belongs to it alone.
  private static let commands: [(name: String, group: CommandOptionGroup)] = [
    ("lift", LiftCommand.options), ("evaluate", EvaluateCommand.options),
    ("study", StudyCommand.options),
  ]

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    let names = Self.commands.map(\.name)
    let given = names.filter(arguments.isGiven)
    guard given.count == 1, let name = given.first else {
      throw .notExactlyOne(of: names, given: given)
    }
    for (other, group) in Self.commands where other != name {
      for option in group.options where arguments.isGiven(option.name) {
        throw .foreignOption(option.name, command: name)
      }
    }
    if arguments.isGiven("threads") {
      Workers.count = try arguments.int("threads", in: 1...256)
    }
    command =
      switch name {
      case "evaluate": try EvaluateCommand(arguments)
      case "study": try StudyCommand(arguments)
      default: try LiftCommand(arguments)
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
