#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A coordinate u that runs over ℝ where a column runs over its support: x itself, the log of the
/// distance from the one end, or the logit of the place between both.
struct UnboundedCoordinate: Sendable {
  private let low: Double
  private let high: Double

  init(_ support: Support) { (low, high) = support.bounds }

  /// u(x), held within ±690.
  func coordinate(of x: Double) -> Double {
    let u: Double
    switch (low.isFinite, high.isFinite) {
    case (false, false): return x
    case (true, false): u = log(x - low)
    case (false, true): u = -log(high - x)
    case (true, true): u = log((x - low) / (high - x))
    }
    return Swift.min(690, Swift.max(-690, u))
  }

  /// x(u) and log dx/du.
  func value(at u: Double) -> (x: Double, logSlope: Double) {
    switch (low.isFinite, high.isFinite) {
    case (false, false): return (u, 0)
    case (true, false): return (low + exp(Swift.min(u, 690)), u)
    case (false, true): return (high - exp(-Swift.max(u, -690)), -u)
    case (true, true):
      let share = exp(-u.magnitude) / (1 + exp(-u.magnitude)) * (high - low)
      return (
        u < 0 ? low + share : high - share,
        log(high - low) - u.magnitude - 2 * log1p(exp(-u.magnitude))
      )
    }
  }
}
