import Flows

/// What a lifter must beat: predictions without a network.
public enum LiftingBaseline: String, CaseIterable, Sendable {
  /// The mean of the training poses in space, whatever is seen.
  case meanPose
  /// Linear least squares from the joints in the image.
  case leastSquares

  /// Predicts the joints of some poses from others.
  ///
  /// - Returns: `[n, joints, 3]`, in metres relative to the root, for the poses of `dataset`.
  /// - Precondition: both have the same joints.
  public func predictions(for dataset: LiftingDataset, training: LiftingDataset)
    -> Tensor<Double>
  {
    precondition(
      dataset.skeleton == training.skeleton, "both data sets have the same skeleton")
    let positions = Tensor<Double>(training.positions)
    let columns = 3 * training.skeleton.count
    switch self {
    case .meanPose:
      return positions.mean(axis: 0, keepingAxis: true).broadcast(
        to: [dataset.count, training.skeleton.count, 3])
    case .leastSquares:
      let inputs = Self.inputs(training)
      let weights = Self.solve(
        inputs.transposed().matmul(inputs),
        inputs.transposed().matmul(positions.reshaped(to: [training.count, columns])))
      return Self.inputs(dataset).matmul(weights).reshaped(
        to: [dataset.count, training.skeleton.count, 3])
    }
  }

  /// Pixels in units of half the image, from its middle, and a column of ones.
  private static func inputs(_ dataset: LiftingDataset) -> Tensor<Double> {
    let half = Tensor<Double>([dataset.imageWidth / 2, dataset.imageHeight / 2])
    let centered = (Tensor<Double>(dataset.keypoints) - half) / half
    return .concatenated(
      [
        centered.reshaped(to: [dataset.count, 2 * dataset.skeleton.count]),
        .ones([dataset.count, 1]),
      ], axis: 1)
  }

  /// X with A·X = B, for a symmetric A that is positive but for rounding: by Cholesky's method, with a
  /// billionth of its largest diagonal entry added, so that joints that never move apart do not matter.
  private static func solve(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Tensor<Double> {
    let (n, columns) = (a.shape[0], b.shape[1])
    var factor = a.scalars
    let ridge = 1e-9 * (0..<n).reduce(0) { Swift.max($0, factor[$1 * n + $1]) }
    for row in 0..<n {
      for column in 0...row {
        var sum = factor[row * n + column] + (row == column ? ridge : 0)
        for k in 0..<column { sum -= factor[row * n + k] * factor[column * n + k] }
        factor[row * n + column] =
          row == column
          ? Swift.max(sum, ridge).squareRoot() : sum / factor[column * n + column]
      }
    }
    var x = b.scalars
    for column in 0..<columns {
      for row in 0..<n {
        var sum = x[row * columns + column]
        for k in 0..<row { sum -= factor[row * n + k] * x[k * columns + column] }
        x[row * columns + column] = sum / factor[row * n + row]
      }
      for row in (0..<n).reversed() {
        var sum = x[row * columns + column]
        for k in row + 1..<n { sum -= factor[k * n + row] * x[k * columns + column] }
        x[row * columns + column] = sum / factor[row * n + row]
      }
    }
    return Tensor(shape: [n, columns], scalars: x)
  }
}
