import Flows
import Foundation

extension ErrorDistribution {
  /// The area or volume of the region at a level, with its Monte Carlo error.
  ///
  /// E[1{p(X) ≥ t_α} / p(X)] over the draws; above a level of 0.99 over draws that are spread out
  /// from their median, so that the rim of the region is among them. Infinite at level 1, unless
  /// the support is bounded.
  public func volume(level: Double) -> (value: Double, standardError: Double) {
    let threshold = logDensityThreshold(level: level)
    if threshold == .infinity { return (0, 0) }
    if threshold == -.infinity {
      return (density.support.reduce(1) { $0 * ($1.bounds.high - $1.bounds.low) }, 0)
    }
    guard let draws = regionDraws(threshold: threshold) else { return (.infinity, .infinity) }
    var (sum, squares) = (0.0, 0.0)
    for (logDensity, isInside) in zip(draws.logDensities, draws.isInside) where isInside {
      let inverse = exp(-logDensity)
      sum += inverse
      squares += inverse * inverse
    }
    let count = Double(draws.isInside.count)
    let mean = sum / count
    return (mean, (max(0, squares / count - mean * mean) / count).squareRoot())
  }

  /// Draws around the region above a threshold, some of them outside.
  struct RegionDraws {
    /// Rows of D numbers.
    var points: [Double]
    /// The log of the density that they are drawn from.
    var logDensities: [Double]
    /// Whether p reaches the threshold.
    var isInside: [Bool]
  }

  /// The draws, or some of them moved away from their median by the least power of two that brings
  /// a hundredth out of the region; nil where 1,024 does not.
  func regionDraws(threshold: Double) -> RegionDraws? {
    func isSpread(_ isInside: [Bool]) -> Bool {
      isInside.reduce(0) { $0 + ($1 ? 0 : 1) } * 100 >= isInside.count
    }
    let all = drawLogDensities.map { $0 >= threshold }
    if isSpread(all) {
      return RegionDraws(
        points: Tensor<Double>(draws).scalars, logDensities: drawLogDensities, isInside: all)
    }
    let count = min(sampleCount, 32_768)
    let centre = Tensor<Double>(sortedColumns.map { sampleQuantile(0.5, of: $0) })
    let offsets = Tensor<Double>(draws[rows: 0..<count]) - centre
    for exponent in 1...10 {
      let factor = Double(1 << exponent)
      let points = offsets * factor + centre
      let isInside = Tensor<Double>(logDensity(of: Tensor(points))).scalars.map { $0 >= threshold }
      if !isSpread(isInside) { continue }
      let shift = Double(dimension) * log(factor)
      return RegionDraws(
        points: points.scalars, logDensities: drawLogDensities.prefix(count).map { $0 - shift },
        isInside: isInside)
    }
    return nil
  }
}
