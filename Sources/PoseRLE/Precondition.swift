// Mistakes in shapes end the program with a message that names them. The standard library's
// `precondition` drops its message in optimised code, which this module is even in debug builds;
// these two take its place throughout the module and print it always.

/// Ends the program with a message where a condition does not hold.
@inline(__always)
func precondition(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String,
  file: StaticString = #fileID, line: UInt = #line
) {
  if !condition() { preconditionFailure(message(), file: file, line: line) }
}

/// Ends the program with a message.
@inline(never)
func preconditionFailure(
  _ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line
) -> Never {
  fatalError(message(), file: file, line: line)
}
