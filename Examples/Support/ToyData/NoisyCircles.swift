#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// An equal mixture of circles, each blurred by the same round Gaussian.
///
/// A point spread evenly on a circle of radius R and then blurred by a Gaussian of variance σ² has,
/// at a distance r from the centre, the density exp(−(r² + R²)/2σ²) I₀(rR/σ²) / 2πσ².
package struct NoisyCircles: ToyDensity {
  struct Circle {
    let centerX: Double
    let centerY: Double
    let radius: Double
  }

  package let name: String
  package let summary: String
  package let window: PlotWindow
  package let entropy: Double
  let circles: [Circle]
  let noise: Double

  package func sample(
    _ count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    drawPoints(count) {
      let circle = circles[generator.uniformIndex(below: circles.count)]
      let angle = 2 * Double.pi * generator.uniform()
      let blur = generator.normalPair()
      return (
        circle.centerX + circle.radius * cos(angle) + noise * blur.x,
        circle.centerY + circle.radius * sin(angle) + noise * blur.y
      )
    }
  }

  package func logDensity(_ x: Double, _ y: Double) -> Double {
    let precision = 1 / (noise * noise)
    var sum = LogSum()
    for circle in circles {
      let dx = x - circle.centerX
      let dy = y - circle.centerY
      let distance = (dx * dx + dy * dy).squareRoot()
      let offset = distance - circle.radius
      // With the scaled Bessel function the exponent is that of the distance from the line.
      sum.add(
        -0.5 * offset * offset * precision,
        weight: scaledBesselI0(distance * circle.radius * precision))
    }
    return sum.value + log(precision / (2 * Double.pi * Double(circles.count)))
  }
}

extension NoisyCircles {
  // Each entropy below is the midpoint rule on the window enlarged 1.6 times; it agrees to 1e-10
  // between grids of 800 and 1600 cells per side.

  /// Two concentric circles.
  package static let circles = NoisyCircles(
    name: "circles",
    summary: "two concentric circles",
    window: PlotWindow(halfWidth: 4.25),
    entropy: 3.268_135_711_7,
    circles: [1.5, 3].map { Circle(centerX: 0, centerY: 0, radius: $0) },
    noise: 0.24)

  /// Four concentric rings.
  package static let rings = NoisyCircles(
    name: "rings",
    summary: "four thin concentric rings",
    window: PlotWindow(halfWidth: 3.5),
    entropy: 2.623_182_770_3,
    circles: [0.75, 1.5, 2.25, 3].map { Circle(centerX: 0, centerY: 0, radius: $0) },
    noise: 0.08)

  /// Four circles that cross one another.
  package static let fourCircles = NoisyCircles(
    name: "four-circles",
    summary: "four circles of one size that cross one another",
    window: PlotWindow(halfWidth: 3.5),
    entropy: 2.870_819_017_6,
    circles: [(1.0, 1.0), (1, -1), (-1, 1), (-1, -1)].map {
      Circle(centerX: $0.0, centerY: $0.1, radius: 2)
    },
    noise: 0.1)
}
