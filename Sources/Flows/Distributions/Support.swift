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

extension Support {
  /// The finite ends.
  public var ends: [Double] {
    switch self {
    case .real: []
    case .positive: [0]
    case .interval(let low, let high): [low, high]
    }
  }

  /// The least and the greatest value, possibly infinite.
  public var bounds: (low: Double, high: Double) {
    switch self {
    case .real: (-.infinity, .infinity)
    case .positive: (0, .infinity)
    case .interval(let low, let high): (low, high)
    }
  }

  /// What lies in both; nil where nothing does.
  func intersection(_ other: Support) -> Support? {
    let (a, b) = (bounds, other.bounds)
    let (low, high) = (Swift.max(a.low, b.low), Swift.min(a.high, b.high))
    if low == -.infinity && high == .infinity { return .real }
    if low == 0 && high == .infinity { return .positive }
    return low < high ? .interval(low, high) : nil
  }

  /// The smallest support that holds both.
  func union(_ other: Support) -> Support {
    switch (self, other) {
    case (.interval(let a, let b), .interval(let c, let d)): .interval(min(a, c), max(b, d))
    case (.positive, .positive): .positive
    case (.positive, .interval(let low, _)), (.interval(let low, _), .positive):
      low >= 0 ? .positive : .real
    default: .real
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
