/// All that defines a pose regressor but its weights.
public struct PoseArchitecture: Hashable, Sendable, Codable {
  /// The keypoints that it predicts.
  public var skeleton: Skeleton
  /// What its images look like.
  public var input: ImageInput
  /// The network that makes features of an image.
  public var backbone: ResNetConfiguration
  /// Under what errors are likely.
  public var likelihood: KeypointLikelihood
  /// Whether means see features of length 1, as in the released code; see ``KeypointHead``.
  public var normalizesFeatures: Bool

  /// An architecture from its parts.
  ///
  /// - Precondition: they fit together, see ``problem``.
  public init(
    skeleton: Skeleton, input: ImageInput, backbone: ResNetConfiguration,
    likelihood: KeypointLikelihood, normalizesFeatures: Bool = false
  ) {
    self.skeleton = skeleton
    self.input = input
    self.backbone = backbone
    self.likelihood = likelihood
    self.normalizesFeatures = normalizesFeatures
    if let problem { preconditionFailure(problem) }
  }

  /// What keeps a model of it from being made; nil where nothing does.
  public var problem: String? {
    if let problem = backbone.problem { return problem }
    if let problem = input.problem { return problem }
    if let problem = likelihood.problem { return problem }
    if input.channels != backbone.channels {
      return
        "the network takes images of \(backbone.channels) channels, the input has \(input.channels)"
    }
    if skeleton.count == 0 { return "a pose has at least one keypoint" }
    if likelihood.shape == .basic {
      return "the basic design is for study: its flow cannot be dropped from a pose regressor"
    }
    if likelihood.hasFullCovariance || likelihood.flow.featureCount > 0 {
      return "a pose regressor predicts mean and scale of each axis, and no shear or features"
    }
    let flow = likelihood.flow
    if flow.layers > 1_000 || flow.hidden.count > 1_000
      || !flow.hidden.allSatisfy({ $0 <= 65_536 })
    {
      return
        "a flow has at most 1000 couplings, of networks with at most 1000 layers of 65536 units"
    }
    let size = input.size
    if size.width > 1 << 16 || size.height > 1 << 16 {
      return "a crop is at most 65536 pixels wide and high"
    }
    return nil
  }
}
