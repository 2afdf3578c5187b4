import Flows
import PoseRLE

/// Times the loss of RLE alone, forward and backward through flow and likelihood, as a regressor of 17
/// keypoints calls it for each batch of images: gradients by mean, raw scale and flow.
struct KeypointLossBenchmark {
  let images: Int
  let threads: Int
  let trials: Int

  static let joints = 17

  var name: String { "RLE loss \(images) images" }

  func run() -> BenchmarkOutcome {
    var generator = PhiloxGenerator(seed: 1)
    let shape = [images, Self.joints, 2]
    let mean = Tensor<Float>.normal(shape, using: &generator) * 0.2
    let logit = Tensor<Float>.normal(shape, using: &generator) - 2
    let labels = KeypointLabels(
      positions: mean + Tensor<Float>.normal(shape, using: &generator) * 0.1)
    let loss = KeypointLoss<Float>(
      .residualMMPose, joints: Self.joints, dimension: 2, using: &generator)
    Workers.count = threads
    let gradients = KeypointGradients(loss, threads: threads)
    let rows = images * Self.joints
    return BenchmarkOutcome(
      name: name, dimension: 2, batch: rows, threads: threads, trials: trials,
      operations: 3 * StepBenchmark.forwardOperationsPerRow(dimension: 2) * Double(rows)
    ) { _ = gradients(mean: mean, scaleLogit: logit, labels) }
  }
}
