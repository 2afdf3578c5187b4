import Flows

/// What a model says of n crops, in ``Centered`` coordinates.
public struct PosePredictions: Sendable {
  /// μ̂ and σ̂ of each joint `[n, K, 2]`, as the densities are made of.
  public var prediction: KeypointPrediction<Float>
  /// Where joints are reported, see ``PoseModel/reportedOffset(_:)``.
  public var reported: KeypointPositions<Centered, Float>

  /// The number of poses.
  public var count: Int { prediction.count }

  /// Predictions from their parts.
  public init(
    prediction: KeypointPrediction<Float>, reported: KeypointPositions<Centered, Float>
  ) {
    precondition(
      prediction.mean.shape == reported.values.shape,
      "there is one reported position for each mean; got \(reported.values.shape) and "
        + "\(prediction.mean.shape)")
    self.prediction = prediction
    self.reported = reported
  }

  /// The confidence of each joint as published, mean_d (1 − σ̂_d), `[n, K]`.
  public var jointScores: Tensor<Float> { PoseScore.joints(scale: prediction.scale) }

  /// One after the other.
  public static func concatenated(_ parts: [PosePredictions]) -> PosePredictions {
    PosePredictions(
      prediction: KeypointPrediction(
        mean: .concatenated(parts.map(\.prediction.mean)),
        logScale: .concatenated(parts.map(\.prediction.logScale))),
      reported: .init(.concatenated(parts.map(\.reported.values))))
  }

  /// Some of the poses.
  public subscript(rows range: Range<Int>) -> PosePredictions {
    PosePredictions(
      prediction: prediction[rows: range], reported: .init(reported.values[rows: range]))
  }
}
