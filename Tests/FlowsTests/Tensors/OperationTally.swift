/// Counts the operations of formulas that are written out in `Tallied` numbers.
final class OperationTally {
  private(set) var operations = 0
  func add() { operations += 1 }

  /// A number whose operations are counted.
  var number: Tallied { Tallied(tally: self) }
}

/// A number that counts what is done to it and has no value.
struct Tallied {
  fileprivate let tally: OperationTally

  private func counted() -> Tallied {
    tally.add()
    return self
  }

  static func + (a: Tallied, b: Tallied) -> Tallied { a.counted() }
  static func - (a: Tallied, b: Tallied) -> Tallied { a.counted() }
  static func * (a: Tallied, b: Tallied) -> Tallied { a.counted() }
  static func / (a: Tallied, b: Tallied) -> Tallied { a.counted() }
  static func += (a: inout Tallied, b: Tallied) { a = a + b }
  static prefix func - (a: Tallied) -> Tallied { a }

  /// One value of an elementary function.
  static func function(_ a: Tallied) -> Tallied { a.counted() }
}
