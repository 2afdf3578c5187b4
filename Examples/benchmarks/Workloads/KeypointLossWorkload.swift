import Flows
import PoseRLE

extension Workload {
  /// The loss of RLE alone, forward and backward through flow and likelihood, as a regressor of 17
  /// keypoints calls it for each batch of images: gradients by mean, raw scale and flow.
  static func keypointLoss(images: Int, threads: Int) -> Workload {
    let joints = 17
    let rows = images * joints
    return Workload(
      name: "RLE loss \(images) images", dimension: 2, batch: rows, threads: threads,
      cost: FlowOperations.training(dimension: 2, tracksInput: true).cost(rows: rows)
    ) {
      var generator = PhiloxGenerator(seed: 1)
      let shape = [images, joints, 2]
      let mean = Tensor<Float>.normal(shape, using: &generator) * 0.2
      let logit = Tensor<Float>.normal(shape, using: &generator) - 2
      let labels = KeypointLabels(
        positions: mean + Tensor<Float>.normal(shape, using: &generator) * 0.1)
      let loss = KeypointLoss<Float>(
        .residualMMPose, joints: joints, dimension: 2, using: &generator)
      let gradients = KeypointGradients(loss, threads: threads)
      return { repeats in
        for _ in 0..<repeats { _ = gradients(mean: mean, scaleLogit: logit, labels) }
      }
    }
  }
}
