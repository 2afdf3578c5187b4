/// A small command-line parser for commands with long options.
///
/// Options are written `--name value` or `--name=value`; the text after `--` is never an option.
/// A value may start with one hyphen, so that negative numbers need no special care.
public struct ArgumentParser: Sendable {
  /// What a command is asked to do.
  public enum Request: Sendable {
    /// To run with these arguments.
    case run(ParsedArguments)

    /// To show the help text.
    case help
  }

  /// The name of the command.
  public let program: String

  /// What the command does, for the help text.
  public let summary: String

  /// Which arguments besides options the command accepts.
  public let positionals: PositionalArguments

  /// The declared options by group.
  public let groups: [CommandOptionGroup]

  private let optionsByName: [String: CommandOption]

  /// Declares a command; no two options may share a name, and `help` is taken.
  public init(
    program: String, summary: String, positionals: PositionalArguments = .rejected,
    groups: [CommandOptionGroup]
  ) {
    self.program = program
    self.summary = summary
    self.positionals = positionals
    self.groups = groups
    var optionsByName: [String: CommandOption] = [:]
    for option in groups.flatMap({ $0.options }) {
      precondition(
        !option.name.isEmpty && !option.name.hasPrefix("-") && !option.name.contains("="),
        "An option is declared by its bare name, unlike \"\(option.name)\".")
      precondition(
        option.name != "help" && optionsByName[option.name] == nil,
        "The option --\(option.name) is declared more than once.")
      optionsByName[option.name] = option
    }
    self.optionsByName = optionsByName
  }

  /// Sorts the arguments, without the program's own name, into options and positional ones.
  ///
  /// A call for help wins over mistakes that stand after it.
  public func parse(_ arguments: [String]) throws(ArgumentError) -> Request {
    var values: [String: String] = [:]
    var flags: Set<String> = []
    var others: [String] = []
    var position = 0
    while position < arguments.count {
      let argument = arguments[position]
      position += 1
      if argument == "--" {
        others += arguments[position...]
        break
      }
      if argument == "--help" || argument == "-h" { return .help }
      guard ArgumentParser.looksLikeOption(argument) else {
        others.append(argument)
        continue
      }
      let (option, attachedValue) = try resolve(argument)
      if flags.contains(option.name) || values[option.name] != nil {
        throw .repeatedOption(option.name)
      }
      if let valueName = option.valueName {
        if let attachedValue {
          values[option.name] = attachedValue
        } else if position < arguments.count, !arguments[position].hasPrefix("--") {
          values[option.name] = arguments[position]
          position += 1
        } else {
          throw .missingValue(option: option.name, valueName: valueName)
        }
      } else if let attachedValue {
        throw .unexpectedValue(option: option.name, value: attachedValue)
      } else {
        flags.insert(option.name)
      }
    }
    try checkPositionals(others)
    return .run(
      ParsedArguments(
        optionsByName: optionsByName, values: values, flags: flags, positionals: others))
  }

  /// Whether an argument must be an option: it starts with a hyphen and is no negative number.
  private static func looksLikeOption(_ argument: String) -> Bool {
    argument.hasPrefix("-") && argument != "-" && Double(argument) == nil
  }

  /// Finds the declared option of an argument and the value after its equals sign, if any.
  private func resolve(
    _ argument: String
  ) throws(ArgumentError) -> (option: CommandOption, value: String?) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let written = String(parts[0])
    let name = String(written.drop { $0 == "-" })
    guard written.hasPrefix("--"), let option = optionsByName[name] else {
      let names = groups.flatMap { $0.options.map { $0.name } } + ["help"]
      let nearest = nearestMatch(to: name, among: names)
      throw .unknownOption(written, nearest: nearest.map { "--\($0)" })
    }
    return (option, parts.count > 1 ? String(parts[1]) : nil)
  }

  private func checkPositionals(_ arguments: [String]) throws(ArgumentError) {
    switch positionals {
    case .rejected:
      if let first = arguments.first { throw .unexpectedArgument(first) }
    case .accepted(let name, let count, _):
      if !count.contains(arguments.count) {
        let isList = name.contains(" ")
        throw .wrongArgumentCount(
          name: isList ? "arguments (\(name))" : name, expected: ArgumentParser.words(for: count),
          actual: arguments.count)
      }
    }
  }

  private static func words(for count: ClosedRange<Int>) -> String {
    if count.lowerBound == count.upperBound { return "exactly \(count.lowerBound)" }
    if count.upperBound == Int.max { return "at least \(count.lowerBound)" }
    return "\(count.lowerBound) to \(count.upperBound)"
  }
}
