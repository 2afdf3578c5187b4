#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// Where a progress bar writes to, and what that place can show.
public struct ProgressOutput {
  /// Whether lines can be redrawn in place.
  public let isTerminal: Bool

  /// Whether colour may be used; only heeded on a terminal.
  public let usesColor: Bool

  /// The present number of columns, asked anew for each line since a terminal may be resized.
  public let columns: () -> Int

  /// Writes a text.
  public let write: (String) -> Void

  /// Makes an output; a test gives its own `write` and so sees every character.
  public init(
    isTerminal: Bool, usesColor: Bool = false, columns: @escaping () -> Int = { 80 },
    write: @escaping (String) -> Void
  ) {
    self.isTerminal = isTerminal
    self.usesColor = usesColor
    self.columns = columns
    self.write = write
  }

  /// Standard error, with what its terminal and the environment allow.
  ///
  /// A terminal of the type `dumb` counts as none. Colour is off when `NO_COLOR` is set to any
  /// text but the empty one.
  public static var standardError: ProgressOutput {
    let isTerminal = isatty(2) == 1 && environmentValue("TERM") != "dumb"
    return ProgressOutput(
      isTerminal: isTerminal,
      usesColor: isTerminal && (environmentValue("NO_COLOR") ?? "").isEmpty,
      columns: { terminalColumns() ?? 80 },
      write: { writeToStandardError($0) })
  }
}

/// The value of an environment variable, or nil when it is not set.
private func environmentValue(_ name: String) -> String? {
  getenv(name).map { String(cString: $0) }
}

/// The width of the terminal at standard error, or nil when it has none.
private func terminalColumns() -> Int? {
  var size = winsize()
  guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
  return Int(size.ws_col)
}
