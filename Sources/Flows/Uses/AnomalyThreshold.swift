internal import CFlowKernels

/// A bound on scores that ordinary rows exceed no more often than a given rate, from held-out rows.
///
/// It is the k-th smallest of n held-out scores with k = ⌈(n + 1)(1 − α)⌉. If held-out and new rows
/// are exchangeable, a new row exceeds it with a probability of at most α, for any n and whatever
/// the score is worth (split conformal prediction; Vovk et al., 2005). That is an average over
/// held-out tables; with the one at hand and scores without ties, the rate follows the Beta density
/// of parameters n + 1 − k and k, see ``falseAlarmInterval(confidence:)``.
public struct AnomalyThreshold: Hashable, Sendable {
  /// The rate α that false alarms are not to exceed.
  public let falseAlarmRate: Double
  /// The held-out scores in ascending order.
  public let scores: [Double]
  /// k, counted from 1.
  public let rank: Int

  /// The threshold of some held-out scores, larger for more unusual rows.
  ///
  /// - Throws: ``FlowsError``: `.invalidConfiguration` for a rate outside of (0, 1); `.invalidData`
  ///   where the rows are fewer than 1/α − 1, which cannot promise the rate, where a score is NaN,
  ///   or where the threshold is infinite since too many held-out rows have density 0.
  public init(heldOutScores: [Double], falseAlarmRate: Double) throws {
    guard falseAlarmRate > 0 && falseAlarmRate < 1 else {
      throw FlowsError(
        .invalidConfiguration, "expected a rate in (0, 1), got \(falseAlarmRate)",
        field: "falseAlarmRate")
    }
    if let row = heldOutScores.firstIndex(where: \.isNaN) {
      throw FlowsError(.invalidData, "a held-out score is not a number", row: row + 1)
    }
    let count = heldOutScores.count
    // α (n + 1) may be whole but for rounding.
    let alarms = Swift.min(
      count, Int((falseAlarmRate * Double(count + 1) * (1 + 1e-12)).rounded(.down)))
    guard alarms >= 1 else {
      throw FlowsError(
        .invalidData,
        "a false-alarm rate of \(falseAlarmRate) takes at least "
          + "\(Int(exactly: (1 / falseAlarmRate - 1).rounded(.up)).map { "\(Swift.max(1, $0))" } ?? "10¹⁸") "
          + "held-out rows; got \(count)")
    }
    rank = count + 1 - alarms
    scores = heldOutScores.sorted()
    self.falseAlarmRate = falseAlarmRate
    guard scores[rank - 1] < .infinity else {
      throw FlowsError(
        .invalidData,
        "\(heldOutScores.count { $0 == .infinity }) of \(count) held-out rows have density 0, more "
          + "than a false-alarm rate of \(falseAlarmRate) allows")
    }
  }

  /// The score that ordinary rows rarely exceed.
  public var score: Double { scores[rank - 1] }

  /// (n + 1 − k)/(n + 1) ≤ α: the rate of false alarms on average over held-out tables.
  public var expectedFalseAlarmRate: Double {
    Double(scores.count + 1 - rank) / Double(scores.count + 1)
  }

  /// The interval that holds the rate of false alarms of this very threshold, as often as
  /// `confidence` says: the equal-tailed one of Beta(n + 1 − k, k).
  public func falseAlarmInterval(confidence: Double = 0.95) -> ClosedRange<Double> {
    precondition(
      confidence > 0 && confidence < 1, "a confidence lies in (0, 1); got \(confidence)")
    let (a, b) = (Double(scores.count + 1 - rank), Double(rank))
    let out = (1 - confidence) / 2
    return fk_beta_quantile(a, b, out)...fk_beta_quantile(a, b, 1 - out)
  }

  /// Whether a score exceeds the threshold, or is not a number.
  public func isExceeded(by score: Double) -> Bool { !(score <= self.score) }

  /// (1 + number of held-out scores of at least this one)/(n + 1): a p-value for the row to be an
  /// ordinary one, at most p with a probability of at most p.
  public func pValue(ofScore score: Double) -> Double {
    let above = score.isNaN ? 0 : scores.count - scores.firstIndex(from: score)
    return Double(1 + above) / Double(scores.count + 1)
  }
}

extension AnomalyThreshold: Codable {
  private enum CodingKeys: CodingKey {
    case falseAlarmRate, scores, infiniteScores
  }

  /// Reads a threshold; throws `DecodingError` where it makes no sense.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let infinite = try container.decodeIfPresent(Int.self, forKey: .infiniteScores) ?? 0
    let finite = try container.decode([Double].self, forKey: .scores)
    guard (0...1 << 24).contains(infinite) else {
      throw DecodingError.dataCorruptedError(
        forKey: .infiniteScores, in: container, debugDescription: "expected a small count")
    }
    do {
      try self.init(
        heldOutScores: finite + Array(repeating: .infinity, count: infinite),
        falseAlarmRate: container.decode(Double.self, forKey: .falseAlarmRate))
    } catch let error as FlowsError {
      throw DecodingError.dataCorruptedError(
        forKey: .scores, in: container, debugDescription: error.description)
    }
  }

  /// Writes rate and scores; infinite ones by their number, since JSON has none.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    let finite = scores.filter { $0 < .infinity }
    try container.encode(falseAlarmRate, forKey: .falseAlarmRate)
    try container.encode(finite, forKey: .scores)
    if finite.count < scores.count {
      try container.encode(scores.count - finite.count, forKey: .infiniteScores)
    }
  }
}
