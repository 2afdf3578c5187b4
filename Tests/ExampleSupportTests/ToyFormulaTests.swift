import ExampleSupport
import Foundation
import Testing

@Suite("Parts of the toy densities")
struct ToyFormulaTests {
  @Test("uniform numbers take the 53 high bits")
  func uniform() {
    struct Constant: RandomNumberGenerator {
      let bits: UInt64
      mutating func next() -> UInt64 { bits }
    }
    var low = Constant(bits: 0x7FF)
    var half = Constant(bits: 1 << 63)
    var high = Constant(bits: .max)
    #expect(low.uniform() == 0)
    #expect(half.uniform() == 0.5)
    #expect(high.uniform() == 1 - 0x1p-53)
    #expect(high.uniformIndex(below: 5) == 4)
    let normals = half.normalPair()
    #expect(abs(normals.x + (2 * log(2.0)).squareRoot()) < 1e-15)
    #expect(abs(normals.y) < 1e-15)
    #expect(high.normalPair().x.isFinite)
  }

  @Test(
    "the scaled Bessel function is its integral",
    arguments: [0, 0.1, 1, 5, 17.9, 24.99, 25.01, 40, 300, 5000])
  func bessel(x: Double) {
    // exp(−x) I₀(x) is the mean of exp(x (cos θ − 1)); for a periodic function the trapezoidal
    // rule converges faster than any power.
    let count = 2000
    var sum = 0.0
    for index in 0..<count {
      sum += exp(x * (cos(2 * Double.pi * Double(index) / Double(count)) - 1))
    }
    let expected = sum / Double(count)
    #expect(abs(scaledBesselI0(x) / expected - 1) < 1e-12)
    #expect(scaledBesselI0(-x) == scaledBesselI0(x))
  }

  @Test("Gauss–Legendre quadrature is exact for polynomials")
  func gaussLegendre() {
    let rule = GaussLegendre(8)
    for power in 0...15 {
      let sum = zip(rule.nodes, rule.weights).reduce(0) { $0 + pow($1.0, Double(power)) * $1.1 }
      let expected = power.isMultiple(of: 2) ? 2 / Double(power + 1) : 0
      #expect(abs(sum - expected) < 1e-14)
    }
  }

  @Test("curve densities have converged")
  func curveConvergence() {
    for data in [NoisyCurve.twoMoons, NoisyCurve.twoSpirals, NoisyCurve.swissRoll] {
      let fine = data.refined(pieceLength: 0.5)
      let points = data.window.scaled(by: 1.4).gridCenters(60)
      for (coarse, exact) in zip(data.logDensities(of: points), fine.logDensities(of: points)) {
        // Far off the end of an arm the integrand falls too steeply for the rule; where no draw
        // ever falls, the error is held to a small part of the log-density.
        let tolerance = exact > -25 ? 1e-9 : exact > -40 ? 1e-7 : 1e-4 * abs(exact)
        #expect(abs(coarse - exact) < tolerance)
      }
    }
  }

  @Test("a noisy half circle agrees with a plain sum over its angle")
  func moonByPlainSum() {
    let count = 20_000
    for (x, y) in [(0.0, 1.0), (0.5, 0.25), (-1.05, 0.02), (1.9, 0.6), (1.0, -0.7)] {
      var sum = 0.0
      for index in 0..<count {
        let t = Double.pi * (Double(index) + 0.5) / Double(count)
        for (cx, cy) in [(cos(t), sin(t)), (1 - cos(t), 0.5 - sin(t))] {
          sum += exp(-((x - cx) * (x - cx) + (y - cy) * (y - cy)) / 0.02)
        }
      }
      let expected = log(sum / Double(2 * count) / (2 * Double.pi * 0.01))
      // The midpoint rule with a cut-off end is good to its step squared.
      #expect(abs(NoisyCurve.twoMoons.logDensity(x, y) - expected) < 1e-6)
    }
  }

  @Test("noisy circles agree with a plain sum over the angle")
  func circlesByPlainSum() {
    let count = 4000
    for (x, y) in [(0.0, 0.0), (1.5, 0.1), (-2.2, 1), (3.3, 3.3)] {
      var sum = 0.0
      for index in 0..<count {
        let t = 2 * Double.pi * Double(index) / Double(count)
        for radius in [1.5, 3] {
          let dx = x - radius * cos(t)
          let dy = y - radius * sin(t)
          sum += exp(-(dx * dx + dy * dy) / (2 * 0.0576))
        }
      }
      let expected = log(sum / Double(2 * count) / (2 * Double.pi * 0.0576))
      #expect(abs(NoisyCircles.circles.logDensity(x, y) - expected) < 1e-11)
    }
  }

  @Test("bending the pinwheel keeps areas")
  func pinwheelKeepsAreas() throws {
    let pinwheel = try #require(ToyData.named("pinwheel"))
    // The map of one arm before scaling: a turn by an angle that depends on the radius alone.
    func bend(_ u: Double, _ v: Double) -> (x: Double, y: Double) {
      let angle = 0.25 * exp((u * u + v * v).squareRoot())
      return (u * cos(angle) + v * sin(angle), v * cos(angle) - u * sin(angle))
    }
    let h = 1e-5
    for (u, v) in [(1.0, 0.1), (0.4, -0.2), (1.9, 0.05), (0.1, 0.3)] {
      let right = bend(u + h, v)
      let left = bend(u - h, v)
      let up = bend(u, v + h)
      let down = bend(u, v - h)
      let determinant =
        (right.x - left.x) * (up.y - down.y) - (up.x - down.x) * (right.y - left.y)
      #expect(abs(determinant / (4 * h * h) - 1) < 1e-8)
    }
    // With areas kept, the density at the image of an arm's middle is the arm's own peak.
    let image = bend(1, 0)
    let peak = -log(5 * 4 * 2 * Double.pi * 0.3 * 0.1)
    #expect(abs(pinwheel.logDensity(2 * image.x, 2 * image.y) - peak) < 1e-3)
  }

  @Test("the diamond follows its width")
  func diamondWidth() {
    let grid = GaussianGrid(
      name: "grid", summary: "a finer grid", window: PlotWindow(halfWidth: 4.5), width: 9,
      bound: 2.5, deviationShare: 1.0 / 3)
    let wide = integrate(grid, over: grid.window, cellsPerSide: 300)
    #expect(abs(wide.mass - 1) < 1e-6)
    #expect(abs(wide.entropy - grid.entropy) < 1e-5)
    #expect(GaussianGrid.diamond.logDensity(0, 0) > GaussianGrid.diamond.logDensity(0, 0.44) + 1)
  }

  @Test("the checkerboard's dark squares start in the lower left corner")
  func checkerboardSquares() throws {
    let board = try #require(ToyData.named("checkerboard"))
    #expect(board.logDensity(-3, -3) == -log(32.0))
    #expect(board.logDensity(-1, -3) == -.infinity)
    #expect(board.logDensity(3, 3) == -log(32.0))
    #expect(board.logDensity(-3, 3) == -.infinity)
    #expect(board.logDensity(5, 3) == -.infinity)
  }

  @Test("windows know their edges")
  func windows() {
    let window = PlotWindow(centerX: 1, centerY: -1, halfWidth: 2)
    #expect(window.xRange == -1...3)
    #expect(window.yRange == -3...1)
    #expect(window.area == 16)
    #expect(window.contains(3, 1) && !window.contains(3.1, 0))
    #expect(window.scaled(by: 2).xRange == -3...5)
    #expect(window.gridCenters(2) == [0, -2, 2, -2, 0, 0, 2, 0])
  }
}
