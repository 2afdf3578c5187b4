internal import CFlowKernels

/// An increasing Bernstein polynomial (Ramasinghe et al., Robust normalizing flows using Bernstein-type
/// polynomials, BMVC 2022).
///
/// On the interval, with u = (x − low) / (high − low), y = low + (high − low) Σ_k b_k C(n, k) uᵏ(1 − u)ⁿ⁻ᵏ
/// with increasing coefficients b from 0 to 1, beyond it straight lines. It is the map from data to
/// latent; toward data the equation is solved by bracketed Newton steps. Zeros are the identity.
public struct BernsteinPolynomial: Hashable, Sendable, Codable {
  /// What happens beyond the interval.
  public enum Tails: String, Hashable, Sendable, Codable {
    /// The identity, joined with slope 1.
    case linear
    /// Straight lines whose slopes are those at the ends.
    case learned
  }

  /// The degree n.
  public var degree: Int
  /// The least value that the polynomial bends.
  public var low: Double
  /// The greatest value that the polynomial bends.
  public var high: Double
  /// What happens beyond.
  public var tails: Tails

  /// A polynomial on an interval of the columns it transforms.
  public init(
    degree: Int = 16, interval: ClosedRange<Double> = -5...5, tails: Tails = .linear
  ) {
    self.degree = degree
    low = interval.lowerBound
    high = interval.upperBound
    self.tails = tails
  }

  var kernel: fk_map {
    var map = fk_map()
    map.kind = FK_MAP_BERNSTEIN
    map.parts = Int64(degree)
    map.low = low
    map.high = high
    map.tails = tails == .linear ? FK_TAILS_LINEAR : FK_TAILS_LEARNED
    map.part_floor = 1e-3
    map.slope_floor = 1e-3
    return map
  }

  func validate() throws {
    try requireConfiguration(
      (3...64).contains(degree), "expected a degree of 3 to 64, got \(degree)", field: "degree")
    try requireInterval(low, high)
  }
}
