/// The arguments of one call, read by type.
///
/// An option that is not given has its declared default; one without either is an error of the
/// caller, save for the getters that return nil. To ask for a name that was not declared is a
/// mistake of the program and stops it.
public struct ParsedArguments: Sendable {
  private let optionsByName: [String: CommandOption]
  private let values: [String: String]
  private let flags: Set<String>

  /// The arguments besides options, in their order.
  public let positionals: [String]

  init(
    optionsByName: [String: CommandOption], values: [String: String], flags: Set<String>,
    positionals: [String]
  ) {
    self.optionsByName = optionsByName
    self.values = values
    self.flags = flags
    self.positionals = positionals
  }

  /// Whether a flag or an option stands in the call, whatever its default.
  public func isGiven(_ name: String) -> Bool {
    let option = declared(name)
    return flags.contains(option.name) || values[option.name] != nil
  }

  /// Whether a flag was given.
  public func flag(_ name: String) -> Bool {
    precondition(
      declared(name).valueName == nil, "The option --\(name) takes a value and is no flag.")
    return flags.contains(name)
  }

  /// The value of an option as text, or nil when it has neither a value nor a default.
  public func optionalString(_ name: String) -> String? {
    let option = declared(name)
    precondition(option.valueName != nil, "The option --\(name) is a flag and has no value.")
    return values[name] ?? option.defaultValue
  }

  /// The value of an option as text.
  public func string(_ name: String) throws(ArgumentError) -> String {
    guard let value = optionalString(name) else { throw .missingOption(name) }
    return value
  }

  /// The value of an option as a whole number within a range.
  public func int(
    _ name: String, in range: ClosedRange<Int> = Int.min...Int.max
  ) throws(ArgumentError) -> Int {
    let text = try string(name)
    guard let value = Int(text) else {
      throw .notANumber(option: name, value: text, expected: "a whole number")
    }
    guard range.contains(value) else {
      let words = ParsedArguments.words(
        lower: range.lowerBound == Int.min ? nil : "\(range.lowerBound)",
        upper: range.upperBound == Int.max ? nil : "\(range.upperBound)")
      throw .outOfRange(option: name, value: text, range: words)
    }
    return value
  }

  /// The value of an option as a finite number within a range.
  ///
  /// A range that starts at `Double.leastNonzeroMagnitude` means all numbers above zero.
  public func double(
    _ name: String, in range: ClosedRange<Double> = -Double.infinity...Double.infinity
  ) throws(ArgumentError) -> Double {
    let text = try string(name)
    guard let value = Double(text), value.isFinite else {
      throw .notANumber(option: name, value: text, expected: "a finite number")
    }
    guard range.contains(value) else {
      let lower = range.lowerBound == -Double.infinity ? nil : "\(range.lowerBound)"
      let upper = range.upperBound == Double.infinity ? nil : "\(range.upperBound)"
      let isAboveZero = range.lowerBound == Double.leastNonzeroMagnitude
      let words =
        isAboveZero
        ? "above zero" + (upper.map { " and at most \($0)" } ?? "")
        : ParsedArguments.words(lower: lower, upper: upper)
      throw .outOfRange(option: name, value: text, range: words)
    }
    return value
  }

  /// The value of an option as one of some known texts, which are of a kind such as "data set".
  public func choice(
    _ name: String, from known: [String], kind: String
  ) throws(ArgumentError) -> String {
    let text = try string(name)
    guard known.contains(text) else {
      throw .unknownChoice(
        option: name, kind: kind, value: text, nearest: nearestMatch(to: text, among: known),
        known: known)
    }
    return text
  }

  private func declared(_ name: String) -> CommandOption {
    guard let option = optionsByName[name] else {
      preconditionFailure("The option --\(name) is read but was never declared.")
    }
    return option
  }

  private static func words(lower: String?, upper: String?) -> String {
    switch (lower, upper) {
    case (let lower?, let upper?): "between \(lower) and \(upper)"
    case (let lower?, nil): "at least \(lower)"
    case (nil, let upper?): "at most \(upper)"
    case (nil, nil): "a number"
    }
  }
}
