#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Draws of two densities, with the share of each in an estimate of the integral of their product.
///
/// Draws of both are weighted by f / (½ q₁ + ½ q₂), the balance heuristic of multiple importance
/// sampling (Veach and Guibas, SIGGRAPH 1995): with f = q₁ q₂ no weight exceeds 2 min(q₁, q₂).
struct PilotDraws: Sendable {
  /// Rows of one density, then as many of the other.
  let points: [[Double]]
  /// log of what each row adds to the estimate of ∫ f.
  let logShares: [Double]
  private let first: [Double]
  private let second: [Double]

  /// Rows with the log-densities of both at each.
  init(points: Tensor<Double>, first: [Double], second: [Double]) {
    let dimension = points.storage.shape[1]
    let scalars = points.scalars
    self.points = first.indices.map {
      Array(scalars[($0 * dimension)..<(($0 + 1) * dimension)])
    }
    let half = first.count / 2
    let logWeights = balancedLogWeights(first, second, counts: (half, half))
    logShares = first.indices.map { first[$0] + second[$0] + logWeights[$0] }
    (self.first, self.second) = (first, second)
  }

  /// Of some pairs of counts (n₁, n₂) the one with the least variance of an estimate of ∫ f from so
  /// many draws of each, which is about ∫ f² / (n₁ q₁ + n₂ q₂).
  func bestCounts(among pairs: [(Int, Int)]) -> (Int, Int) {
    let logSquares = pairs.map { pair in
      let logWeights = balancedLogWeights(first, second, counts: pair)
      let logTerms = logShares.indices.map {
        logShares[$0] + first[$0] + second[$0] + logWeights[$0]
      }
      return logSum(logTerms.filter { !$0.isNaN })
    }
    let best = pairs.indices.min { logSquares[$0] < logSquares[$1] }
    return pairs[best ?? 0]
  }

  /// Shares of the largest in 0...1, and (Σ w)² / Σ w².
  private var weights: (shares: [Double], effectiveCount: Double) {
    let top = logShares.max() ?? -.infinity
    guard top > -.infinity else { return (logShares.map { _ in 0 }, 0) }
    let shares = logShares.map { exp($0 - top) }
    let (sum, squares) = shares.reduce((0, 0)) { ($0.0 + $1, $0.1 + $1 * $1) }
    return (shares, sum * sum / squares)
  }

  /// Where to split each axis before the integrand has been seen: the given kinks, and the ends of
  /// a hull in which f has most of its mass.
  ///
  /// Where the densities hardly overlap the draws do not show where f is; then the splits lie where
  /// the two densities are, and refinement finds f in between.
  func breaks(kinks: [[Double]]) -> [(places: [Double], hull: ClosedRange<Double>)] {
    let (shares, effectiveCount) = weights
    let half = points.count / 2
    return kinks.indices.map { axis in
      let values = points.map { $0[axis] }
      func quantiles(_ range: Range<Int>, _ weights: [Double], _ levels: [Double]) -> [Double] {
        let order = range.sorted { values[$0] < values[$1] }
        let total = order.reduce(0) { $0 + weights[$1] }
        return levels.map { level in
          var sum = 0.0
          for index in order {
            sum += weights[index]
            if sum >= level * total { return values[index] }
          }
          return values[order[order.count - 1]]
        }
      }
      let places: [Double]
      if effectiveCount >= 16 {
        places = quantiles(0..<values.count, shares, [0.02, 0.98])
      } else {
        let equal = [Double](repeating: 1, count: values.count)
        places = [0..<half, half..<values.count].flatMap {
          quantiles($0, equal, [0.05, 0.5, 0.95])
        }
      }
      // A diverged density has draws that are no numbers; the integral is then none either.
      let finite = places.filter(\.isFinite)
      let (low, high) = (finite.min() ?? 0, finite.max() ?? 0)
      let width = high > low ? high - low : Swift.max(1e-3, 0.1 * high.magnitude)
      // Kinks stay where they are; other places keep some distance.
      var kept = Array(Set(kinks[axis])).sorted()
      for place in finite where kept.allSatisfy({ ($0 - place).magnitude > 0.05 * width }) {
        kept.append(place)
      }
      return (kept.sorted(), low...(low + width))
    }
  }
}

/// log of 1 / (n₁ q₁ + n₂ q₂) for each row, from log q₁ and log q₂: the weights of n₁ draws of one
/// density and n₂ of the other by the balance heuristic.
func balancedLogWeights(_ first: [Double], _ second: [Double], counts: (Int, Int)) -> [Double] {
  let (logFirst, logSecond) = (logReal(Double(counts.0)), logReal(Double(counts.1)))
  return zip(first, second).map { first, second in
    let (a, b) = (first + logFirst, second + logSecond)
    let top = Swift.max(a, b)
    return top > -.infinity ? -top - log1p(exp(-(a - b).magnitude)) : -.infinity
  }
}
