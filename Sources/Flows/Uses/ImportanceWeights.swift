#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The weights of an importance sample, with what tells whether to trust it.
///
/// For draws x_i of a proposal q and a target f that is known up to a factor, w_i = f(x_i) /
/// q(x_i): their mean estimates Z = ∫ f, and averages weighted with them are averages under f / Z.
public struct ImportanceWeights: Hashable, Sendable {
  /// log w_i of each draw; −∞ where the target is 0.
  public let logWeights: [Double]
  /// w_i / Σ w, in the order of the draws; they add up to 1.
  public let normalized: [Double]
  /// log of the mean of the weights, log Ẑ, in nats; its standard error is that of Ẑ, relative.
  public let logMean: Estimate
  /// (Σ w)² / Σ w²: how many independent draws of the target the sample is worth, at most.
  public let effectiveSampleSize: Double
  /// The shape k̂ of a generalised Pareto density fitted to the largest weights.
  ///
  /// The weights have finite moments of orders below 1/k: above 0.5 their variance is infinite and
  /// standard errors are too small, above 0.7 the estimate is not to be trusted, however small its
  /// standard error (Vehtari, Simpson, Gelman, Yao and Gabry, "Pareto smoothed importance
  /// sampling", JMLR 25, 2024). −∞ for weights that hardly differ, ∞ where fewer than five draws
  /// have weight.
  public let paretoShape: Double

  /// Weights from their logarithms; NaN counts as −∞.
  ///
  /// - Precondition: there are at least two.
  public init(logWeights: [Double]) {
    precondition(
      logWeights.count >= 2, "an importance sample has at least two draws; got \(logWeights.count)")
    let logs = logWeights.map { $0.isNaN ? -.infinity : $0 }
    self.logWeights = logs
    let (count, top) = (Double(logs.count), logs.max() ?? -.infinity)
    guard top > -.infinity, top < .infinity else {
      normalized = logs.map { _ in 0 }
      logMean = Estimate(value: top, standardError: .nan)
      (effectiveSampleSize, paretoShape) = (0, .infinity)
      return
    }
    let shares = logs.map { exp($0 - top) }
    let sum = shares.reduce(0, +)
    normalized = shares.map { $0 / sum }
    effectiveSampleSize = 1 / normalized.reduce(0) { $0 + $1 * $1 }
    // Relative to the mean, so that it is the error of the logarithm.
    let squares = normalized.reduce(0) { total, share in
      let deviation = share * count - 1
      return total + deviation * deviation
    }
    logMean = Estimate(
      value: top + log(sum / count), standardError: (squares / (count * (count - 1))).squareRoot())
    paretoShape = Self.tailShape(shares)
  }

  /// Whether k̂ is below min(1 − 1/log₁₀ n, 0.7), the bound by Vehtari and others for n draws.
  public var isReliable: Bool {
    paretoShape < Swift.min(0.7, 1 - 1 / log10(Double(logWeights.count)))
  }

  /// A sentence that warns of an estimate not to be trusted; nil where there is no reason.
  public var warning: String? {
    if isReliable { return nil }
    let size = (effectiveSampleSize * 10).rounded() / 10
    let shape = (paretoShape * 100).rounded() / 100
    return "the importance weights have a Pareto shape of \(shape) and an effective sample size of "
      + "\(size) among \(logWeights.count) draws: the proposal misses part of the target, and standard "
      + "errors are too small"
  }

  /// The average of values under the target, Σ w_i v_i / Σ w_i, with its standard error.
  ///
  /// The error is that of self-normalised importance sampling, √Σ w̄² (v − m)² with Σ w̄ = 1.
  /// Values of draws without weight do not count.
  public func mean(of values: [Double]) -> Estimate {
    precondition(values.count == normalized.count, "every draw has one value")
    var (mean, squares) = (0.0, 0.0)
    for (value, weight) in zip(values, normalized) where weight > 0 { mean += weight * value }
    for (value, weight) in zip(values, normalized) where weight > 0 {
      squares += weight * weight * (value - mean) * (value - mean)
    }
    return Estimate(
      value: effectiveSampleSize > 0 ? mean : .nan, standardError: squares.squareRoot())
  }

  /// Indices of `count` draws, each drawn with its weight, in ascending order (systematic
  /// resampling: an index comes n·w̄ times, rounded up or down).
  ///
  /// - Precondition: some draw has weight.
  public func resampledIndices(_ count: Int, using generator: inout PhiloxGenerator) -> [Int] {
    precondition(effectiveSampleSize > 0, "no draw of the importance sample has weight")
    let offset = Tensor<Double>.uniform([1], using: &generator).scalar
    var indices: [Int] = []
    indices.reserveCapacity(count)
    var (index, sum) = (0, normalized[0])
    for place in 0..<count {
      let level = (Double(place) + offset) / Double(count)
      while sum <= level && index < normalized.count - 1 {
        index += 1
        sum += normalized[index]
      }
      // Rounding may lead past the last draw with weight.
      while normalized[index] == 0 { index -= 1 }
      indices.append(index)
    }
    return indices
  }

  // MARK: - The tail

  /// k̂ of weights relative to the largest.
  private static func tailShape(_ shares: [Double]) -> Double {
    let count = shares.count
    let tail = Swift.min(count / 5, Int((3 * Double(count).squareRoot()).rounded(.up)))
    guard shares.count(where: { $0 > 0 }) >= 5 else { return .infinity }
    guard tail >= 5 else { return .nan }
    let sorted = shares.sorted()
    let cutoff = sorted[count - tail - 1]
    let exceedances = sorted[(count - tail)...].map { $0 - cutoff }.filter { $0 > 0 }
    guard exceedances.count >= 5, (exceedances.last ?? 0) > 1e-12 else { return -.infinity }
    return generalizedParetoShape(exceedances)
  }
}

/// The shape of a generalised Pareto density from ascending positive numbers.
///
/// The estimate of Zhang and Stephens (Technometrics 51, 2009), drawn towards ½ as by ten more
/// observations (Vehtari et al., JMLR 25, 2024, appendix C).
func generalizedParetoShape(_ sorted: [Double]) -> Double {
  let (count, largest) = (sorted.count, sorted[sorted.count - 1])
  let quarter = sorted[Swift.max(0, Int(Double(count) / 4 + 0.5) - 1)]
  let candidates = 30 + Int(Double(count).squareRoot())
  func shape(_ b: Double) -> Double {
    sorted.reduce(0) { $0 + log1p(-b * $1) } / Double(count)
  }
  let places = (1...candidates).map { index in
    (1 - (Double(candidates) / (Double(index) - 0.5)).squareRoot()) / (3 * quarter) + 1 / largest
  }
  let profile = places.map { b in
    let k = shape(b)
    return Double(count) * (log(-b / k) - k - 1)
  }
  let total = logSum(profile.filter { !$0.isNaN })
  var place = 0.0
  for (b, value) in zip(places, profile) where !value.isNaN { place += b * exp(value - total) }
  return (Double(count) * shape(place) + 5) / Double(count + 10)
}
