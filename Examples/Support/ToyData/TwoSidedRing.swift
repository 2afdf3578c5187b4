#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// The energy u1: a ring of radius 2 with its mass on the left and the right side.
package struct TwoSidedRing: ToyEnergy {
  package let name = "u1"
  package let summary = "a ring with its mass on the left and the right side"
  package let formula =
    "1/2 ((|z| - 2) / 0.4)^2 - ln(exp(-1/2 ((z1 - 2) / 0.6)^2) + exp(-1/2 ((z1 + 2) / 0.6)^2))"
  package let window = PlotWindow(halfWidth: 4)

  // The midpoint rule on the window enlarged twice; it agrees to 1e-10 between grids of 800 and
  // 1600 cells per side.
  package let logNormalizer = 1.877_501_626_1

  package func logDensity(_ x: Double, _ y: Double) -> Double {
    let ring = ((x * x + y * y).squareRoot() - 2) / 0.4
    let right = -0.5 * (x - 2) * (x - 2) / 0.36
    let left = -0.5 * (x + 2) * (x + 2) / 0.36
    let larger = max(left, right)
    return -0.5 * ring * ring + larger + log1p(exp(min(left, right) - larger))
  }

  package func gradient(_ x: Double, _ y: Double) -> (x: Double, y: Double) {
    let radius = (x * x + y * y).squareRoot()
    // The norm has no gradient at the origin; zero is the mean over all directions there.
    let pull = radius > 0 ? -(radius - 2) / (0.16 * radius) : 0
    // The share of the right bump in the sum; the left and right exponents differ by 8x/0.72.
    let rightShare = 1 / (1 + exp(-x * 8 / 0.72))
    let side = (2 * (2 * rightShare - 1) - x) / 0.36
    return (pull * x + side, pull * y)
  }
}
