/// The declaration of one command-line option: a flag, or an option that takes a value.
public struct CommandOption: Sendable, Equatable {
  /// The name without its leading hyphens.
  public let name: String

  /// What the value is called in the help text, such as N; nil for a flag.
  public let valueName: String?

  /// The value used when the option is not given; nil when there is none.
  public let defaultValue: String?

  /// One or more sentences for the help text.
  public let help: String

  /// Declares an option that takes a value, as in `--steps 100` or `--steps=100`.
  public static func value(
    _ name: String, _ valueName: String, default defaultValue: String? = nil, help: String
  ) -> CommandOption {
    CommandOption(name: name, valueName: valueName, defaultValue: defaultValue, help: help)
  }

  /// Declares an option that takes no value and is either given or not.
  public static func flag(_ name: String, help: String) -> CommandOption {
    CommandOption(name: name, valueName: nil, defaultValue: nil, help: help)
  }
}

/// Options that are listed together under one title in the help text.
public struct CommandOptionGroup: Sendable, Equatable {
  /// The title of the group, without a colon.
  public let title: String

  /// The options in the order in which they are listed.
  public let options: [CommandOption]

  /// Makes a group from its title and options.
  public init(_ title: String, _ options: [CommandOption]) {
    self.title = title
    self.options = options
  }
}

/// Which arguments besides options a command accepts.
public enum PositionalArguments: Sendable, Equatable {
  /// None; each one is an error.
  case rejected

  /// A number of them within a range, called by a name such as FILE in the help text, or where each
  /// has a name of its own by all of them, such as "MODEL DATA".
  case accepted(name: String, count: ClosedRange<Int>, help: String)
}
