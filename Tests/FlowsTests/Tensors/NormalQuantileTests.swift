import CFlowKernels
import Foundation
import Testing

@Suite("The normal quantile")
struct NormalQuantileTests {
  @Test(
    "has known values",
    arguments: [
      (0.5, 0.0), (0.975, 1.959963984540054), (0.9, 1.2815515655446004), (0.84134474606854293, 1),
      (0.025, -1.959963984540054), (1e-10, -6.361340902404056), (1e-300, -37.0471),
      (0.999, 3.090232306167813), (0.925, 1.4395314709384563), (0.0749, -1.440247),
    ])
  func values(_ p: Double, _ expected: Double) {
    let found = fk_normal_quantile(p)
    let tolerance = expected == -37.0471 || expected == -1.440247 ? 1e-4 : 1e-14
    #expect((found - expected).magnitude <= tolerance * max(1, expected.magnitude), "\(found)")
  }

  @Test("is infinite at the ends, and inverts the distribution function between")
  func inverse() {
    #expect(fk_normal_quantile(0) == -.infinity && fk_normal_quantile(1) == .infinity)
    var worst = (error: 0.0, p: 0.0)
    for exponent in stride(from: -300.0, through: -0.31, by: 0.37) {
      let p = pow(10, exponent)
      let x = fk_normal_quantile(p)
      // The relative error of p follows from that of x times x²; hence the scale.
      let error = (0.5 * erfc(-x * 0.5.squareRoot()) / p - 1).magnitude / (1 + x * x)
      if error > worst.error { worst = (error, p) }
    }
    #expect(worst.error < 1e-15, "\(worst)")
  }

  @Test("the portable logarithm is that of libm within an ulp")
  func logarithm() {
    var worst = 0.0
    for exponent in stride(from: -307.0, through: 300, by: 0.093) {
      let x = pow(10, exponent)
      worst = max(worst, (fk_portable_log(x) - log(x)).magnitude / log(x).ulp)
    }
    #expect(worst <= 1.5, "\(worst)")
  }
}
