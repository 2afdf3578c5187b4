import Flows
import Foundation

/// The densities of standardised errors, and their highest-density regions.
struct ErrorRegions {
  private let densities: [Int: any Distribution<Float>]
  private let isShared: Bool
  private let levels: [Int: DensityLevels]

  private static let drawCount = 40_000

  init(_ loss: KeypointLoss<Float>, seed: UInt64) {
    isShared = loss.flows.count <= 1
    var densities: [Int: any Distribution<Float>] = [:]
    var levels: [Int: DensityLevels] = [:]
    for joint in isShared ? 0..<1 : 0..<loss.joints {
      var generator = PhiloxGenerator(seed: seed, stream: 0xc0e4).forked(UInt64(joint))
      let base = Self.base(loss.likelihood)
      if loss.hasNormalizer {
        let density = loss.errorDensity(joint: joint)
        densities[joint] = density
        levels[joint] = DensityLevels(
          of: density, drawsFrom: [base, loss.flows[isShared ? 0 : joint]],
          count: Self.drawCount, using: &generator)
      } else {
        // In the basic design latent coordinates are those of the base about the prediction; regions
        // are the images of its regions.
        let density =
          loss.likelihood.shape == .basic ? base : loss.errorDensity(joint: joint)
        densities[joint] = density
        levels[joint] = DensityLevels(
          of: density, drawsFrom: [density], count: Self.drawCount, using: &generator)
      }
    }
    self.densities = densities
    self.levels = levels
  }

  private static func base(_ likelihood: KeypointLikelihood) -> any Distribution<Float> {
    likelihood.base == .laplace ? Laplace(dimension: 3) : Gaussian(dimension: 3)
  }

  private func logDensities(_ errors: LiftingErrors, temperature: Double)
    -> [(key: Int, values: Tensor<Float>)]
  {
    errors.standardized.compactMap { joint, rows in
      let key = isShared ? 0 : joint
      guard let density = densities[key] else { return nil }
      return (key, density.logDensity(of: rows / Float(temperature)))
    }
  }

  /// The mean of −log p of a joint in nats, with scales times a factor.
  ///
  /// - Parameters:
  ///   - errors: of the poses.
  ///   - temperature: the factor.
  ///   - weights: of the poses, adding up to 1; all alike where nil.
  func negativeLogLikelihood(
    _ errors: LiftingErrors, temperature: Double, weights: [Double]? = nil
  ) -> Double {
    var sum = 0.0
    for (_, values) in logDensities(errors, temperature: temperature) {
      if let weights {
        for (value, weight) in zip(values.scalars, weights) { sum += weight * Double(value) }
      } else {
        sum += values.scalars.reduce(0) { $0 + Double($1) } / Double(Swift.max(1, values.count))
      }
    }
    let joints = Double(Swift.max(1, errors.standardized.count))
    return 3 * log(temperature) - errors.meanLogDeterminant - sum / joints
  }

  /// The factor of all scales under which some poses are likeliest, every motion counting alike.
  ///
  /// −log p is taken to have one minimum in log T, which golden sections close in on.
  func temperature(for errors: LiftingErrors) -> Double {
    guard errors.places.shape[0] > 0 else { return 1 }
    let weights = errors.motionWeights
    let ratio = (5.0.squareRoot() - 1) / 2
    var (low, high) = (log(1e-3), log(1e3))
    func value(_ logFactor: Double) -> Double {
      let result = negativeLogLikelihood(
        errors, temperature: exp(logFactor), weights: weights)
      return result.isNaN ? .infinity : result
    }
    var (left, right) = (high - ratio * (high - low), low + ratio * (high - low))
    var (atLeft, atRight) = (value(left), value(right))
    while high - low > 1e-4 {
      if atLeft <= atRight {
        (high, right, atRight) = (right, left, atLeft)
        left = high - ratio * (high - low)
        atLeft = value(left)
      } else {
        (low, left, atLeft) = (left, right, atRight)
        right = low + ratio * (high - low)
        atRight = value(right)
      }
    }
    return exp((low + high) / 2)
  }

  /// For each joint the level of the smallest region around it, with scales times a factor.
  func ranks(of errors: LiftingErrors, temperature: Double) -> [Double] {
    logDensities(errors, temperature: temperature).flatMap { key, values in
      values.scalars.map { levels[key]?.rank(ofLogDensity: Double($0)) ?? 1 }
    }
  }
}

extension ErrorRegions {
  /// A map of levels under which regions hold their level of some poses, every motion counting alike:
  /// of the ranks in each, as many quantiles.
  func levelMap(for errors: LiftingErrors, temperature: Double) -> LevelMap {
    let (all, poses) = (ranks(of: errors, temperature: temperature), errors.motions.count)
    var ranksOfMotion: [Int: [Double]] = [:]
    for (index, rank) in all.enumerated() {
      ranksOfMotion[errors.motions[index % poses], default: []].append(rank)
    }
    let quantiles = 400
    let chosen = ranksOfMotion.keys.sorted().flatMap { motion -> [Double] in
      let ranks = (ranksOfMotion[motion] ?? []).sorted()
      return (0..<quantiles).map { ranks[(2 * $0 + 1) * ranks.count / (2 * quantiles)] }
    }
    return LevelMap(ranks: chosen)
  }
}

extension LiftingErrors {
  /// For each pose a weight, the same in sum for every motion, adding up to 1.
  var motionWeights: [Double] {
    var counts: [Int: Int] = [:]
    for motion in motions { counts[motion, default: 0] += 1 }
    return motions.map { 1 / Double((counts[$0] ?? 1) * counts.count) }
  }
}

/// The probability of the region in which a density exceeds a value, by draws.
struct DensityLevels {
  /// Log-densities at the draws, ascending.
  private let logDensities: [Double]
  /// For each draw the share of all that is at least as dense.
  private let shares: [Double]

  /// Draws of equal parts of some densities stand, with weights, for draws of the one in question.
  ///
  /// A product Q·G is met well by draws of Q and of G: the weight of a draw, Q·G/Z over (Q + G)/2, is at
  /// most 2 min(Q, G)/Z. (Accepting draws of G in proportion to Q would take for ever where G is wide.)
  init(
    of density: any Distribution<Float>, drawsFrom parts: [any Distribution<Float>], count: Int,
    using generator: inout PhiloxGenerator
  ) {
    let sample = Tensor.concatenated(
      parts.map { $0.sample(count / parts.count, using: &generator) })
    let values = density.logDensity(of: sample).scalars.map(Double.init)
    var logWeights = [Double](repeating: 0, count: values.count)
    if parts.count > 1 {
      let mixture = Tensor.stacked(parts.map { $0.logDensity(of: sample) }).logSumExp(axis: 0)
      logWeights = zip(values, mixture.scalars).map { $0 - Double($1) }
    }
    let top = logWeights.max() ?? 0
    let order = values.indices.sorted { values[$0] < values[$1] }
    var shares = [Double](repeating: 0, count: order.count)
    var sum = 0.0
    for (place, index) in order.enumerated().reversed() {
      sum += exp(logWeights[index] - top)
      shares[place] = sum
    }
    logDensities = order.map { values[$0] }
    self.shares = shares.map { $0 / sum }
  }

  /// The probability of all that is denser.
  func rank(ofLogDensity value: Double) -> Double {
    var (low, high) = (0, logDensities.count)
    while low < high {
      let middle = (low + high) / 2
      if logDensities[middle] <= value { low = middle + 1 } else { high = middle }
    }
    return low < shares.count ? shares[low] : 0
  }
}
