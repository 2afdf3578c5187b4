#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Whether numbers in [0, 1] are uniform: the test of Kolmogorov and Smirnov.
public struct UniformityTest: Hashable, Sendable, Codable {
  /// The numbers, or how many independent ones they are worth.
  public let count: Double
  /// D, the largest distance of their distribution function from the straight line.
  public let distance: Double
  /// The probability of so large a distance if they are uniform (the limit distribution with
  /// Stephens' correction for finite samples; JRSS B 32, 1970).
  public let pValue: Double

  /// A test of numbers.
  ///
  /// - Parameters:
  ///   - values: numbers in [0, 1].
  ///   - effectiveCount: for values that are ranks among m shared draws, n·m/(n + m); their number
  ///     n where nil.
  public init(_ values: [Double], effectiveCount: Double? = nil) {
    precondition(
      !values.isEmpty && values.allSatisfy { $0 >= 0 && $0 <= 1 },
      "uniformity is that of one or more numbers in [0, 1]")
    let (sorted, n) = (values.sorted(), Double(values.count))
    var distance = 0.0
    for (index, value) in sorted.enumerated() {
      distance = Swift.max(
        distance, Double(index + 1) / n - value, value - Double(index) / n)
    }
    let count = effectiveCount ?? n
    let root = count.squareRoot()
    let t = (root + 0.12 + 0.11 / root) * distance
    (self.count, self.distance) = (count, distance)
    pValue = Self.tail(t)
  }

  /// P(K > t) of the Kolmogorov distribution.
  private static func tail(_ t: Double) -> Double {
    if t < 0.2 { return 1 }
    var (sum, sign) = (0.0, 2.0)
    for k in 1...100 {
      sum += sign * exp(-2 * Double(k * k) * t * t)
      sign = -sign
    }
    return Swift.min(1, Swift.max(0, sum))
  }
}
