import Flows

/// A statistic with an interval from a bootstrap.
public struct BootstrapInterval: Hashable, Sendable {
  /// The statistic of the images as they are.
  public let estimate: Double

  /// The lower end.
  public let lower: Double

  /// The upper end.
  public let upper: Double

  /// The standard deviation of the statistic over the draws.
  public let standardError: Double

  /// The draws in which the statistic was defined; with fewer than two, the ends are NaN.
  public let definedReplicates: Int
}

/// Percentile intervals of statistics over images.
///
/// Poses and joints of one image are not independent, but images are; so whole images are drawn, as
/// many as there are, with replacement, and the statistic is computed of each such draw. The interval
/// reaches from the (1 − level)/2 to the (1 + level)/2 quantile of those values (interpolated
/// linearly). Draw i comes from stream i of the seed: the same intervals on every platform.
///
/// Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), §13.3.
public struct Bootstrap: Hashable, Sendable, Codable {
  /// The number of draws.
  public let replicates: Int

  /// The share of draws within the interval.
  public let level: Double

  /// The seed of the draws.
  public let seed: UInt64

  /// A bootstrap.
  public init(replicates: Int = 1000, level: Double = 0.95, seed: UInt64 = 0) {
    precondition(replicates > 0, "a bootstrap has at least one draw; got \(replicates)")
    precondition(0 < level && level < 1, "a level lies between 0 and 1; got \(level)")
    self.replicates = replicates
    self.level = level
    self.seed = seed
  }

  /// Intervals of several statistics of which each draw is said by how often it holds each image.
  ///
  /// This is the core of the others, for statistics that can be computed from such counts faster
  /// than from lists.
  ///
  /// - Parameters:
  ///   - imageCount: the number of images.
  ///   - statistics: the statistics; nil where one is not defined. Called once with every count 1.
  public func intervals(
    imageCount: Int, of statistics: (_ multiplicities: [Int]) throws -> [Double?]
  ) rethrows -> [BootstrapInterval] {
    precondition(imageCount >= 0, "a number of images is not negative; got \(imageCount)")
    let estimates = try statistics(Array(repeating: 1, count: imageCount))
    var draws = [[Double]](repeating: [], count: estimates.count)
    if imageCount > 0 {
      for replicate in 0..<replicates {
        let values = try statistics(multiplicities(imageCount, replicate))
        precondition(
          values.count == estimates.count, "every draw has the same number of statistics")
        for (index, value) in values.enumerated() {
          if let value, value.isFinite { draws[index].append(value) }
        }
      }
    }
    return zip(estimates, draws).map { estimate, values in
      BootstrapInterval(estimate: estimate ?? .nan, draws: values, level: level)
    }
  }

  /// The interval of a statistic of rows (poses, joints, detections), each of which is in an image.
  ///
  /// - Parameters:
  ///   - images: for each row its image, by any number. Rows of one image are drawn together.
  ///   - statistic: the statistic of the rows with these indices, which come as often as their image
  ///     was drawn; nil where it is not defined. Called once with every row.
  public func interval(
    images: [Int], of statistic: (_ rows: [Int]) throws -> Double?
  ) rethrows -> BootstrapInterval {
    let groups = RowGroups(images)
    return try intervals(imageCount: groups.count) { counts in
      var rows: [Int] = []
      rows.reserveCapacity(images.count)
      for (group, count) in counts.enumerated() {
        for _ in 0..<count { rows += groups.rows[group] }
      }
      return [try statistic(rows)]
    }[0]
  }

  /// The interval of a weighted mean of rows, Σ w v / Σ w, from sums per image.
  ///
  /// - Parameters:
  ///   - values: the value of each row.
  ///   - weights: the weight of each row; 1 if nil. Values of weight 0 are not looked at.
  ///   - images: for each row its image; every row is an image of its own if nil.
  public func interval(
    meanOf values: [Double], weights: [Double]? = nil, images: [Int]? = nil
  ) -> BootstrapInterval {
    precondition(
      (weights?.count ?? values.count) == values.count
        && (images?.count ?? values.count) == values.count,
      "every value has one weight and one image")
    let groups = RowGroups(images ?? Array(values.indices))
    var sums = [Double](repeating: 0, count: groups.count)
    var totals = sums
    for row in values.indices {
      let weight = weights?[row] ?? 1
      if weight == 0 { continue }
      sums[groups.groupOf[row]] += weight * values[row]
      totals[groups.groupOf[row]] += weight
    }
    return intervals(imageCount: groups.count) { counts in
      var (sum, total) = (0.0, 0.0)
      for (group, count) in counts.enumerated() {
        sum += Double(count) * sums[group]
        total += Double(count) * totals[group]
      }
      return [total > 0 ? sum / total : nil]
    }[0]
  }

  /// How often a draw holds each image.
  private func multiplicities(_ count: Int, _ replicate: Int) -> [Int] {
    var generator = PhiloxGenerator(seed: seed, stream: UInt64(replicate))
    var counts = [Int](repeating: 0, count: count)
    Tensor<Double>.uniform([count], using: &generator).withScalars { draws in
      for draw in draws { counts[min(Int(draw * Double(count)), count - 1)] += 1 }
    }
    return counts
  }
}

extension BootstrapInterval {
  init(estimate: Double, draws: [Double], level: Double) {
    self.estimate = estimate
    definedReplicates = draws.count
    guard draws.count > 1 else {
      (lower, upper, standardError) = (.nan, .nan, .nan)
      return
    }
    let sorted = draws.sorted()
    lower = sampleQuantile((1 - level) / 2, of: sorted)
    upper = sampleQuantile((1 + level) / 2, of: sorted)
    let mean = draws.reduce(0, +) / Double(draws.count)
    let squares = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    standardError = (squares / Double(draws.count - 1)).squareRoot()
  }
}

/// Rows by image, images by ascending number.
struct RowGroups {
  let rows: [[Int]]
  let groupOf: [Int]

  var count: Int { rows.count }

  init(_ images: [Int]) {
    let numbers = Set(images).sorted()
    let place = Dictionary(uniqueKeysWithValues: numbers.enumerated().map { ($1, $0) })
    groupOf = images.map { place[$0] ?? 0 }
    var rows = [[Int]](repeating: [], count: numbers.count)
    for (row, group) in groupOf.enumerated() { rows[group].append(row) }
    self.rows = rows
  }
}

extension Bootstrap {
  private enum CodingKeys: CodingKey {
    case replicates, level, seed
  }

  /// Reads a bootstrap; throws `DecodingError` for numbers that its initialiser refuses.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let replicates = try container.decode(Int.self, forKey: .replicates)
    let level = try container.decode(Double.self, forKey: .level)
    guard replicates > 0, level > 0, level < 1 else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: container.codingPath,
          debugDescription: "expected at least one draw and a level between 0 and 1, found "
            + "\(replicates) and \(level)"))
    }
    self.init(
      replicates: replicates, level: level, seed: try container.decode(UInt64.self, forKey: .seed))
  }
}
