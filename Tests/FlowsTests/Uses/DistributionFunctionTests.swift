import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Distribution functions of one column")
struct DistributionFunctionTests {
  /// Log-densities alone against the closed form: F at quantiles, and quantiles at F.
  private func compare<D: ColumnwiseDistribution>(
    _ density: D, tolerance: Double, levels: [Double] = [1e-4, 0.01, 0.3, 0.5, 0.77, 0.99, 0.9999]
  ) throws {
    let function = try Opaque(density).distributionFunction()
    #expect(abs(function.mass - 1) < 3 * tolerance, "∫ p of \(density)")
    for level in levels {
      let row = Tensor<D.Scalar>([[D.Scalar(level)]])
      let place = Double(density.quantile(of: row).scalar)
      let exact = Double(density.cumulativeProbability(of: Tensor([[D.Scalar(place)]])).scalar)
      let found = function.cumulativeProbability(of: place)
      #expect(abs(found - exact) < tolerance, "F(\(place)) of \(D.self)")
      let back = function.cumulativeProbability(of: function.quantile(level))
      #expect(abs(back - level) < 1e-9 + tolerance / 10, "F(quantile(\(level))) of \(D.self)")
    }
    #expect(function.quantile(0) == density.support[0].bounds.low)
    #expect(function.quantile(1) == density.support[0].bounds.high)
    #expect(function.cumulativeProbability(of: -.infinity) == 0)
    #expect(function.cumulativeProbability(of: .infinity) == 1)
    #expect(function.cumulativeProbability(of: .nan).isNaN)
  }

  @Test("by integration agree with closed forms, heavy tails included")
  func closedForms() throws {
    try compare(
      Gaussian<Double>(location: Tensor([300]), scale: Tensor([0.01])), tolerance: 1e-9)
    try compare(Laplace<Double>(location: Tensor([-1]), scale: Tensor([2])), tolerance: 1e-9)
    try compare(Logistic<Double>(dimension: 1), tolerance: 1e-9)
    try compare(StudentT<Double>(dimension: 1, degreesOfFreedom: 1), tolerance: 1e-9)
    try compare(StudentT<Double>(dimension: 1, degreesOfFreedom: 0.7), tolerance: 1e-8)
    try compare(TestDensity<Double>(.cauchy, dimension: 1, logScale: 7), tolerance: 1e-9)
    try compare(
      Uniform<Double>(low: Tensor([-1]), high: Tensor([3])), tolerance: 1e-12)
  }

  @Test("by integration respect supports, also where the density is infinite at their ends")
  func supports() throws {
    try compare(Gamma<Double>(concentration: Tensor([2.5]), rate: Tensor([3])), tolerance: 1e-9)
    try compare(Gamma<Double>(concentration: Tensor([0.5]), rate: Tensor([1])), tolerance: 1e-8)
    try compare(TestDensity<Double>(.weibull, dimension: 1), tolerance: 1e-8)
    try compare(Beta<Double>(alpha: Tensor([2]), beta: Tensor([5])), tolerance: 1e-9)
    // The upper end is not 0, so that places next to it have few digits.
    try compare(Beta<Double>(alpha: Tensor([0.5]), beta: Tensor([0.5])), tolerance: 2e-7)
    try compare(TestDensity<Double>(.arcsine, dimension: 1), tolerance: 2e-7)
  }

  @Test("by integration are as accurate as Float allows")
  func float() throws {
    try compare(Gaussian<Float>(location: Tensor([3]), scale: Tensor([0.1])), tolerance: 1e-5)
    try compare(Laplace<Float>(dimension: 1), tolerance: 5e-6)
    try compare(StudentT<Float>(dimension: 1, degreesOfFreedom: 2), tolerance: 5e-6)
    try compare(Gamma<Float>(concentration: Tensor([2]), rate: Tensor([1])), tolerance: 5e-6)
  }

  @Test("never fall, between the nodes either")
  func monotone() throws {
    let mixture = Mixture<Double>(
      [
        Uniform(low: Tensor([-3]), high: Tensor([-2])), Laplace(dimension: 1),
        Beta(alpha: Tensor([0.6]), beta: Tensor([3])),
      ], weights: [1, 2, 3])
    let function = try Opaque(mixture).distributionFunction()
    let places = (0...6_000).map { -4 + Double($0) * 1e-3 }
    let values = places.map { function.cumulativeProbability(of: $0) }
    #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
    let exact = try mixture.cumulativeProbability(of: Tensor(places.map { [$0] }))
    #expect(
      deviation("F", found: values, expected: exact.scalars, tolerance: 1e-8) == nil)
  }

  @Test("have quantiles where parts of the axis hold nothing")
  func gaps() throws {
    let mixture = Mixture<Double>(
      [
        Uniform(low: Tensor([-3]), high: Tensor([-2])),
        Uniform(low: Tensor([5]), high: Tensor([6])),
      ], weights: [1, 3])
    let function = try Opaque(mixture).distributionFunction()
    for (share, place) in [(0.1, -2.6), (0.2, -2.2), (0.4, 5.2), (0.97, 5.96)] {
      #expect(abs(function.quantile(share) - place) < 1e-8)
      #expect(abs(function.cumulativeProbability(of: place) - share) < 1e-8)
    }
  }

  @Test("see a peak that nearly no node is near to")
  func narrowPeak() throws {
    let density = Mixture<Double>(
      [
        Gaussian(dimension: 1), Gaussian(location: Tensor([5.2]), scale: Tensor([1e-5])),
      ], weights: [0.97, 0.03])
    let function = try Opaque(density).distributionFunction()
    #expect(abs(function.mass - 1) < 1e-8)
    let inside =
      function.cumulativeProbability(of: 5.3) - function.cumulativeProbability(of: 5.1)
    #expect(abs(inside - 0.03) < 1e-6)
  }

  @Test("of flows and mixtures follow from their parts")
  func composites() throws {
    for sign in [1.0, -1] {
      let flow = NormalizingFlow(base: Laplace<Double>(dimension: 1)) {
        Sinh<Double>(sign: sign)
        Standardization<Double>(scale: Tensor([0.3]), shift: Tensor([2]))
      }
      let mixture = Mixture<Double>([flow, Gaussian(dimension: 1)], weights: [1, 3])
      #expect(flow.hasClosedForm && mixture.hasClosedForm)
      for density in [flow as any Distribution<Double>, mixture] {
        let (exact, found) = try (
          density.distributionFunction(), opaque(density).distributionFunction()
        )
        #expect(exact.error == 0 && found.error > 0)
        for level in [0.001, 0.2, 0.5, 0.9, 0.999] {
          let place = exact.quantile(level)
          #expect(abs(found.cumulativeProbability(of: place) - level) < 1e-8)
          #expect(abs(exact.cumulativeProbability(of: place) - level) < 1e-12)
        }
        #expect(exact.quantile(0) == -.infinity && exact.quantile(1) == .infinity)
      }
    }
    // sinh of a median is the median's sinh.
    let single = NormalizingFlow(base: Gaussian<Float>(dimension: 1)) { Sinh<Float>(sign: -1) }
    #expect(try single.median() == 0)
    let interval = try single.credibleInterval(0.95)
    #expect(abs(interval.upperBound - sinh(1.959_963_984_540_054)) < 1e-5)
    #expect(abs(interval.lowerBound + interval.upperBound) < 1e-5)
  }

  private func opaque<D: Distribution>(_ density: D) -> any Distribution<D.Scalar> {
    Opaque(density)
  }

  @Test("of a map that neither rises nor falls are integrated")
  func turningMaps() throws {
    let flow = NormalizingFlow(base: Uniform<Double>(dimension: 1)) { ThirdTurn() }
    let rows = Tensor<Double>([[0.2], [0.7]])
    #expect(flow.closedCumulativeProbability(of: rows, context: nil) == nil)
    let found = try flow.cumulativeProbability(of: rows)
    #expect(deviation("F", found: found.scalars, expected: [0.2, 0.7], tolerance: 1e-12) == nil)
  }

  @Test("of conditional densities are those of each row's context")
  func context() throws {
    let density = LinearGaussian<Double>(slopes: [2], deviation: 0.5)
    let x = Tensor<Double>([[0.1], [1.9], [2.5], [-4]])
    let context = Tensor<Double>([[0], [1], [1], [-2.25]])
    let expected = zip(x.scalars, context.scalars).map { normalProbability(($0 - 2 * $1) / 0.5) }
    #expect(
      deviation(
        "F", found: try density.cumulativeProbability(of: x, context: context).scalars,
        expected: expected, tolerance: 1e-9) == nil)
    let places = try density.quantile(
      of: Tensor(expected.map { [$0] }), context: context)
    #expect(
      deviation("quantiles", found: places.scalars, expected: x.scalars, tolerance: 1e-7) == nil)
    let one = Tensor<Double>([[3]])
    #expect(abs(try density.median(context: one) - 6) < 1e-8)
    let interval = try density.credibleInterval(0.9, context: one)
    #expect(abs(interval.lowerBound - (6 - 0.5 * 1.644_853_626_951_473)) < 1e-7)
  }

  @Test("of marginal columns come with standard errors that hold")
  func marginals() throws {
    let density = try MultivariateGaussian<Float>(
      mean: Tensor([1, -2]), covariance: Tensor([[4, 1.5], [1.5, 1]]))
    var generator = PhiloxGenerator(seed: 71)
    let marginal = density.marginal(column: 0, draws: 40_000, using: &generator)
    for (place, share) in [(1.0, 0.5), (-1, 0.158_655_253_931_457), (4, 0.933_192_798_731_142)] {
      #expect(isNear(marginal.cumulativeProbability(of: place), share))
      #expect(isNear(marginal.quantile(share), place))
    }
    // √(p(1 − p)/n) / density.
    let expected = (0.25 / 40_000).squareRoot() / (0.398_942_280_401_433 / 2)
    #expect(abs(marginal.median.standardError / expected - 1) < 0.3)
    #expect(marginal.cumulativeProbability(of: 1e9).value == 1)
    #expect(marginal.cumulativeProbability(of: 1e9).standardError > 0)
    let (low, high) = marginal.credibleInterval(0.9)
    #expect(isNear(low, 1 - 2 * 1.644_853_626_951_473))
    #expect(isNear(high, 1 + 2 * 1.644_853_626_951_473))
  }
}

/// Turns the unit interval, as a circle, by a third.
private struct ThirdTurn: Flow {
  typealias Scalar = Double
  var dimension: Int { 1 }
  var support: [Support] { [.interval(0, 1)] }

  private func turned(_ x: Tensor<Double>, by angle: Double) -> Transformed<Double> {
    let moved = x + angle
    return Transformed(value: moved - floor(moved), logDet: .zeros([x.shape[0]]))
  }

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    turned(z, by: 1.0 / 3)
  }
  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    turned(x, by: -1.0 / 3)
  }
  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}
