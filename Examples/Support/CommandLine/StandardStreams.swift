#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

extension ArgumentParser {
  /// Parses the arguments of the process and reads them, or ends the process.
  ///
  /// A call for help goes to standard output with exit status 0. A mistake, be it found while
  /// parsing or by `read`, goes to standard error with exit status `ArgumentError.exitStatus`.
  public func readOrExit<Settings>(
    _ arguments: [String] = Array(CommandLine.arguments.dropFirst()),
    _ read: (ParsedArguments) throws(ArgumentError) -> Settings
  ) -> Settings {
    do {
      switch try parse(arguments) {
      case .help:
        print(helpText, terminator: "")
        exit(0)
      case .run(let parsed):
        return try read(parsed)
      }
    } catch {
      writeToStandardError("\(program): \(error)\nSee \(program) --help for all options.\n")
      exit(ArgumentError.exitStatus)
    }
  }
}

/// Writes a text to standard error at once and without a buffer.
package func writeToStandardError(_ text: String) {
  var bytes = Array(text.utf8)[...]
  while !bytes.isEmpty {
    let written = bytes.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
    // A closed or full standard error must not keep the program from its work.
    guard written > 0 else { return }
    bytes = bytes.dropFirst(written)
  }
}
