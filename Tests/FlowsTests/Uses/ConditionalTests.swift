import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Conditionals of a joint density")
struct ConditionalTests {
  @Test("of a Gaussian are its regression")
  func gaussian() throws {
    try check(Double.self)
    try check(Float.self)
  }

  private func check<S: TensorScalar>(_ type: S.Type) throws {
    let covariance: [[S]] = [
      [2, 0.8, -0.5, 0.3], [0.8, 1, 0.2, 0.1], [-0.5, 0.2, 1.5, 0.4], [0.3, 0.1, 0.4, 0.7],
    ]
    let density = try MultivariateGaussian<S>(
      mean: Tensor([1, 0, -1, 2]), covariance: Tensor(covariance))
    var generator = PhiloxGenerator(seed: 131)
    let given = try density.conditional(on: [0: 3, 2: 0.5], using: &generator)
    #expect(given.rows.shape == [8_192, 4])
    #expect(given.rows.columns([0, 2])[rows: 0..<2] == Tensor([[3, 0.5], [3, 0.5]]))
    #expect(given.effectiveSampleSize > 2_000)
    #expect(given.weights.isReliable)
    // Σ_RF Σ_FF⁻¹ (v − μ_F), with Σ_FF = [[2, −0.5], [−0.5, 1.5]] and v − μ_F = (2, 1.5).
    let determinant = 2 * 1.5 - 0.25
    let u = (1.5 * 2 + 0.5 * 1.5) / determinant
    let v = (0.5 * 2 + 2 * 1.5) / determinant
    let means = [0.8 * u + 0.2 * v, 2 + 0.3 * u + 0.4 * v]
    #expect(isNear(given.mean[1], means[0]) && isNear(given.mean[3], means[1]))
    let explained =
      (0.8 * (1.5 * 0.8 + 0.5 * 0.2) + 0.2 * (0.5 * 0.8 + 2 * 0.2)) / determinant
    #expect(abs(given.covariance[1][1] - (1 - explained)) < 0.05)
    let quantile = means[0] + (1 - explained).squareRoot() * 1.281_551_565_544_6
    #expect(isNear(given.quantile(0.9, column: 1), quantile))
    // log N(v; μ_F, Σ_FF).
    let logMarginal = -log(2 * Double.pi) - 0.5 * log(determinant) - 0.5 * (2 * u + 1.5 * v)
    #expect(isNear(given.weights.logMean, logMarginal))
    #expect(given.weights.logMean.standardError < 0.05)
  }

  @Test("keep all modes, with the right weights")
  func modes() throws {
    let density = Mixture<Double>(
      [
        Gaussian(location: Tensor([0, -4, 1]), scale: Tensor([1, 0.3, 0.5])),
        Gaussian(location: Tensor([1, 4, -1]), scale: Tensor([1, 0.6, 0.2])),
        Gaussian(location: Tensor([30, 0, 0]), scale: Tensor([1, 9, 9])),
      ])
    var generator = PhiloxGenerator(seed: 132)
    let given = try density.conditional(on: [0: 1], using: &generator)
    // The first part's share by its density at 1: e^−½ against 1.
    let share = exp(-0.5) / (1 + exp(-0.5))
    #expect(isNear(given.expectation { ($0.columns([1]) .< 0).squeezed(axis: 1) }, share))
    #expect(isNear(given.mean[2], share - (1 - share)))
    #expect(given.effectiveSampleSize > 1_000)
  }

  @Test("of values far from all draws are still right")
  func tails() throws {
    let density = try MultivariateGaussian<Double>(
      mean: Tensor([0, 0]), covariance: Tensor([[1, 0.6], [0.6, 1]]))
    var generator = PhiloxGenerator(seed: 133)
    let given = try density.conditional(on: [0: 8], using: &generator)
    #expect(isNear(given.mean[1], 4.8))
    #expect(abs(given.covariance[1][1] - 0.64) < 0.06)
    #expect(isNear(given.weights.logMean, -32 - 0.5 * log(2 * Double.pi)))
  }

  @Test("stay in bounded supports")
  func bounded() throws {
    let density = ProductDistribution<Double>([
      Gamma(concentration: Tensor([0.8]), rate: Tensor([2])),
      Beta(alpha: Tensor([2]), beta: Tensor([0.7])), Gaussian(dimension: 1),
    ])
    var generator = PhiloxGenerator(seed: 134)
    let given = try density.conditional(on: [2: 0.3], using: &generator)
    #expect(isNear(given.mean[0], 0.4) && isNear(given.mean[1], 2 / 2.7))
    #expect(given.effectiveSampleSize > 2_000)
    #expect(isNear(given.weights.logMean, -0.045 - 0.5 * log(2 * Double.pi)))
  }

  @Test("take context")
  func context() throws {
    let density = LinearGaussian<Double>(slopes: [1, -3], deviation: 0.5)
    var generator = PhiloxGenerator(seed: 135)
    let given = try density.conditional(on: [0: 2.2], context: Tensor([[2]]), using: &generator)
    #expect(isNear(given.mean[1], -6))
    #expect(
      isNear(given.weights.logMean, -0.08 - log(0.5) - 0.5 * log(2 * Double.pi)))
  }

  @Test("are refused where the density vanishes, or too few draws count")
  func refusals() throws {
    var generator = PhiloxGenerator(seed: 136)
    let boxes = Mixture<Double>([
      Uniform(low: Tensor([0, 0]), high: Tensor([1, 1])),
      Uniform(low: Tensor([2, 0]), high: Tensor([3, 1])),
    ])
    do {
      _ = try boxes.conditional(on: [0: 1.5], using: &generator)
      Issue.record("a conditional where the density vanishes")
    } catch let error as FlowsError {
      #expect(error.kind == .invalidData && error.message.contains("column 0 = 1.5"))
    }
    do {
      _ = try boxes.conditional(on: [0: 5], using: &generator)
      Issue.record("a conditional outside of the support")
    } catch let error as FlowsError {
      #expect(error.column == 1 && error.message.contains("[0.0, 3.0]"))
    }
    #expect(throws: FlowsError.self) {
      _ = try boxes.conditional(
        on: [0: 0.5], draws: 500, leastEffectiveSampleSize: 501, using: &generator)
    }
  }
}
