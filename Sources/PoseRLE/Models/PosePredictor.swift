import Flows

/// A model made ready for predictions: normalisations folded away, the density of errors worked out once.
///
/// ```swift
/// let predictor = PosePredictor(model, flipTest: true)
/// let pose = try predictor.predict(image, box: [12, 40, 180, 320])
/// for joint in pose.keypoints { print(joint.name, joint.position, joint.score) }
/// pose.keypoints[9].density.outline(level: 0.95)
/// ```
public struct PosePredictor: Sendable {
  /// The model, with normalisations folded.
  public let model: PoseModel<Float>
  /// The densities of the standardised error: one for all joints, or one for each.
  public let errors: [ErrorDistribution<Float>]
  /// Whether the mirrored crop is predicted too, and both are averaged.
  ///
  /// Where they differ, scales that are learned grow, but not by a published ``flipRule``.
  public let flipTest: Bool
  /// Where a coordinate goes in the mirrored crop.
  public let flipRule: FlipRule
  private let offset: Tensor<Float>
  /// The variance of the standardised error of each joint, `[joints, 2]`.
  private let variances: Tensor<Float>

  /// A predictor of a model.
  ///
  /// - Parameters:
  ///   - model: what predicts.
  ///   - flipTest: whether the mirrored crop is predicted too; as the model says where nil.
  ///   - flipRule: where a coordinate goes in the mirrored crop.
  public init(
    _ model: PoseModel<Float>, flipTest: Bool? = nil, flipRule: FlipRule = .continuous
  ) {
    self.model = model.folded
    errors = model.loss.errorDistributions()
    offset = model.reportedOffset(errors)
    let joints = model.architecture.skeleton.count
    let covariances = errors.map(\.covariance)
    variances = Tensor(
      shape: [joints, 2],
      scalars: (0..<joints).flatMap { joint in
        (0..<2).map { Float(covariances[covariances.count > 1 ? joint : 0][$0][$0]) }
      })
    self.flipTest = flipTest ?? model.flipTest
    self.flipRule = flipRule
  }

  /// What the model says of crops `[n, height, width, channels]`, as ``ImageInput`` makes them.
  ///
  /// - Complexity: one forward pass, two with a flip test; memory grows with n.
  public func callAsFunction(_ images: Tensor<Float>) -> PosePredictions {
    let direct = predictions(images)
    guard flipTest else { return direct }
    let width = images.shape[2]
    let mirrored = predictions(images.gathering((0..<width).reversed(), axis: 2))
    let skeleton = model.architecture.skeleton
    let reported = direct.reported.averaged(
      withFlipped: mirrored.reported, skeleton, rule: flipRule
    ).values
    let spreads = KeypointSpreads<Centered, Float>(direct.prediction)
      .averaged(withFlipped: KeypointSpreads(mirrored.prediction), skeleton)
    var scale = spreads.scale
    if model.architecture.likelihood.scale == .learned, flipRule == .continuous {
      // By the law of total variance: σ²v of each, and a quarter of the squared difference of the two.
      let difference = direct.reported.values - reported
      scale = sqrt(scale.squared() + difference.squared() / variances)
    }
    // The density is placed so that it is reported where both crops say on average.
    return PosePredictions(
      prediction: KeypointPrediction(mean: reported - scale * offset, scale: scale),
      reported: .init(reported))
  }

  private func predictions(_ images: Tensor<Float>) -> PosePredictions {
    let prediction = model.loss.effective(model(images))
    return PosePredictions(
      prediction: prediction, reported: .init(prediction.mean + prediction.scale * offset))
  }

  /// The predictive densities of crops in ``Centered`` coordinates, calibrated as the model is.
  ///
  /// - Throws: ``PoseError`` where the model's calibration is one of another number of joints.
  public func density(of predictions: PosePredictions) throws -> PoseDensity<Float> {
    try PoseDensity(
      mean: predictions.prediction.mean, logScale: predictions.prediction.logScale, errors: errors
    ).calibrated(by: model.calibration)
  }
}
