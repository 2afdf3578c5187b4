#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// A curve turned into many weighted Gaussians, with an index of those that matter near a point.
struct CurveNodes: Sendable {
  private let positionsX: [Double]
  private let positionsY: [Double]
  private let weights: [Double]
  private let exponentScale: Double
  private let index: CurveNodeIndex

  /// Lays Gauss–Legendre nodes on pieces of the arms no longer than `pieceLength` deviations.
  init(arms: [CurveArm], deviation: Double, pieceLength: Double, window: PlotWindow) {
    // Eight nodes on a piece of two standard deviations would do beside the curve; ten also serve
    // several deviations off an arm's end, where the integrand falls like an exponential.
    let rule = GaussLegendre(10)
    var positionsX: [Double] = []
    var positionsY: [Double] = []
    var weights: [Double] = []
    let share = 1 / (2 * Double.pi * deviation * deviation * Double(arms.count))
    for arm in arms {
      for piece in CurveNodes.pieces(of: arm, range: arm.range, limit: pieceLength * deviation) {
        let middle = 0.5 * (piece.lowerBound + piece.upperBound)
        let half = 0.5 * (piece.upperBound - piece.lowerBound)
        for (node, weight) in zip(rule.nodes, rule.weights) {
          let parameter = middle + half * node
          let point = arm.position(parameter)
          positionsX.append(point.x)
          positionsY.append(point.y)
          weights.append(half * weight * arm.density(parameter) * share)
        }
      }
    }
    self.positionsX = positionsX
    self.positionsY = positionsY
    self.weights = weights
    exponentScale = -0.5 / (deviation * deviation)
    index = CurveNodeIndex(
      positionsX: positionsX, positionsY: positionsY, deviation: deviation, window: window)
  }

  /// The logarithm of the sum of all nodes' Gaussians at a point.
  func logDensity(_ x: Double, _ y: Double) -> Double {
    guard let cell = index.cell(x, y) else { return exhaustiveLogDensity(x, y) }
    var sum = 0.0
    for rangeNumber in index.ranges(of: cell) {
      let range = index.nodeRange(rangeNumber)
      for node in range {
        let dx = x - positionsX[node]
        let dy = y - positionsY[node]
        sum += weights[node] * exp(exponentScale * (dx * dx + dy * dy))
      }
    }
    // Far from the curve the plain sum underflows, so that the slower way must serve.
    return sum > 1e-280 ? log(sum) : exhaustiveLogDensity(x, y)
  }

  /// The same sum over every node, safe against underflow.
  private func exhaustiveLogDensity(_ x: Double, _ y: Double) -> Double {
    var sum = LogSum()
    for node in weights.indices {
      let dx = x - positionsX[node]
      let dy = y - positionsY[node]
      sum.add(exponentScale * (dx * dx + dy * dy), weight: weights[node])
    }
    return sum.value
  }

  /// Halves a parameter range until each piece of the curve is short enough.
  private static func pieces(
    of arm: CurveArm, range: ClosedRange<Double>, limit: Double
  ) -> [ClosedRange<Double>] {
    // A polygon of eight chords tells the length closely enough, for pieces that matter are short
    // against the curve's radius of curvature.
    let step = (range.upperBound - range.lowerBound) / 8
    var length = 0.0
    var last = arm.position(range.lowerBound)
    for corner in 1...8 {
      let next = arm.position(range.lowerBound + Double(corner) * step)
      let dx = next.x - last.x
      let dy = next.y - last.y
      length += (dx * dx + dy * dy).squareRoot()
      last = next
    }
    if length <= limit { return [range] }
    let middle = 0.5 * (range.lowerBound + range.upperBound)
    return pieces(of: arm, range: range.lowerBound...middle, limit: limit)
      + pieces(of: arm, range: middle...range.upperBound, limit: limit)
  }
}
