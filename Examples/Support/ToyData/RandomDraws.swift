#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// The recipes by which all toy data turn random bits into numbers.
///
/// The standard library may change how it makes a `Double` from bits; these recipes are fixed here
/// so that a seed gives the same points everywhere.
extension RandomNumberGenerator {
  /// A multiple of 2⁻⁵³ in [0, 1), made from the 53 high bits of one `next()`.
  package mutating func uniform() -> Double {
    Double(next() >> 11) * 0x1p-53
  }

  /// An index below a small bound, from one uniform number.
  ///
  /// The indices' probabilities differ by at most 2⁻⁵³, which no test of ours could notice.
  package mutating func uniformIndex(below bound: Int) -> Int {
    min(Int(uniform() * Double(bound)), bound - 1)
  }

  /// Two independent standard normal numbers by the Box–Muller transform of two uniform ones.
  package mutating func normalPair() -> (x: Double, y: Double) {
    // One minus a number in [0, 1) is never zero, so the logarithm is finite.
    let radius = (-2 * log(1 - uniform())).squareRoot()
    let angle = 2 * Double.pi * uniform()
    return (radius * cos(angle), radius * sin(angle))
  }
}
