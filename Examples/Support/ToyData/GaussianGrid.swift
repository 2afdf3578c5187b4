#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// A square grid of round Gaussians, turned by 45° so that it stands on a corner.
///
/// In the turned coordinates u = (x − y)/√2 and v = (x + y)/√2 the density is the product of one
/// equal mixture of `width` normals with itself, which makes it a closed form however fine the
/// grid is.
package struct GaussianGrid: ToyDensity {
  package let name: String
  package let summary: String
  package let window: PlotWindow
  package let entropy: Double
  let width: Int
  let bound: Double
  let deviation: Double

  /// Makes a grid of `width` × `width` Gaussians whose centres fill [−bound, bound]² before the
  /// turn, with a standard deviation given as a share of half the distance between neighbours.
  package init(
    name: String, summary: String, window: PlotWindow, width: Int, bound: Double,
    deviationShare: Double
  ) {
    precondition(width >= 2, "A grid of Gaussians needs a width of at least 2, not \(width).")
    self.name = name
    self.summary = summary
    self.window = window
    self.width = width
    self.bound = bound
    deviation = deviationShare * bound / Double(width - 1)
    entropy = 2 * GaussianGrid.axisEntropy(width: width, bound: bound, deviation: deviation)
  }

  package func sample(
    _ count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    let spacing = 2 * bound / Double(width - 1)
    return drawPoints(count) {
      let column = generator.uniformIndex(below: width)
      let row = generator.uniformIndex(below: width)
      let noise = generator.normalPair()
      let u = spacing * Double(column) - bound + deviation * noise.x
      let v = spacing * Double(row) - bound + deviation * noise.y
      return ((u + v) / 2.0.squareRoot(), (v - u) / 2.0.squareRoot())
    }
  }

  package func logDensity(_ x: Double, _ y: Double) -> Double {
    let u = (x - y) / 2.0.squareRoot()
    let v = (x + y) / 2.0.squareRoot()
    return GaussianGrid.axisLogDensity(u, width: width, bound: bound, deviation: deviation)
      + GaussianGrid.axisLogDensity(v, width: width, bound: bound, deviation: deviation)
  }

  /// The log-density of one turned coordinate.
  private static func axisLogDensity(
    _ position: Double, width: Int, bound: Double, deviation: Double
  ) -> Double {
    let spacing = 2 * bound / Double(width - 1)
    var sum = LogSum()
    for index in 0..<width {
      let distance = (position + bound - spacing * Double(index)) / deviation
      sum.add(-0.5 * distance * distance)
    }
    return sum.value - log(Double(width) * deviation * (2 * Double.pi).squareRoot())
  }

  /// The entropy of one turned coordinate by the trapezoidal rule.
  ///
  /// The integrand is smooth and vanishes at both ends, so that eight nodes per standard deviation
  /// give full precision.
  private static func axisEntropy(width: Int, bound: Double, deviation: Double) -> Double {
    let step = deviation / 8
    let reach = bound + 10 * deviation
    let half = Int((reach / step).rounded(.up))
    var sum = 0.0
    for index in -half...half {
      let value = axisLogDensity(
        Double(index) * step, width: width, bound: bound, deviation: deviation)
      sum -= value * exp(value)
    }
    return sum * step
  }
}

extension GaussianGrid {
  /// The number of Gaussians along each side of the diamond.
  package static let diamondWidth = 5

  /// The standard deviation as a share of half the distance between neighbours; a third leaves
  /// visible gaps between the Gaussians.
  package static let diamondDeviationShare = 1.0 / 3

  /// A grid of Gaussians that stands on a corner.
  package static let diamond = GaussianGrid(
    name: "diamond",
    summary: "a \(diamondWidth) by \(diamondWidth) grid of Gaussians that stands on a corner",
    window: PlotWindow(halfWidth: 4.5),
    width: diamondWidth, bound: 2.5, deviationShare: diamondDeviationShare)
}
