import ExampleSupport
import Flows
import Foundation

/// One thing that the example can do, with a command line of its own.
protocol TableCommand: Sendable {
  /// The word that asks for it.
  static var name: String { get }
  /// What it does, in a sentence for the help text.
  static var summary: String { get }
  /// The files it takes.
  static var positionals: PositionalArguments { get }
  /// Its options, besides those that every command takes.
  static var groups: [CommandOptionGroup] { get }

  init(_ arguments: ParsedArguments) throws(ArgumentError)

  /// Does it.
  func run() throws
}

extension TableCommand {
  /// Its command line.
  static var parser: ArgumentParser {
    ArgumentParser(
      program: "\(Tabular.program) \(name)", summary: summary, positionals: positionals,
      groups: groups + [Tabular.runOptions])
  }

  /// Runs; an error is printed as one line, with exit status 1.
  func runOrExit() {
    do {
      try run()
    } catch {
      writeToStandardError("tabular: \(error)\n")
      exit(1)
    }
  }

  fileprivate static func read(_ arguments: [String]) -> any TableCommand {
    parser.readOrExit(arguments) { (parsed: ParsedArguments) throws(ArgumentError) -> Self in
      if parsed.isGiven("threads") { Workers.count = try parsed.int("threads", in: 1...256) }
      return try Self(parsed)
    }
  }
}

/// The example: a command and its arguments.
enum Tabular {
  static let program = "Examples/tabular"

  private static let commands: [any TableCommand.Type] = [
    FitCommand.self, ScoreCommand.self, SampleCommand.self, DescribeCommand.self, PlotCommand.self,
  ]

  /// Options that every command takes.
  static let runOptions = CommandOptionGroup(
    "The run",
    [
      .value("seed", "N", default: "0", help: "Seeds weights, the order of rows, and draws."),
      .value("threads", "N", help: "Threads; all by default. It changes no digit of the result."),
      .flag("json", help: "Print one JSON object on standard output and nothing else."),
    ])

  /// The command that the arguments ask for; ends the process where there is none.
  static func command(_ arguments: [String]) -> any TableCommand {
    guard let word = arguments.first, word != "-h", word != "--help" else {
      print(help, terminator: "")
      exit(arguments.isEmpty ? ArgumentError.exitStatus : 0)
    }
    if let type = commands.first(where: { $0.name == word }) {
      return type.read(Array(arguments.dropFirst()))
    }
    let known = commands.map { $0.name }
    let error = ArgumentError.unknownCommand(
      word, nearest: nearestMatch(to: word, among: known), known: known)
    writeToStandardError("\(program): \(error)\nSee \(program) --help for all commands.\n")
    exit(ArgumentError.exitStatus)
  }

  /// The help text of the whole example.
  private static var help: String {
    let summary =
      "Densities of tables: fits a normalizing flow to the rows of a CSV, NPY or NPZ file, scores and "
      + "draws rows, and looks at data and models."
    let list = commands.flatMap { command in
      let lines = wrapText(command.summary, indent: 14)
      return ["  " + command.name + (lines.first ?? "").dropFirst(2 + command.name.count)]
        + lines.dropFirst()
    }
    let lines =
      ["Usage: \(program) COMMAND [options] FILE ...", ""] + wrapText(summary, indent: 0)
      + ["", "Commands:"] + list
      + ["", "\(program) COMMAND --help shows the options of a command."]
    return lines.joined(separator: "\n") + "\n"
  }
}

extension ParsedArguments {
  /// The seed of a run.
  func seed() throws(ArgumentError) -> UInt64 { UInt64(try int("seed", in: 0...1 << 53)) }

  /// A whole number, or nil where the option is not given.
  func optionalInt(_ name: String, in range: ClosedRange<Int>) throws(ArgumentError) -> Int? {
    guard isGiven(name) else { return nil }
    return try int(name, in: range)
  }
}
