/// A mistake in the arguments of a command, described by a full sentence that names the option.
public enum ArgumentError: Error, Equatable, CustomStringConvertible {
  /// The exit status for mistakes in the arguments: EX_USAGE of the BSD header sysexits.h.
  public static let exitStatus: Int32 = 64

  /// An option that is not declared, with the nearest declared one if any is like it.
  case unknownOption(String, nearest: String?)

  /// An option that needs a value but ends the line or is followed by another option.
  case missingValue(option: String, valueName: String)

  /// A flag that was given a value with an equals sign.
  case unexpectedValue(option: String, value: String)

  /// An option given more than once.
  case repeatedOption(String)

  /// An option that has no default and was not given.
  case missingOption(String)

  /// A value that is not a number of the right kind.
  case notANumber(option: String, value: String, expected: String)

  /// A number outside its range, which is given in words.
  case outOfRange(option: String, value: String, range: String)

  /// A value that is not among the known ones, with the nearest of them if any is like it.
  case unknownChoice(
    option: String, kind: String, value: String, nearest: String?, known: [String])

  /// A command that is not known, with the nearest of those that are if any is like it.
  case unknownCommand(String, nearest: String?, known: [String])

  /// Options of which one has to be given, and no other, with those that were.
  case notExactlyOne(of: [String], given: [String])

  /// An option that belongs to another command than the one that was asked for.
  case foreignOption(String, command: String)

  /// An option that belongs to some commands, none of which was asked for.
  case strayOption(String, commands: [String])

  /// An argument where none is accepted.
  case unexpectedArgument(String)

  /// Too few or too many arguments besides the options.
  case wrongArgumentCount(name: String, expected: String, actual: Int)

  /// The full sentence.
  public var description: String {
    switch self {
    case .unknownOption(let option, let nearest):
      let hint = nearest.map { "did you mean \($0)?" } ?? "see --help for the known ones."
      return "Unknown option \(option): \(hint)"
    case .missingValue(let option, let valueName):
      return "The option --\(option) needs a value: write --\(option) \(valueName)."
    case .unexpectedValue(let option, let value):
      return "The option --\(option) takes no value, but \"\(value)\" was given."
    case .repeatedOption(let option):
      return "The option --\(option) is given more than once."
    case .missingOption(let option):
      return "The option --\(option) is required but was not given."
    case .notANumber(let option, let value, let expected):
      return "The value of --\(option) must be \(expected), but is \"\(value)\"."
    case .outOfRange(let option, let value, let range):
      return "The value of --\(option) must be \(range), but is \(value)."
    case .unknownChoice(let option, let kind, let value, let nearest, let known):
      let hint = nearest.map { "did you mean \"\($0)\"?" } ?? "no known one is like it."
      return "Unknown \(kind) \"\(value)\" for --\(option): \(hint) "
        + "Known: \(known.joined(separator: ", "))."
    case .unknownCommand(let word, let nearest, let known):
      let hint = nearest.map { "did you mean \($0)?" } ?? "no known one is like it."
      return "Unknown command \"\(word)\": \(hint) Known: \(known.joined(separator: ", "))."
    case .notExactlyOne(let names, let given):
      let list = names.map { "--\($0)" }.joined(separator: ", ")
      let found =
        given.isEmpty
        ? "none was given"
        : given.map { "--\($0)" }.joined(separator: " and ") + " were given"
      return "Exactly one of \(list) is required, but \(found)."
    case .foreignOption(let option, let command):
      return "The option --\(option) does not go with --\(command)."
    case .strayOption(let option, let commands):
      let list = commands.map { "--\($0)" }.joined(separator: " or ")
      return "The option --\(option) goes with \(list) only."
    case .unexpectedArgument(let argument):
      return "Unexpected argument \"\(argument)\": this command takes options only."
    case .wrongArgumentCount(let name, let expected, let actual):
      return "Expected \(expected) \(name), but \(actual) \(actual == 1 ? "was" : "were") given."
    }
  }
}
