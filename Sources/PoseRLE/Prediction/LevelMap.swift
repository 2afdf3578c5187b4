/// A monotone map between the nominal levels of highest-density regions and their honest ones.
///
/// It holds the ranks r_1 ≤ … ≤ r_n of held-out keypoints
/// (``ErrorDistribution/rank(ofLogDensity:)``). The region of honest level α is the one of the
/// ranks up to r_k, k = ⌈(n + 1)·α⌉: split conformal prediction with the rank as its score (Vovk et
/// al., 2005; Lei et al., JASA 2018). If the ranks of held-out and new keypoints are exchangeable,
/// the region holds a new keypoint with a probability of at least α, and at most α + 1/(n + 1)
/// where ranks do not tie, whatever the density. Where k > n the region is the whole support.
public struct LevelMap: Hashable, Sendable {
  /// The held-out ranks in ascending order, each in [0, 1].
  public let ranks: [Double]

  /// A map from held-out ranks in any order.
  ///
  /// - Precondition: there is one at least, and all lie in [0, 1].
  public init(ranks: [Double]) {
    precondition(
      !ranks.isEmpty && ranks.allSatisfy { $0 >= 0 && $0 <= 1 },
      "a map of levels is made from one or more ranks in [0, 1]")
    self.ranks = ranks.sorted()
  }

  /// A map of at most `count` ranks which promises the same: the ranks at ⌈i·(n + 1)/(count + 1)⌉.
  ///
  /// Levels are then told apart by 1/(count + 1), and rounded upwards: coverage exceeds a level by
  /// no more than 1/(count + 1) + 1/(n + 1).
  public func thinned(to count: Int) -> LevelMap {
    precondition(count >= 1, "a map of levels has one rank at least; got \(count)")
    if ranks.count <= count { return self }
    return LevelMap(
      ranks: (1...count).map { index in
        ranks[(index * (ranks.count + 1) + count) / (count + 1) - 1]
      })
  }

  /// The honest rank of a point of this nominal rank: #{r_i < rank}/(n + 1), and 1 for 1.
  public func calibrated(rank: Double) -> Double {
    if rank >= 1 { return 1 }
    var (low, high) = (0, ranks.count)
    while low < high {
      let middle = (low + high) / 2
      if ranks[middle] < rank { low = middle + 1 } else { high = middle }
    }
    return Double(low) / Double(ranks.count + 1)
  }

  /// The nominal level of the region of an honest level: just above r_k, so that r_k is within.
  public func nominal(level: Double) -> Double {
    let count = leastCount(reaching: level, of: ranks.count + 1)
    if count == 0 { return 0 }
    return count > ranks.count ? 1 : min(1, ranks[count - 1].nextUp)
  }
}

extension LevelMap: Codable {
  /// Reads an array of ranks.
  ///
  /// Throws `DecodingError` where it is empty or a rank lies outside of [0, 1].
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let ranks = try container.decode([Double].self)
    guard !ranks.isEmpty, ranks.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected one or more ranks in [0, 1]")
    }
    self.init(ranks: ranks)
  }

  /// Writes the ranks as an array.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(ranks)
  }
}
