#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// Gaussian arms around the origin, bent into a pinwheel.
///
/// A point f of the straight arm is turned clockwise by the arm's own angle plus an angle θ(‖f‖)
/// that depends only on its distance from the origin. In polar coordinates this shifts the angle
/// by a function of the radius, a shear, so that areas are kept and the density needs no Jacobian.
package struct Pinwheel: ToyDensity {
  package let name = "pinwheel"
  package let summary = "five Gaussian arms bent around the origin"
  package let window = PlotWindow(halfWidth: 4.75)

  // The midpoint rule on the window enlarged 1.6 times; it agrees to 1e-10 between grids of 800 and
  // 1600 cells per side.
  package let entropy = 2.320_588_485_1

  let arms = 5
  let radialDeviation = 0.3
  let tangentialDeviation = 0.1
  let rate = 0.25
  let scale = 2.0

  package func sample(
    _ count: Int, using generator: inout some RandomNumberGenerator
  ) -> [Double] {
    drawPoints(count) {
      let arm = generator.uniformIndex(below: arms)
      let normals = generator.normalPair()
      let along = 1 + radialDeviation * normals.x
      let across = tangentialDeviation * normals.y
      let radius = (along * along + across * across).squareRoot()
      let angle = armAngle(arm) + rate * exp(radius)
      return (
        scale * (along * cos(angle) + across * sin(angle)),
        scale * (across * cos(angle) - along * sin(angle))
      )
    }
  }

  package func logDensity(_ x: Double, _ y: Double) -> Double {
    let radius = (x * x + y * y).squareRoot() / scale
    var sum = LogSum()
    for arm in 0..<arms {
      let angle = armAngle(arm) + rate * exp(radius)
      let cosine = cos(angle) / scale
      let sine = sin(angle) / scale
      let along = (x * cosine - y * sine - 1) / radialDeviation
      let across = (x * sine + y * cosine) / tangentialDeviation
      sum.add(-0.5 * (along * along + across * across))
    }
    let area = 2 * Double.pi * radialDeviation * tangentialDeviation * scale * scale
    return sum.value - log(area * Double(arms))
  }

  private func armAngle(_ arm: Int) -> Double {
    2 * Double.pi * Double(arm) / Double(arms)
  }
}
