/// Where a column of a density can be positive.
public enum Support: Hashable, Sendable, Codable {
  /// All of ℝ.
  case real
  /// (0, ∞).
  case positive
  /// From the first to the second number.
  case interval(Double, Double)

  /// Whether a value lies within; the ends of an interval do.
  public func contains(_ value: Double) -> Bool {
    switch self {
    case .real: value.isFinite
    case .positive: value > 0 && value.isFinite
    case .interval(let low, let high): value >= low && value <= high
    }
  }
}

extension Support: CustomStringConvertible {
  /// "ℝ", "(0, ∞)" or "[low, high]".
  public var description: String {
    switch self {
    case .real: "ℝ"
    case .positive: "(0, ∞)"
    case .interval(let low, let high): "[\(low), \(high)]"
    }
  }
}
