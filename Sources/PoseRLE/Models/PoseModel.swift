import Flows

/// A pose regressor: a crop of an image → mean and scale of each joint.
///
/// A residual network makes features, a head of linear layers says mean and scale of each joint in
/// ``Centered`` coordinates of the crop, and a ``KeypointLoss`` says under what errors are likely. All
/// are trained together; prediction needs no flow.
///
/// ```swift
/// let model = try PoseModel<Float>(contentsOf: "person.safetensors")
/// let predictor = PosePredictor(model)
/// let pose = try predictor.predict(image, box: box)
/// ```
public struct PoseModel<Scalar: TensorScalar>: Parameterized {
  /// All that defines the model but its weights.
  public let architecture: PoseArchitecture
  /// Images → features.
  public var backbone: ResNet<Scalar>
  /// Features → mean and scale.
  public var head: KeypointHead<Scalar>
  /// The likelihood with its flows.
  public var loss: KeypointLoss<Scalar>
  /// What brings the predicted densities to their nominal coverage; the identity until it is fitted.
  public var calibration = Calibration.identity
  /// Whether predictions are averaged with those of the mirrored crop where nothing else is said; the
  /// calibration is for predictions that are made so.
  public var flipTest = false

  /// A model with fresh weights.
  public init(_ architecture: PoseArchitecture, using generator: inout PhiloxGenerator) {
    if let problem = architecture.problem { preconditionFailure(problem) }
    self.architecture = architecture
    var own = generator.forked(0)
    backbone = ResNet(architecture.backbone, using: &own)
    own = generator.forked(1)
    head = KeypointHead(
      .init(
        features: architecture.backbone.features, joints: architecture.skeleton.count,
        normalizesFeatures: architecture.normalizesFeatures), using: &own)
    own = generator.forked(2)
    loss = KeypointLoss(
      architecture.likelihood, joints: architecture.skeleton.count, dimension: 2, using: &own)
    _ = generator.next()
  }

  /// A model from its parts.
  ///
  /// - Precondition: they are those of the architecture.
  public init(
    _ architecture: PoseArchitecture, backbone: ResNet<Scalar>, head: KeypointHead<Scalar>,
    loss: KeypointLoss<Scalar>
  ) {
    if let problem = architecture.problem { preconditionFailure(problem) }
    precondition(
      backbone.configuration == architecture.backbone
        && head.configuration.features == architecture.backbone.features
        && head.configuration.joints == architecture.skeleton.count
        && loss.likelihood == architecture.likelihood
        && loss.joints == architecture.skeleton.count && loss.dimension == 2,
      "the parts of a model are those of its architecture")
    self.architecture = architecture
    self.backbone = backbone
    self.head = head
    self.loss = loss
  }

  /// Mean and scale of each joint, in ``Centered`` coordinates of the crop.
  ///
  /// - Parameters:
  ///   - images: `[n, height, width, channels]`, as ``ImageInput`` makes them.
  ///   - statistics: in training, where the normalisations' means and variances are collected.
  public func callAsFunction(
    _ images: Tensor<Scalar>, statistics: BatchStatistics<Scalar>? = nil
  ) -> KeypointPrediction<Scalar> {
    head(backbone(images, statistics: statistics)).prediction
  }

  /// Where a joint is reported, relative to its mean and in units of its scale `[joints, 2]`.
  ///
  /// 0 but where the loss is the density of a flow (``KeypointLikelihood/direct``,
  /// ``KeypointLikelihood/residual``): training then leaves μ any constant number of σ away from where
  /// joints are, and the median of the density is the place to report.
  public func reportedOffset(_ errors: [ErrorDistribution<Scalar>]) -> Tensor<Scalar> {
    let joints = architecture.skeleton.count
    let likelihood = architecture.likelihood
    guard likelihood.shape != .none, likelihood.isDensity else { return .zeros([joints, 2]) }
    let medians = errors.map { errors in (0..<2).map { Scalar(errors.quantile(0.5, axis: $0)) } }
    return Tensor(
      shape: [joints, 2], scalars: (0..<joints).flatMap { medians[medians.count > 1 ? $0 : 0] })
  }

  /// The same map outside of training, with normalisations folded into convolutions; not to be trained.
  public var folded: PoseModel {
    var copy = self
    copy.backbone = backbone.folded
    return copy
  }

  /// Shows the network, the head, then the flows.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("backbone", &backbone)
    visitor.visit("head", &head)
    visitor.visit("loss", &loss)
  }
}
