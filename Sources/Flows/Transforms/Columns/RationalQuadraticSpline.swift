internal import CFlowKernels

/// A monotone rational-quadratic spline (Gregory and Delbourgo, 1982; Durkan et al., Neural Spline
/// Flows, NeurIPS 2019, section 3).
///
/// The interval is cut into bins by knots (x_k, y_k) with slopes δ_k. With s_k = Δy_k / Δx_k and
/// ξ = (x − x_k) / Δx_k, within bin k
///
///     y = y_k + Δy_k (s_k ξ² + δ_k ξ(1 − ξ)) / (s_k + (δ_{k+1} + δ_k − 2 s_k) ξ(1 − ξ)).
///
/// It is the map from data to latent; toward data, a quadratic is solved by its stable root. Its
/// parameters are those of the widths of the bins, of their heights, and of the slopes.
public struct RationalQuadraticSpline: Hashable, Sendable, Codable {
  /// What happens at the ends of the interval and beyond.
  public enum Tails: String, Hashable, Sendable, Codable {
    /// The identity beyond the interval, joined with slope 1: 3·bins − 1 parameters.
    case linear
    /// Straight lines beyond the interval, whose slopes are learned: 3·bins + 1 parameters.
    case learned
    /// The ends are one point of a circle, with one slope: 3·bins parameters.
    case circular
    /// The interval onto itself, with learned slopes at the ends: 3·bins + 1 parameters. Nothing lies
    /// beyond.
    case closed
  }

  /// How raw parameters become widths, heights and slopes.
  public enum Parametrization: String, Hashable, Sendable, Codable {
    /// Each raw number is bounded smoothly by ±log(1 / floor), then a softmax gives widths and
    /// heights, and an exponential slopes (as in zuko). Zeros are the identity.
    case soft
    /// Floors are added to a softmax and a softplus (as in nflows). Zeros are *not* the identity.
    case floored
    /// The same with slopes moved, so that zeros are the identity.
    case flooredIdentity
  }

  /// The number of bins.
  public var bins: Int
  /// The least value that the spline bends.
  public var low: Double
  /// The greatest value that the spline bends.
  public var high: Double
  /// What happens beyond.
  public var tails: Tails
  /// How raw parameters are read.
  public var parametrization: Parametrization
  /// The least share of a bin; in the soft form the least ratio.
  public var binFloor: Double
  /// The least slope at a knot.
  public var slopeFloor: Double

  /// A spline on an interval of the columns it transforms.
  ///
  /// - Parameters:
  ///   - bins: the number of bins, at least 2.
  ///   - interval: what the spline bends; columns in standard units lie within ±5.
  ///   - tails: what happens beyond.
  ///   - parametrization: how raw parameters are read.
  ///   - binFloor: the least share of a bin.
  ///   - slopeFloor: the least slope at a knot.
  public init(
    bins: Int = 8, interval: ClosedRange<Double> = -5...5, tails: Tails = .linear,
    parametrization: Parametrization = .soft, binFloor: Double = 1e-3, slopeFloor: Double = 1e-3
  ) {
    self.bins = bins
    low = interval.lowerBound
    high = interval.upperBound
    self.tails = tails
    self.parametrization = parametrization
    self.binFloor = binFloor
    self.slopeFloor = slopeFloor
  }

  /// On angles in [−π, π).
  public static func circular(bins: Int = 8) -> RationalQuadraticSpline {
    RationalQuadraticSpline(bins: bins, interval: -Double.pi...Double.pi, tails: .circular)
  }

  var kernel: fk_map {
    var map = fk_map()
    map.kind = FK_MAP_SPLINE
    map.parts = Int64(bins)
    map.low = low
    map.high = high
    map.tails =
      switch tails {
      case .linear: FK_TAILS_LINEAR
      case .learned: FK_TAILS_LEARNED
      case .circular: FK_TAILS_CIRCULAR
      case .closed: FK_TAILS_CLOSED
      }
    map.form =
      switch parametrization {
      case .soft: FK_FORM_SOFT
      case .floored: FK_FORM_FLOORED
      case .flooredIdentity: FK_FORM_FLOORED_IDENTITY
      }
    map.part_floor = binFloor
    map.slope_floor = slopeFloor
    return map
  }

  func validate() throws {
    try requireConfiguration(
      (2...1_024).contains(bins), "expected 2 to 1024 bins, got \(bins)", field: "bins")
    try requireInterval(low, high)
    try requireConfiguration(
      binFloor > 0 && binFloor * Double(bins) < 1,
      "expected a positive share below 1/\(bins), got "
        + "\(binFloor)", field: "binFloor")
    try requireConfiguration(
      slopeFloor > 0 && slopeFloor < 1, "expected a slope between 0 and 1, got \(slopeFloor)",
      field: "slopeFloor")
  }
}

func requireInterval(_ low: Double, _ high: Double) throws {
  try requireConfiguration(
    low.isFinite && high.isFinite && low < high,
    "expected an interval of finite numbers, got \(low) to \(high)", field: "low")
}
