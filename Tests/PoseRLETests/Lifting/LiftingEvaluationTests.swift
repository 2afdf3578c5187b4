import Flows
import Testing

@testable import PoseRLE

@Suite("Lifting: evaluation")
struct LiftingEvaluationTests {
  @Test(
    "regions hold what they claim, and calibration finds the factor",
    arguments: [KeypointLikelihood.laplace, .gaussian, .l1, .direct, .residual, .residualMMPose])
  func regions(likelihood: KeypointLikelihood) {
    var generator = PhiloxGenerator(seed: 5)
    let loss = KeypointLoss<Float>(likelihood, joints: 2, dimension: 3, using: &generator)
    let density = loss.errorDensity(joint: 0)
    let count = 10_000
    let draws = density.sample(count, using: &generator)
    // Errors three times as large as the network says.
    let errors = LiftingErrors(
      places: .zeros([count, 2, 3]), standardized: [(joint: 1, errors: draws * 3)],
      meanLogDeterminant: 0.25, motions: (0..<count).map { $0 % 7 })
    let regions = ErrorRegions(loss, seed: 1)
    let temperature = regions.temperature(for: errors)
    #expect(abs(temperature - 3) < 0.15, "\(temperature)")
    let levels = regions.ranks(of: errors, temperature: 3)
    for level in LiftingEvaluation.levels {
      let share = Double(levels.filter { $0 <= level }.count) / Double(levels.count)
      #expect(abs(share - level) < 0.02, "\(level): \(share)")
    }
    let narrow = regions.ranks(of: errors, temperature: 1)
    #expect(narrow.filter { $0 <= 0.5 }.count < count / 4)
    // The entropy of the density, moved by the factor's logarithm and the determinant.
    let expected =
      3 * log(Tensor<Double>(3)).scalar - 0.25
      - Double(density.logDensity(of: draws).mean().scalar)
    #expect(abs(regions.negativeLogLikelihood(errors, temperature: 3) - expected) < 1e-3)
  }

  @Test("in calibration every motion counts alike, however long it is")
  func motions() {
    var generator = PhiloxGenerator(seed: 5)
    let loss = KeypointLoss<Float>(.gaussian, joints: 2, dimension: 3, using: &generator)
    // A long motion with small errors, a short one with large errors.
    let draws = Tensor<Float>.normal([30_000, 3], using: &generator)
    let factor = Tensor<Float>.concatenated([
      .ones([20_000, 1]), Tensor(repeating: 3, shape: [10_000, 1]),
    ])
    let errors = LiftingErrors(
      places: .zeros([30_000, 2, 3]), standardized: [(joint: 1, errors: draws * factor)],
      meanLogDeterminant: 0, motions: (0..<30_000).map { $0 < 20_000 ? 4 : 9 })
    #expect(abs(errors.motionWeights.reduce(0, +) - 1) < 1e-9)
    let regions = ErrorRegions(loss, seed: 1)
    // The variance of the likeliest Gaussian is the mean of both, (1 + 9)/2.
    let temperature = regions.temperature(for: errors)
    #expect(abs(temperature * temperature - 5) < 0.2, "\(temperature)")
    let map = regions.levelMap(for: errors, temperature: temperature)
    let ranks = regions.ranks(of: errors, temperature: temperature).map(map.calibrated(rank:))
    for level in LiftingEvaluation.levels {
      func share(_ ranks: ArraySlice<Double>) -> Double {
        Double(ranks.filter { $0 < level }.count) / Double(ranks.count)
      }
      #expect(abs((share(ranks[..<20_000]) + share(ranks[20_000...])) / 2 - level) < 0.01)
    }
  }

  @Test(
    "the reported likelihood is that of the loss",
    arguments: [
      KeypointLikelihood.l2, .laplace, .direct, .residual, .residualReleased, .basic,
    ])
  func negativeLogLikelihood(likelihood: KeypointLikelihood) throws {
    let data = try LiftingPoses.dataset(motions: 2, seed: 1)
    var generator = PhiloxGenerator(seed: 4)
    let model = LiftingModel<Float>(
      try LiftingModelTests.architecture(likelihood), using: &generator)
    let evaluation = LiftingEvaluation(model, on: data, calibration: nil)
    let labels = KeypointLabels(
      positions: data.positions, weights: model.weights(poses: data.count))
    let losses = model.loss.negativeLogDensity(
      model.network(model.features(of: data.keypoints)), labels)
    let expected = Double(losses.sum().scalar) / Double(data.count * 5)
    #expect(
      abs(evaluation.negativeLogLikelihood - expected) < 1e-3 * Swift.max(1, abs(expected)))
    #expect(evaluation.temperature == 1)
    #expect(
      evaluation.coverage.allSatisfy { $0.measured == $0.scaled && $0.measured == $0.calibrated })
  }
}
