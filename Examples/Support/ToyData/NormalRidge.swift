#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// A standard normal coordinate and a second one that follows a function of it with Gaussian noise.
///
/// The change of variables from the two normals has the constant Jacobian `noise`, so that density
/// and entropy are closed forms for every function.
package struct NormalRidge: ToyDensity {
  package let name: String
  package let summary: String
  package let window: PlotWindow
  let noise: Double

  /// Whether the standard normal coordinate is y rather than x.
  let drivenByY: Bool
  let mean: @Sendable (Double) -> Double

  package var entropy: Double { log(2 * Double.pi) + 1 + log(noise) }

  package func sample(
    _ count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    drawPoints(count) {
      let normals = generator.normalPair()
      let follower = mean(normals.x) + noise * normals.y
      return drivenByY ? (follower, normals.x) : (normals.x, follower)
    }
  }

  package func logDensity(_ x: Double, _ y: Double) -> Double {
    let driver = drivenByY ? y : x
    let residual = ((drivenByY ? x : y) - mean(driver)) / noise
    return -0.5 * (driver * driver + residual * residual) - log(2 * Double.pi * noise)
  }
}

extension NormalRidge {
  /// A parabola that opens to the right.
  package static let crescent = NormalRidge(
    name: "crescent",
    summary: "a parabola that opens to the right",
    window: PlotWindow(centerX: 3, centerY: 0, halfWidth: 5.5),
    noise: exp(-1),
    drivenByY: true,
    mean: { 0.5 * $0 * $0 - 1 })

  /// A sine wave along a normal coordinate.
  package static let sineWave = NormalRidge(
    name: "sine-wave",
    summary: "a sine wave along a normally distributed coordinate",
    window: PlotWindow(halfWidth: 4.25),
    noise: exp(-1),
    drivenByY: false,
    mean: { sin(5 * $0) })
}
