import ExampleSupport
import Flows

/// What is known of the density to be learned: draws, and where possible the truth.
struct Target {
  let name: String
  let window: PlotWindow
  /// The true log-density of points given as x and y in turn; nil for a user's file.
  let logDensities: (([Double]) -> [Double])?
  /// Fresh draws from the truth; nil for a user's file.
  let draw: ((Int, inout PhiloxGenerator) -> [Double])?
  let entropy: Double?

  init(_ density: any ToyDensity) {
    name = density.name
    window = density.window
    entropy = density.entropy
    logDensities = { density.logDensities(of: $0) }
    draw = { density.sample($0, using: &$1) }
  }

  init(_ energy: any ToyEnergy) {
    name = energy.name
    window = energy.window
    logDensities = { points in energy.logDensities(of: points).map { $0 - energy.logNormalizer } }
    draw = { Target.rejectionSample(energy, $0, &$1) }
    entropy = Target.entropy(of: energy)
  }

  init(name: String, rows: Tensor<Float>) {
    self.name = name
    window = Target.window(around: rows)
    logDensities = nil
    draw = nil
    entropy = nil
  }

  // exp(−U) is at most 2 for u1 (a sum of two bumps of height 1) and at most 1 for u2.
  private static func rejectionSample(
    _ energy: any ToyEnergy, _ count: Int, _ generator: inout PhiloxGenerator
  ) -> [Double] {
    let bound = 2.0
    let window = energy.window
    var points: [Double] = []
    points.reserveCapacity(2 * count)
    let batch = 100_000
    while points.count < 2 * count {
      let unit = Tensor<Double>.uniform([batch, 3], using: &generator).scalars
      var candidates: [Double] = []
      candidates.reserveCapacity(2 * batch)
      for index in 0..<batch {
        candidates.append(window.centerX + (2 * unit[3 * index] - 1) * window.halfWidth)
        candidates.append(window.centerY + (2 * unit[3 * index + 1] - 1) * window.halfWidth)
      }
      let heights = exp(Tensor(energy.logDensities(of: candidates))).scalars
      for index in 0..<batch where unit[3 * index + 2] * bound < heights[index] {
        points.append(candidates[2 * index])
        points.append(candidates[2 * index + 1])
        if points.count == 2 * count { break }
      }
    }
    return points
  }

  private static func entropy(of energy: any ToyEnergy) -> Double {
    let cells = 1_000
    let logDensity = Tensor(energy.logDensities(of: energy.window.gridCenters(cells)))
    let normalized = logDensity - energy.logNormalizer
    let cell = energy.window.area / Double(cells * cells)
    return -(exp(normalized) * normalized).sum().scalar * cell
  }

  // A square around the middle 99 % of both columns, with a margin.
  private static func window(around rows: Tensor<Float>) -> PlotWindow {
    func range(_ column: Int) -> (Double, Double) {
      let sorted = rows[columns: column..<column + 1].scalars.sorted()
      let margin = sorted.count / 200
      return (Double(sorted[margin]), Double(sorted[sorted.count - 1 - margin]))
    }
    let (x, y) = (range(0), range(1))
    let width = max(x.1 - x.0, y.1 - y.0)
    return PlotWindow(
      centerX: (x.0 + x.1) / 2, centerY: (y.0 + y.1) / 2, halfWidth: max(width * 0.62, 1e-6))
  }
}

extension Tensor where Scalar == Float {
  /// Rows `[n, 2]` from points given as x and y in turn.
  init(points: [Double]) {
    self.init(Tensor<Double>(shape: [points.count / 2, 2], scalars: points))
  }

  /// Points given as x and y in turn, from rows `[n, 2]`.
  var points: [Double] { Tensor<Double>(self).scalars }
}
