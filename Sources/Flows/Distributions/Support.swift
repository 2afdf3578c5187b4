/// Where a column of a density can be positive.
public enum Support: Hashable, Sendable, Codable {
  /// All of ℝ.
  case real
  /// (0, ∞).
  case positive
  /// From the first to the second number.
  case interval(Double, Double)
  /// Angles in radians, [−π, π): both ends are one point, as is every number a multiple of 2π away.
  case circle

  /// Whether a value lies within; the ends of an interval do, and every finite angle.
  public func contains(_ value: Double) -> Bool {
    switch self {
    case .real: value.isFinite
    case .positive: value > 0 && value.isFinite
    case .interval(let low, let high): value >= low && value <= high
    case .circle: value.isFinite
    }
  }
}

extension Support {
  /// The finite ends; of a circle, where it is cut open.
  public var ends: [Double] {
    switch self {
    case .real: []
    case .positive: [0]
    case .interval(let low, let high): [low, high]
    case .circle: [-.pi, .pi]
    }
  }

  /// The least and the greatest value, possibly infinite.
  public var bounds: (low: Double, high: Double) {
    switch self {
    case .real: (-.infinity, .infinity)
    case .positive: (0, .infinity)
    case .interval(let low, let high): (low, high)
    case .circle: (-.pi, .pi)
    }
  }

  /// What lies in both; nil where nothing does.
  func intersection(_ other: Support) -> Support? {
    if self == .circle && other == .circle { return .circle }
    let (a, b) = (bounds, other.bounds)
    let (low, high) = (Swift.max(a.low, b.low), Swift.min(a.high, b.high))
    if low == -.infinity && high == .infinity { return .real }
    if low == 0 && high == .infinity { return .positive }
    return low < high ? .interval(low, high) : nil
  }

  /// The smallest support that holds both.
  func union(_ other: Support) -> Support {
    if self == .circle && other == .circle { return .circle }
    if self == .circle { return Support.interval(-.pi, .pi).union(other) }
    if other == .circle { return union(.interval(-.pi, .pi)) }
    return switch (self, other) {
    case (.interval(let a, let b), .interval(let c, let d)): .interval(min(a, c), max(b, d))
    case (.positive, .positive): .positive
    case (.positive, .interval(let low, _)), (.interval(let low, _), .positive):
      low >= 0 ? .positive : .real
    default: .real
    }
  }
}

extension Support: CustomStringConvertible {
  /// "ℝ", "(0, ∞)", "[low, high]" or "the circle [−π, π)".
  public var description: String {
    switch self {
    case .real: "ℝ"
    case .positive: "(0, ∞)"
    case .interval(let low, let high): "[\(low), \(high)]"
    case .circle: "the circle [−π, π)"
    }
  }
}
