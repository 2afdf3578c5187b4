/// What checks found.
public struct CheckReport: Sendable, CustomStringConvertible {
  /// What is wrong; each sentence names the case, the check and the instruction set.
  public internal(set) var problems: [String] = []
  /// What could not be checked, and why: it has neither passed nor failed.
  public internal(set) var skipped: [String] = []

  /// Problems and skipped checks, one a line.
  public var description: String {
    (problems + skipped.map { "skipped: \($0)" }).joined(separator: "\n")
  }
}

/// Why a check does not run.
struct NotChecked: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}
