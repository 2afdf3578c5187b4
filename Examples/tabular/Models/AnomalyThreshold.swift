import Flows

/// A log-density below which a row counts as an anomaly.
///
/// With n ordinary rows and k = ⌊rate · (n + 1)⌋ it is the k-th lowest of their scores. A further ordinary
/// row is then flagged with probability k / (n + 1) at most, whatever the density is worth (Vovk, Gammerman
/// and Shafer, Algorithmic Learning in a Random World, 2005: conformal prediction).
struct AnomalyThreshold {
  let value: Double
  /// The rows that it was taken from.
  let rows: Int

  /// The threshold at a false-alarm rate, from scores of ordinary rows.
  ///
  /// - Throws: `FlowsError` for fewer rows than the rate needs.
  init(_ scores: [Double], rate: Double, file: String) throws {
    let rank = Int((rate * Double(scores.count + 1) + 1e-9).rounded(.down))
    guard rank >= 1 else {
      throw FlowsError(
        .invalidData,
        "a false-alarm rate of \(rate) takes at least \(Int((1 / rate).rounded(.up)) - 1) rows, "
          + "found \(scores.count)", file: file)
    }
    value = scores.sorted()[rank - 1]
    rows = scores.count
  }

  /// Whether a row of this log-density is an anomaly.
  func flags(_ score: Double) -> Bool { !(score >= value) }
}
