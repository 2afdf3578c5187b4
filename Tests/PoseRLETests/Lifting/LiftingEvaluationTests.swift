import Flows
import Testing

@testable import PoseRLE

@Suite("Lifting: evaluation")
struct LiftingEvaluationTests {
  @Test("a model that errs by a constant part of its scale is right in its median")
  func medians() throws {
    let data = try LiftingPoses.dataset(motions: 2, seed: 1)
    var generator = PhiloxGenerator(seed: 4)
    var model = LiftingModel<Float>(
      try LiftingModelTests.architecture(.direct), using: &generator)
    // The flow moves everything by 2 along each axis, and the network's means are off by as much.
    model.loss.flows = [
      NormalizingFlow(
        base: Gaussian(
          location: Tensor(repeating: 2, shape: [3]), scale: Tensor(repeating: 0.01, shape: [3])),
        flow: Composition(dimension: 3, []))
    ]
    let prediction = model(data.keypoints)
    let moved = LiftingDataset(
      skeleton: data.skeleton, imageWidth: data.imageWidth, imageHeight: data.imageHeight,
      keypoints: data.keypoints,
      positions: prediction.mean + 2 * prediction.scale
        * model.weights(poses: data.count).expanded(axis: 2),
      motions: data.motions, motionOfPose: data.motionOfPose)
    let evaluation = try LiftingEvaluation(model, on: moved, calibration: nil)
    #expect(evaluation.medianMPJPE < 0.01 * evaluation.mpjpe)
    #expect(evaluation.medianAlignedMPJPE < 0.1 * evaluation.alignedMPJPE)
  }

  @Test("no poses to predict are an error, no poses to calibrate on are none")
  func empty() throws {
    let data = try LiftingPoses.dataset(motions: 2, seed: 1)
    var generator = PhiloxGenerator(seed: 4)
    let model = LiftingModel<Float>(
      try LiftingModelTests.architecture(.laplace), using: &generator)
    let error = #expect(throws: PoseError.self) {
      try LiftingEvaluation(model, on: data.poses([]), calibration: data)
    }
    #expect(error?.kind == .invalidData)
    let plain = try LiftingEvaluation(model, on: data, calibration: nil)
    #expect(try LiftingEvaluation(model, on: data, calibration: data.poses([])) == plain)
    #expect(try LiftingEvaluation(model, on: data, calibration: data) != plain)
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
    let evaluation = try LiftingEvaluation(model, on: data, calibration: nil)
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
