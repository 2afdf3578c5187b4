import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Highest-density regions")
struct HighestDensityRegionTests {
  @Test("of a Gaussian are its ellipses", arguments: [0.5, 0.95])
  func ellipses(probability: Double) throws {
    try ellipse(Float.self, probability)
    try ellipse(Double.self, probability)
  }

  private func ellipse<S: TensorScalar>(_ type: S.Type, _ probability: Double) throws {
    let density = Gaussian<S>(location: Tensor([1, -3]), scale: Tensor([2, 0.5]))
    var generator = PhiloxGenerator(seed: 81)
    let region = try density.highestDensityRegion(probability: probability, using: &generator)
    // r² = −2 log(1 − α) standard deviations; the log-density at its rim.
    let threshold = -log(2 * Double.pi) + log(1 - probability)
    #expect(isNear(region.logDensityThreshold, threshold))
    #expect(region.logDensityThreshold.standardError < 0.05)
    let radius = (-2 * log(1 - probability)).squareRoot()
    let rows = Tensor<S>([
      [1, -3], [S(1 + 2 * radius * 0.97), -3], [S(1 + 2 * radius * 1.03), -3],
      [1, S(-3 - 0.5 * radius * 0.97)], [1, S(-3 - 0.5 * radius * 1.03)], [.nan, 0],
      [.infinity, 0],
    ])
    #expect(region.contains(rows) == [true, true, false, true, false, false, false])
    // σ₁σ₂ = 1. The error of the threshold comes on top of that of the volume.
    let area = Double.pi * radius * radius
    #expect(abs(region.volume.value / area - 1) < 0.03)
    #expect(region.volume.standardError < 0.02 * area)
    let grid = region.grid(columns: 200, rows: 180)
    #expect(grid.mask.count == 200 * 180)
    #expect(abs(grid.area / area - 1) < 0.03)
    #expect(abs(grid.probability - probability) < 0.02)
    #expect(region.probabilityStandardError < 0.002)
  }

  @Test("hold their share of fresh draws")
  func share() throws {
    let density = Mixture<Double>(
      [
        Gaussian(location: Tensor([-2, 0, 1]), scale: Tensor([0.5, 1, 2])),
        Laplace(dimension: 3), StudentT(dimension: 3, degreesOfFreedom: 2),
      ])
    var generator = PhiloxGenerator(seed: 82)
    let region = try density.highestDensityRegion(probability: 0.8, using: &generator)
    let fresh = density.sample(20_000, using: &generator)
    let share = Double(region.contains(fresh).count { $0 }) / 20_000
    let error = (0.8 * 0.2 * (1 / 20_000.0 + 1 / 65_536)).squareRoot()
    #expect(abs(share - 0.8) < 4.5 * error)
  }

  @Test("of one column are intervals")
  func intervals() throws {
    var generator = PhiloxGenerator(seed: 83)
    let laplace = Laplace<Double>(location: Tensor([4]), scale: Tensor([2]))
    let one = try laplace.highestDensityRegion(probability: 0.9, using: &generator).intervals
    #expect(one.count == 1)
    // ±b log 10; the error of the threshold is √(0.9·0.1/65536)/0.1, some 0.012 nats.
    let reach = 2 * log(10.0)
    #expect(abs((one.first?.lowerBound ?? .nan) - (4 - reach)) < 0.11)
    #expect(abs((one.first?.upperBound ?? .nan) - (4 + reach)) < 0.11)
    // Both ends have the density of the threshold: the interval is symmetric to rounding.
    #expect(abs((one.first?.lowerBound ?? .nan) + (one.first?.upperBound ?? .nan) - 8) < 1e-9)

    let pair = Mixture<Double>([
      Gaussian(location: Tensor([-5]), scale: Tensor([1])),
      Gaussian(location: Tensor([5]), scale: Tensor([1])),
    ])
    let two = try pair.highestDensityRegion(probability: 0.9, using: &generator)
    #expect(two.intervals.count == 2)
    for (interval, middle) in zip(two.intervals, [-5.0, 5]) {
      #expect(abs(interval.lowerBound - (middle - 1.645)) < 0.06)
      #expect(abs(interval.upperBound - (middle + 1.645)) < 0.06)
    }
    #expect(abs(two.volume.value - 4 * 1.645) < 0.2)
  }

  @Test("end where the support does")
  func bounded() throws {
    var generator = PhiloxGenerator(seed: 84)
    let exponential = Gamma<Float>(concentration: Tensor([1]), rate: Tensor([1]))
    let region = try exponential.highestDensityRegion(probability: 0.8, using: &generator)
    let interval = try #require(region.intervals.first)
    #expect(region.intervals.count == 1 && abs(interval.lowerBound) < 1e-6)
    #expect(abs(interval.upperBound - log(5.0)) < 0.05)
    // Where the density is flat every region is all of the support.
    let flat = Uniform<Double>(low: Tensor([2]), high: Tensor([3]))
    let all = try flat.highestDensityRegion(probability: 0.5, using: &generator)
    #expect(all.intervals == [2...3])
    #expect(abs(all.volume.value - 1) < 1e-12)
  }

  @Test("of conditional densities are those of one row of context")
  func context() throws {
    let density = LinearGaussian<Double>(slopes: [2], deviation: 0.1)
    var generator = PhiloxGenerator(seed: 85)
    let region = try density.highestDensityRegion(
      probability: 0.95, context: Tensor([[10]]), using: &generator)
    let interval = try #require(region.intervals.first)
    #expect(abs(interval.lowerBound - (20 - 0.196)) < 0.005)
    #expect(abs(interval.upperBound - (20 + 0.196)) < 0.005)
    #expect(region.contains(Tensor([[20], [0]])) == [true, false])
  }
}
