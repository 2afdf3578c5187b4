import Flows

/// What a network says of the joints of n poses: for each of D axes a mean and a scale.
///
/// Any regressor will do: a heatmap-free head, a detector's keypoint branch, a lifter.
public struct KeypointPrediction<Scalar: TensorScalar>: Sendable {
  /// μ `[n, joints, D]`, in the units of the labels.
  public var mean: Tensor<Scalar>

  /// log σ `[n, joints, D]`.
  public var logScale: Tensor<Scalar>

  /// The entries below the diagonal of the unit lower triangular U `[n, joints, D(D − 1)/2]`, row by row;
  /// nil where the axes are independent.
  public var shear: Tensor<Scalar>?

  /// What a flow that is conditioned on features sees of each pose `[n, features]`.
  public var features: Tensor<Scalar>?

  /// From log σ.
  public init(
    mean: Tensor<Scalar>, logScale: Tensor<Scalar>, shear: Tensor<Scalar>? = nil,
    features: Tensor<Scalar>? = nil
  ) {
    precondition(
      mean.rank == 3 && mean.shape == logScale.shape,
      "mean and scale have one shape [n, joints, axes]; got \(mean.shape) and \(logScale.shape)")
    if let shear {
      let axes = mean.shape[2]
      precondition(
        shear.shape == [mean.shape[0], mean.shape[1], axes * (axes - 1) / 2],
        "the shear has the shape \([mean.shape[0], mean.shape[1], axes * (axes - 1) / 2]); got "
          + "\(shear.shape)")
    }
    precondition(
      features.map { $0.rank == 2 && $0.shape[0] == mean.shape[0] } ?? true,
      "there is one row of features for each of \(mean.shape[0]) poses; got the shape "
        + "\(features?.shape ?? [])")
    self.mean = mean
    self.logScale = logScale
    self.shear = shear
    self.features = features
  }

  /// From the raw output r of a network, σ = sigmoid(r) as published: a scale below 1, with a
  /// logarithm that is finite where the sigmoid underflows.
  public init(
    mean: Tensor<Scalar>, scaleLogit: Tensor<Scalar>, shear: Tensor<Scalar>? = nil,
    features: Tensor<Scalar>? = nil
  ) {
    self.init(mean: mean, logScale: logSigmoid(scaleLogit), shear: shear, features: features)
  }

  /// From scales, which are positive.
  public init(
    mean: Tensor<Scalar>, scale: Tensor<Scalar>, shear: Tensor<Scalar>? = nil,
    features: Tensor<Scalar>? = nil
  ) {
    precondition(
      scale.withScalars { $0.allSatisfy { $0 > 0 } }, "every scale is positive")
    self.init(mean: mean, logScale: log(scale), shear: shear, features: features)
  }

  /// The number of poses.
  public var count: Int { mean.shape[0] }
  /// The number of joints.
  public var joints: Int { mean.shape[1] }
  /// The number of axes of a joint.
  public var dimension: Int { mean.shape[2] }
  /// σ `[n, joints, D]`.
  public var scale: Tensor<Scalar> { exp(logScale) }

  /// Some of the poses.
  public subscript(rows range: Range<Int>) -> KeypointPrediction {
    KeypointPrediction(
      mean: mean[rows: range], logScale: logScale[rows: range], shear: shear?[rows: range],
      features: features?[rows: range])
  }
}
