#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// The logarithm of a sum of weighted exponentials, gathered term by term without overflow.
struct LogSum {
  private var largest = -Double.infinity
  private var sum = 0.0

  /// Adds `weight` times the exponential of `exponent`.
  mutating func add(_ exponent: Double, weight: Double = 1) {
    if exponent <= largest {
      sum += weight * exp(exponent - largest)
    } else {
      sum = sum * exp(largest - exponent) + weight
      largest = exponent
    }
  }

  /// The logarithm of the sum so far; minus infinity when nothing was added.
  var value: Double { largest + log(sum) }
}
