#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// The energy u2: a valley along two periods of a sine, kept within about |z1| ≤ 4.
///
/// The energy of the literature is constant along the valley and so has no finite normaliser; it is
/// drawn on [−4, 4]². Here a half parabola rises beyond |z1| = 4, as in a Gaussian tail: the
/// density within is unchanged, and its gradient is continuous everywhere.
package struct SineValley: ToyEnergy {
  package let name = "u2"
  package let summary = "a valley along a sine wave, confined to about |z1| <= 4"
  package let formula =
    "1/2 ((z2 - sin(2 pi z1 / 4)) / 0.4)^2 + 1/2 (max(0, |z1| - 4) / 0.2)^2"
  package let window = PlotWindow(halfWidth: 5)

  /// Where the confinement begins.
  package static let edge = 4.0

  /// The standard deviation of the tail beyond the edge.
  package static let tailDeviation = 0.2

  let valleyDeviation = 0.4

  /// A closed form: the valley's cross-section is Gaussian at every z1, and along z1 there are a
  /// plateau and two halves of a Gaussian.
  package var logNormalizer: Double {
    let root = (2 * Double.pi).squareRoot()
    return log(valleyDeviation * root * (2 * SineValley.edge + SineValley.tailDeviation * root))
  }

  package func logDensity(_ x: Double, _ y: Double) -> Double {
    let offset = (y - sin(0.5 * Double.pi * x)) / valleyDeviation
    let excess = max(0, abs(x) - SineValley.edge) / SineValley.tailDeviation
    return -0.5 * (offset * offset + excess * excess)
  }

  package func gradient(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
    let variance = valleyDeviation * valleyDeviation
    let offset = (y - sin(0.5 * Double.pi * x)) / variance
    let slope = 0.5 * Double.pi * cos(0.5 * Double.pi * x)
    let tailVariance = SineValley.tailDeviation * SineValley.tailDeviation
    let excess = max(0, abs(x) - SineValley.edge) / tailVariance
    return (offset * slope - (x < 0 ? -excess : excess), -offset)
  }
}
