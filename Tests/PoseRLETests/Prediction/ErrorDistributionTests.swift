import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Distributions of standardised errors")
struct ErrorDistributionTests {
  static let levels = [0.1, 0.5, 0.8, 0.95, 0.99]

  @Test("regions of a Gaussian density are balls", arguments: [2, 3])
  func gaussian(dimension: Int) {
    let errors = ErrorDistribution(Gaussian<Double>(dimension: dimension))
    let constant = Double(dimension) / 2 * log(2 * Double.pi)
    for level in Self.levels {
      let squared = -2 * (errors.logDensityThreshold(level: level) + constant)
      let mass = gaussianMass(radius: squared.squareRoot(), dimension: dimension)
      let tolerance = 4 * errors.standardError(ofLevel: level)
      #expect(abs(mass - level) < tolerance)
      if dimension == 2 {
        // d mass = ½ e^(−r²/2) d(r²).
        #expect(abs(squared + 2 * log(1 - level)) < 2.2 * tolerance / (1 - level))
      }
      let volume = errors.volume(level: level)
      let ball =
        dimension == 2 ? Double.pi * squared : 4 / 3 * Double.pi * pow(squared, 1.5)
      #expect(abs(volume.value - ball) < 4 * volume.standardError)
      #expect(volume.standardError < 0.02 * ball)
    }
  }

  @Test("regions of a Laplace density are cross-polytopes", arguments: [2, 3])
  func laplace(dimension: Int) {
    let errors = ErrorDistribution(Laplace<Double>(dimension: dimension))
    for level in Self.levels {
      let radius = -errors.logDensityThreshold(level: level) - Double(dimension) * log(2)
      let mass = laplaceMass(radius: radius, dimension: dimension)
      #expect(abs(mass - level) < 4 * errors.standardError(ofLevel: level))
      let volume = errors.volume(level: level)
      let polytope = dimension == 2 ? 2 * radius * radius : 4 / 3 * pow(radius, 3)
      #expect(abs(volume.value - polytope) < 4 * volume.standardError)
    }
  }

  @Test("volumes and outlines of regions that reach beyond the draws")
  func beyond() {
    let errors = ErrorDistribution(Gaussian<Double>(dimension: 2))
    let lowest = -errors.logDensityThreshold(level: 1 - 1 / 131_073.0)
    for level in [0.995, 0.9999, 1 - 1e-7] {
      let squared = -2 * (errors.logDensityThreshold(level: level) + log(2 * Double.pi))
      let volume = errors.volume(level: level)
      #expect(abs(volume.value - Double.pi * squared) < 4 * volume.standardError)
      #expect(volume.standardError < 0.03 * volume.value)
      let area = errors.outline(level: level).area
      #expect(abs(area / (Double.pi * squared) - 1) < 5e-3)
    }
    #expect(-errors.logDensityThreshold(level: 1 - 1e-7) > lowest + 10)
  }

  @Test("ranks of draws from the density are uniform, of a wider one are not")
  func uniformRanks() {
    var generator = PhiloxGenerator(seed: 8)
    let flow = NormalizingFlow<Double>.rle(dimension: 3, using: &generator)
    let errors = ErrorDistribution(flow, sampleCount: 40_000)
    let draws = flow.sample(10_000, using: &generator)
    // The 99.9 % point of Kolmogorov's distribution, for two samples.
    let bound = 1.95 * (1 / 10_000.0 + 1 / 40_000.0).squareRoot()
    #expect(uniformDistance(errors.ranks(of: draws).scalars) < bound)
    #expect(uniformDistance(errors.ranks(of: draws * 1.1).scalars) > bound)
  }

  @Test("a rank is below a level exactly where the threshold is reached")
  func consistency() {
    let errors = ErrorDistribution(Gaussian<Double>(dimension: 2), sampleCount: 999)
    for step in 1..<1_000 {
      let level = Double(step) / 1_000
      let threshold = errors.logDensityThreshold(level: level)
      #expect(errors.rank(ofLogDensity: threshold) < level)
      #expect(errors.rank(ofLogDensity: threshold.nextDown) >= level)
    }
    #expect(errors.logDensityThreshold(level: 0) == .infinity)
    #expect(errors.logDensityThreshold(level: 1) == -.infinity)
    #expect(errors.rank(ofLogDensity: .nan) == 1)
    #expect(errors.rank(ofLogDensity: -.infinity) == 1)
    #expect(errors.rank(ofLogDensity: 0) == 0)
    // Beyond all draws ranks go on, below 1 for any positive density.
    let lowest = errors.logDensityThreshold(level: 0.999)
    #expect(abs(errors.rank(ofLogDensity: lowest - 1) - 0.9995) < 1e-12)
    #expect(abs(errors.logDensityThreshold(level: 0.9995) - (lowest - 1)) < 1e-9)
    #expect(errors.rank(ofLogDensity: -1e9) > errors.rank(ofLogDensity: -1e6))
    #expect(errors.rank(ofLogDensity: -1e300) < 1)
    #expect(errors.volume(level: 0).value == 0)
    #expect(errors.volume(level: 1).value == .infinity)
  }

  @Test("points that are not finite")
  func notFinite() {
    let errors = ErrorDistribution(Laplace<Double>(dimension: 2), sampleCount: 1_000)
    let points = Tensor<Double>([[.nan, 0], [0, .infinity], [0, 0], [1e300, -1e300]])
    let values = errors.logDensity(of: points).scalars
    #expect(values[0] == -.infinity && values[1] == -.infinity)
    #expect(abs(values[2] + 2 * log(2)) < 1e-12)
    #expect(errors.ranks(of: points).scalars.prefix(3) == [1, 1, 0])
    #expect(errors.logDensity(of: .zeros([0, 2])).count == 0)
  }

  @Test("quantiles of axes")
  func quantiles() {
    let laplace = ErrorDistribution(
      Laplace<Double>(location: Tensor([0.5, -1]), scale: Tensor([1, 2])), sampleCount: 100)
    #expect(abs(laplace.quantile(0.9, axis: 0) - (0.5 - log(0.2))) < 1e-12)
    #expect(abs(laplace.quantile(0.25, axis: 1) - (-1 + 2 * log(0.5))) < 1e-12)
    #expect(laplace.quantile(1, axis: 0) == .infinity)
    #expect(laplace.mean == [0.5, -1])
    #expect(laplace.covariance == [[2, 0], [0, 8]])
    // A flow that does nothing takes the way over draws.
    var generator = PhiloxGenerator(seed: 1)
    let flow = NormalizingFlow<Double>.realNVP(dimension: 2, using: &generator)
    let errors = ErrorDistribution(flow)
    #expect(abs(errors.quantile(0.975, axis: 1) - 1.959_964) < 0.03)
    #expect(abs(errors.quantile(0.5, axis: 0)) < 0.015)
    #expect(abs(errors.mean[0]) < 0.012)
    #expect(abs(errors.covariance[0][0] - 1) < 0.02)
    #expect(abs(errors.covariance[0][1]) < 0.012)
  }

  @Test("selection finds what sorting finds")
  func selection() {
    var generator = PhiloxGenerator(seed: 2)
    for count in [2, 3, 10, 1_001] {
      // Few distinct numbers, so that many are equal.
      let numbers = floor(Tensor<Double>.normal([count], using: &generator) * 3).scalars
      let sorted = numbers.sorted()
      for index in 0..<(count - 1) {
        for order in [numbers, sorted, sorted.reversed()] {
          var copy = order
          #expect(orderStatistics(index, of: &copy) == (sorted[index], sorted[index + 1]))
        }
      }
    }
  }

  @Test("equal densities and seeds give equal results")
  func deterministic() {
    var generator = PhiloxGenerator(seed: 3)
    let flow = NormalizingFlow<Float>.rle(using: &generator)
    let (one, two) = (
      ErrorDistribution(flow, sampleCount: 5_000), ErrorDistribution(flow, sampleCount: 5_000)
    )
    let other = ErrorDistribution(flow, sampleCount: 5_000, seed: 1)
    for level in Self.levels {
      #expect(one.logDensityThreshold(level: level) == two.logDensityThreshold(level: level))
      #expect(one.logDensityThreshold(level: level) != other.logDensityThreshold(level: level))
    }
  }

  @Test(
    "a residual density is normalised once", arguments: [ResidualNormalization.exact, .omitted])
  func residual(normalization: ResidualNormalization) {
    let shape = Gaussian<Double>(location: Tensor([0.4, -0.2]), scale: Tensor([0.8, 1.3]))
    let product = ResidualDensity(base: Laplace(dimension: 2), shape: shape)
    let errors = ErrorDistribution(
      ResidualDensity(base: product.base, shape: shape, normalization: normalization))
    let points = Tensor<Double>([[0.1, 0.2], [-1, 2], [3, -0.5]])
    let given = errors.density as? ResidualDensity<Laplace<Double>, Gaussian<Double>>
    #expect(given.map { $0.normalization != normalization } == true)
    for (a, b) in zip(
      errors.logDensity(of: points).scalars, product.logDensity(of: points).scalars)
    {
      #expect(abs(a - b) < 1e-12)
    }
    // Riemann sums with a line of the grid on each kink.
    let steps = 400
    var grid: [[Double]] = []
    for row in 0..<steps {
      for column in 0..<steps {
        grid.append([Double(column - 200) * 0.04, Double(row - 200) * 0.04])
      }
    }
    let values = errors.logDensity(of: Tensor(grid)).scalars
    let mass = values.reduce(0) { $0 + exp($1) } * 0.04 * 0.04
    #expect(abs(mass - 1) < 2e-3)
    for level in [0.5, 0.95] {
      let threshold = errors.logDensityThreshold(level: level)
      let held = values.reduce(0) { $0 + ($1 >= threshold ? exp($1) : 0) } * 0.04 * 0.04
      #expect(abs(held - level) < 4 * errors.standardError(ofLevel: level) + 3e-3)
    }
  }

  @Test("a product whose flow is wide is drawn by importance, as well as by rejection")
  func wideFlow() {
    // Of Laplace times a Gaussian of scale 30 rejection keeps one draw in some hundreds.
    let wide = Gaussian<Double>(
      location: Tensor([1, -2]), scale: Tensor([30, 20]))
    let product = ResidualDensity(base: Laplace<Double>(dimension: 2), shape: wide)
    #expect((product.expectedAcceptance() ?? 1) < 0.05)
    let errors = ErrorDistribution<Double>(product)
    var generator = PhiloxGenerator(seed: 3)
    let exact = product.sample(20_000, using: &generator)
    let ranks = errors.ranks(of: exact).scalars
    for level in [0.5, 0.8, 0.95] {
      let share = Double(ranks.filter { $0 < level }.count) / Double(ranks.count)
      #expect(abs(share - level) < 0.015, "\(level): \(share)")
    }
    for axis in 0..<2 {
      let column = exact[columns: axis..<axis + 1].scalars
      let mean = column.reduce(0, +) / Double(column.count)
      #expect(abs(errors.mean[axis] - mean) < 0.06)
      #expect(abs(errors.quantile(0.9, axis: axis) - column.sorted()[18_000]) < 0.1)
    }
  }
}
