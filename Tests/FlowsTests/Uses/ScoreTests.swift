import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Scores")
struct ScoreTests {
  private func centralDifferences(
    _ density: any Distribution<Double>, _ x: Tensor<Double>, _ context: Tensor<Double>?
  ) -> Tensor<Double> {
    let step = 1e-5
    let columns = (0..<density.dimension).map { column in
      var shift = [Double](repeating: 0, count: density.dimension)
      shift[column] = step
      let high = density.logDensity(of: x + Tensor(shift), context: context)
      let low = density.logDensity(of: x - Tensor(shift), context: context)
      return (high - low) / (2 * step)
    }
    return .stacked(columns, axis: 1)
  }

  @Test("agree with central differences")
  func differences() throws {
    var generator = PhiloxGenerator(seed: 101)
    let flow = NormalizingFlow(base: Logistic<Double>(dimension: 3)) {
      for index in 0..<3 {
        AffineCoupling(
          dimension: 3, mask: .alternating(index), hidden: [8], activation: .tanh,
          using: &generator)
      }
      Standardization<Double>(scale: Tensor([1, 2, 3]), shift: Tensor([0, 1, 2]))
    }
    let conditional = NormalizingFlow(base: Gaussian<Double>(dimension: 2)) {
      AffineCoupling(
        dimension: 2, mask: .alternating(0), contextDimension: 1, hidden: [8], activation: .tanh,
        using: &generator)
    }
    let residual = ResidualDensity(
      base: Gaussian<Double>(dimension: 1),
      shape: StudentT<Double>(dimension: 1, degreesOfFreedom: 3))
    let cases: [(any Distribution<Double>, Tensor<Double>?)] = [
      (flow, nil), (conditional, .normal([300, 1], using: &generator)), (residual, nil),
      (Mixture<Double>([flow, StudentT(dimension: 3, degreesOfFreedom: 2)]), nil),
      (Gamma<Double>(concentration: Tensor([2, 5]), rate: Tensor([1, 3])), nil),
    ]
    for (density, context) in cases {
      let x = density.sample(300, context: context, using: &generator)
      let scores = density.score(of: x, context: context)
      #expect(scores.shape == [300, density.dimension])
      #expect(
        deviation(
          "\(type(of: density))", found: scores,
          expected: centralDifferences(density, x, context), tolerance: 2e-5) == nil)
      let both = density.logDensityAndScore(of: x, context: context)
      #expect(
        deviation(
          "log-density", found: both.logDensity,
          expected: density.logDensity(of: x, context: context),
          tolerance: 1e-12) == nil)
    }
  }

  @Test("of a Gaussian are (μ − x)/σ², in tiles as in one")
  func gaussian() {
    let density = Gaussian<Float>(location: Tensor([1, 2]), scale: Tensor([0.5, 3]))
    var generator = PhiloxGenerator(seed: 102)
    let x = density.sample(3_000, using: &generator)
    let scores = density.score(of: x)
    let expected = (density.location - x) / density.scale.squared()
    #expect(deviation("scores", found: scores, expected: expected, tolerance: 2e-6) == nil)
    #expect(density.score(of: x[rows: 700..<710]) == scores[rows: 700..<710])
    #expect(density.score(of: .zeros([0, 2])).shape == [0, 2])
  }

  @Test("have mean zero and the Fisher information as covariance under the density")
  func fisherInformation() {
    let density = Logistic<Double>(location: Tensor([2]), scale: Tensor([0.5]))
    var generator = PhiloxGenerator(seed: 103)
    let scores = density.score(of: density.sample(40_000, using: &generator)).scalars
    #expect(isNear(Estimate(meanOf: scores), 0))
    // 1/(3s²).
    #expect(isNear(Estimate(meanOf: scores.map { $0 * $0 }), 4.0 / 3))
  }

  @Test("are zero outside of the support")
  func outside() {
    let density = Uniform<Double>(dimension: 2)
    let both = density.logDensityAndScore(of: Tensor([[0.5, 0.5], [2, 0.5]]))
    #expect(both.logDensity.scalars == [0, -.infinity])
    #expect(both.score.scalars == [0, 0, 0, 0])
  }
}
