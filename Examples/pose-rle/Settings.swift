import ExampleSupport
import Flows
import Foundation

/// One thing that the example can do.
protocol Command: Sendable {
  /// The options that no other command declares; some commands accept options of others as well.
  static var options: CommandOptionGroup { get }
  /// Names of options that other commands declare and this one takes too.
  static var sharedOptions: Set<String> { get }

  init(_ arguments: ParsedArguments) throws(ArgumentError)

  /// Does it.
  func run() throws
}

extension Command {
  static var sharedOptions: Set<String> { [] }

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

  /// Commands by the option that asks for each; training is what happens without any.
  private static let commands: [(name: String, type: any Command.Type)] = [
    ("lift", LiftCommand.self), ("evaluate", EvaluateCommand.self),
    ("study", StudyCommand.self), ("predict", PredictCommand.self), ("test", TestCommand.self),
  ]

  /// Options that every command takes.
  private static let run = CommandOptionGroup(
    "The run",
    [
      .value(
        "threads", "N", help: "Threads; all by default. It changes no digit of the result."),
      .value("seed", "N", default: "0", help: "Seeds weights, order and draws."),
      .flag("json", help: "Print JSON on standard output and nothing else."),
    ])

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    let names = Self.commands.map { $0.name }
    let given = names.filter(arguments.isGiven)
    if given.count > 1 { throw .notExactlyOne(of: names, given: given) }
    let chosen = Self.commands.first { $0.name == given.first }
    let type = chosen?.type ?? TrainCommand.self
    let accepted = Set(type.options.options.map(\.name)).union(type.sharedOptions)
    for group in Self.groups.dropLast() {
      for option in group.options
      where arguments.isGiven(option.name) && !accepted.contains(option.name) {
        throw Self.stray(option.name, chosen: chosen?.name)
      }
    }
    if type != PredictCommand.self, let first = arguments.positionals.first {
      throw .unexpectedArgument(first)
    }
    if arguments.isGiven("threads") {
      Workers.count = try arguments.int("threads", in: 1...256)
    }
    command = try type.init(arguments)
  }

  /// An option that does not go with what was asked for.
  private static func stray(_ option: String, chosen: String?) -> ArgumentError {
    if let chosen { return .foreignOption(option, command: chosen) }
    let owners = commands.filter { command in
      command.type.options.options.contains { $0.name == option }
        || command.type.sharedOptions.contains(option)
    }
    return .strayOption(option, commands: owners.map { $0.name })
  }

  /// The options of all commands, and last those that every one takes.
  static var groups: [CommandOptionGroup] {
    [TrainCommand.options] + commands.map { $0.type.options } + [run]
  }
}

extension ArgumentParser {
  /// The command line of pose-rle.
  static var poseRLE: ArgumentParser {
    ArgumentParser(
      program: "Examples/pose-rle",
      summary:
        "Trains pose regressors by residual log-likelihood and measures what they predict. Without "
        + "options it draws its own images, and trains L1 and RLE side by side.",
      positionals: .accepted(name: "IMAGE", count: 0...Int.max, help: "Images for --predict."),
      groups: Settings.groups)
  }
}
