import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Importance sampling")
struct ImportanceTests {
  private func unnormalized(_ x: Tensor<Double>) -> Tensor<Double> {
    (x - 1).squared().sum(axis: 1) * -2 + 7
  }

  /// ∫ exp(7 − 2|x − 1|²) in two columns: e⁷ π/2.
  private let logEvidence = 7 + log(Double.pi / 2)

  @Test("gives the evidence with an error that holds")
  func evidence() {
    var generator = PhiloxGenerator(seed: 121)
    let proposal = Gaussian<Double>(location: Tensor([0.8, 1.1]), scale: Tensor([0.7, 0.8]))
    let sample = proposal.evidence(of: unnormalized, using: &generator)
    #expect(isNear(sample.weights.logMean, logEvidence))
    #expect(sample.weights.logMean.standardError < 0.02)
    #expect(sample.effectiveSampleSize > 4_000)
    #expect(sample.weights.isReliable && sample.weights.warning == nil)
    for mean in sample.mean { #expect(isNear(mean, 1)) }
    #expect(abs(sample.covariance[0][0] - 0.25) < 0.02 && abs(sample.covariance[0][1]) < 0.02)
    #expect(isNear(sample.quantile(0.9, column: 1), 1 + 0.5 * 1.281_551_565_544_6))
    #expect(isNear(sample.expectation { $0.squared().sum(axis: 1) }, 2.5))
    let rows = sample.resampled(5_000, using: &generator)
    #expect(rows.shape == [5_000, 2])
    #expect(abs(rows.mean().scalar - 1) < 0.03)
    // The right proposal has weights that do not differ.
    let exact = Gaussian<Double>(location: Tensor([1, 1]), scale: Tensor([0.5, 0.5]))
    let perfect = exact.evidence(of: unnormalized, draws: 1_000, using: &generator).weights
    #expect(abs(perfect.logMean.value - logEvidence) < 1e-12)
    #expect(perfect.effectiveSampleSize > 999.999 && perfect.isReliable)
  }

  @Test("runs in Float, with context")
  func conditionalProposal() {
    var generator = PhiloxGenerator(seed: 122)
    let proposal = LinearGaussian<Float>(slopes: [0.5, 0.5], deviation: 0.6)
    let sample = proposal.evidence(
      of: { ($0 - 1).squared().sum(axis: 1) * -2 + 7 }, context: Tensor([[2]]), using: &generator)
    #expect(isNear(sample.weights.logMean, logEvidence))
  }

  @Test("warns of a proposal that is too narrow, whose own error says nothing")
  func narrowProposal() {
    var generator = PhiloxGenerator(seed: 123)
    let narrow = Gaussian<Double>(location: Tensor([1, 1]), scale: Tensor([0.2, 0.2]))
    let weights = narrow.evidence(of: unnormalized, using: &generator).weights
    #expect(!weights.isReliable)
    #expect(weights.paretoShape > 0.7)
    #expect(weights.warning?.contains("Pareto shape") == true)
  }

  @Test("knows the Pareto shape of weights", arguments: [0.2, 0.5, 0.9])
  func paretoShape(k: Double) {
    var generator = PhiloxGenerator(seed: 124)
    let uniform = Tensor<Double>.uniform([100_000], using: &generator).scalars
    // u^−k has the tail of a generalised Pareto density of shape k.
    let weights = ImportanceWeights(logWeights: uniform.map { -k * log(max($0, 1e-300)) })
    // The estimate has the error (1 + k)/√m of m = 949 largest weights, and is drawn to ½ by 1 %.
    #expect(abs(weights.paretoShape - k) < 4 * (1 + k) / 949.0.squareRoot() + 0.01)
    #expect(weights.isReliable == (k < 0.7))
  }

  @Test("of impossible targets has no weight")
  func impossible() {
    let none = ImportanceWeights(logWeights: [-.infinity, .nan, -.infinity])
    #expect(none.effectiveSampleSize == 0 && !none.isReliable)
    #expect(none.logMean.value == -.infinity)
    #expect(none.mean(of: [1, 2, 3]).value.isNaN)
    let some = ImportanceWeights(logWeights: [-.infinity, 1_000, 1_000, -.infinity])
    #expect(some.normalized == [0, 0.5, 0.5, 0] && some.effectiveSampleSize == 2)
    #expect(abs(some.logMean.value - (1_000 - log(2.0))) < 1e-12)
    var generator = PhiloxGenerator(seed: 125)
    #expect(some.resampledIndices(4, using: &generator) == [1, 1, 2, 2])
  }
}
