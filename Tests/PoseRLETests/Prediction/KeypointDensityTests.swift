import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Densities of keypoints")
struct KeypointDensityTests {
  @Test("a sheared Gaussian in the plane")
  func plane() {
    let errors = ErrorDistribution(Gaussian<Double>(dimension: 2))
    let (s1, s2, c) = (0.5, 2.0, -0.6)
    let density = KeypointDensity(errors: errors, mean: [1, -1], scale: [s1, s2], shear: [c])
    // g₁ = μ₁ + s₁x₁, g₂ = μ₂ + s₂(c·x₁ + x₂).
    let (a, b, d) = (s1 * s1, s1 * s2 * c, s2 * s2 * (1 + c * c))
    let determinant = a * d - b * b
    for point in [[1.0, -1.0], [1.7, 0.3], [-2, 4]] {
      let (x, y) = (point[0] - 1, point[1] + 1)
      let squared = (d * x * x - 2 * b * x * y + a * y * y) / determinant
      let expected = -squared / 2 - log(2 * Double.pi) - log(determinant) / 2
      #expect(abs(density.logDensity(at: point) - expected) < 1e-12)
      let rank = density.rank(of: point)
      #expect(abs(rank - (1 - exp(-squared / 2))) < 0.007)
      for level in [0.2, 0.5, 0.9] {
        #expect(density.contains(point, level: level) == (rank < level))
      }
    }
    #expect(density.mean == [1, -1])
    let flat = density.covariance.flatMap(\.self)
    for (value, expected) in zip(flat, [a, b, b, d]) { #expect(abs(value - expected) < 1e-12) }
    #expect(abs(density.standardDeviation[1] - d.squareRoot()) < 1e-12)
    let interval = density.interval(level: 0.95)
    #expect(abs(interval.upper[0] - (1 + 1.959_964 * s1)) < 1e-5)
    #expect(abs(interval.upper[1] - (-1 + 1.959_964 * d.squareRoot())) < 0.15)
    #expect(abs(interval.lower[1] - (-1 - 1.959_964 * d.squareRoot())) < 0.15)
    #expect(abs(density.median[1] + 1) < 0.1)
    #expect(density.quantile(0) == [-.infinity, -.infinity])
    let area = density.volume(level: 0.5)
    #expect(abs(area / (2 * Double.pi * log(2) * determinant.squareRoot()) - 1) < 0.02)
  }

  @Test("a sheared density in space")
  func space() {
    let errors = ErrorDistribution(Laplace<Double>(dimension: 3), sampleCount: 20_000)
    let shear = [0.3, -0.5, 1.2]
    let density = KeypointDensity(
      errors: errors, mean: [1, 2, 3], scale: [0.1, 0.2, 0.4], shear: shear)
    let x = [0.7, -1.1, 0.4]
    let moved = [x[0], 0.3 * x[0] + x[1], -0.5 * x[0] + 1.2 * x[1] + x[2]]
    let point = [1 + 0.1 * moved[0], 2 + 0.2 * moved[1], 3 + 0.4 * moved[2]]
    let expected = -2.2 - 3 * log(2) - log(0.1 * 0.2 * 0.4)
    #expect(abs(density.logDensity(at: point) - expected) < 1e-12)
    var generator = PhiloxGenerator(seed: 4)
    let draws = density.sample(40_000, using: &generator)
    let covariance = density.covariance
    let centred = draws - Tensor(density.mean)
    let measured = (centred.transposed().matmul(centred) * (1 / 40_000.0)).scalars
    for i in 0..<3 {
      for j in 0..<3 {
        let spread = (covariance[i][i] * covariance[j][j]).squareRoot()
        #expect(abs(measured[3 * i + j] - covariance[i][j]) < 0.06 * spread)
      }
    }
    #expect(uniformDistance(density.ranks(of: draws).scalars) < 0.02)
  }

  @Test("errors off centre move mean and median")
  func offCentre() {
    let errors = ErrorDistribution(
      Laplace<Double>(location: Tensor([0.7, -0.4]), scale: Tensor([1, 0.5])),
      sampleCount: 1_000)
    let density = KeypointDensity(errors: errors, mean: [10, 20], scale: [2, 4], shear: [0.5])
    #expect(abs(density.mean[0] - 11.4) < 1e-12)
    #expect(abs(density.mean[1] - (20 + 4 * (0.35 - 0.4))) < 1e-12)
    #expect(abs(density.median[0] - 11.4) < 1e-12)
  }

  @Test("ends of the levels, and points that are not finite")
  func ends() {
    let errors = ErrorDistribution(Gaussian<Double>(dimension: 2), sampleCount: 1_000)
    let map = LevelMap(ranks: [0.2, 0.6, 0.9])
    for levels in [nil, map] {
      let density = KeypointDensity(
        errors: errors, mean: [0, 0], scale: [1, 1], levelMap: levels)
      #expect(!density.contains([0, 0], level: 0))
      #expect(density.contains([0, 0], level: 0.01))
      #expect(density.contains([1e6, 0], level: 1))
      #expect(!density.contains([.nan, 0], level: 1))
      #expect(!density.contains([0, .infinity], level: 1))
      #expect(density.logDensity(at: [.nan, 0]) == -.infinity)
      #expect(density.rank(of: [.nan, 0]) == 1)
      #expect(density.volume(level: 0) == 0)
      #expect(density.volume(level: 1) == .infinity)
    }
  }
}
