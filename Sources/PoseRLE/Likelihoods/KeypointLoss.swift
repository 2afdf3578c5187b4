import Flows

/// The loss of a keypoint likelihood, with the flows that are trained beside the network.
///
/// ```swift
/// var loss = KeypointLoss<Float>(.residual, joints: 17, dimension: 2, using: &generator)
/// let prediction = KeypointPrediction(mean: mean, scaleLogit: logits)     // [n, 17, 2] each, from any head
/// let value = loss(prediction, KeypointLabels(positions: labels, weights: visible))
/// ```
///
/// The value is a tensor with derivatives by mean, scale and flow. Network and loss are trained
/// together by one optimizer: a model holds both.
///
/// Without a flow, and after training by the published forms of RLE, μ is the place to report. Under a
/// flow whose loss is a density (``KeypointLikelihood/direct``, ``KeypointLikelihood/residual``) μ may lie any
/// constant number of σ off: report the median of ``density(of:errors:)``, which is μ + σ·c with D
/// constants c of the flow.
///
/// Joints of weight 0 are left out before any arithmetic, so that whatever stands in their labels,
/// a NaN as well, reaches neither the loss nor a gradient.
public struct KeypointLoss<Scalar: TensorScalar>: Parameterized {
  /// What is computed.
  public let likelihood: KeypointLikelihood
  /// The number of joints.
  public let joints: Int
  /// The number of axes of a joint, 2 or 3.
  public let dimension: Int
  /// The flow, or one for each joint; none where the likelihood has none.
  public var flows: [NormalizingFlow<Scalar>]
  /// For D = 3 the same for joints without a depth; none where all labels have one.
  public var planarFlows: [NormalizingFlow<Scalar>]

  /// A loss with fresh flows.
  ///
  /// - Parameters:
  ///   - likelihood: what is computed.
  ///   - joints: the number of joints.
  ///   - dimension: the number of axes of a joint, 2 or 3.
  ///   - acceptsMissingDepth: for D = 3, whether labels may lack a depth; the loss of such a joint is
  ///     that of its first two axes, with a flow of its own.
  ///   - generator: the source of the weights.
  public init(
    _ likelihood: KeypointLikelihood, joints: Int, dimension: Int,
    acceptsMissingDepth: Bool = false, using generator: inout PhiloxGenerator
  ) {
    Self.check(likelihood, joints, dimension, lacksDepth: acceptsMissingDepth)
    let count = Self.flowCount(likelihood, joints)
    func made(_ dimension: Int, _ generator: inout PhiloxGenerator) -> [NormalizingFlow<Scalar>] {
      (0..<count).map { _ in likelihood.flow.made(dimension: dimension, using: &generator) }
    }
    self.likelihood = likelihood
    self.joints = joints
    self.dimension = dimension
    flows = made(dimension, &generator)
    planarFlows = acceptsMissingDepth ? made(2, &generator) : []
  }

  /// A loss with given flows, such as imported ones.
  ///
  /// - Parameters:
  ///   - likelihood: what is computed; how its flow is built is not looked at.
  ///   - joints: the number of joints.
  ///   - dimension: the number of axes of a joint, 2 or 3.
  ///   - flows: one for all joints, or one for each; none where the likelihood has none.
  ///   - planarFlows: the same for joints without a depth; none where all labels have one.
  public init(
    _ likelihood: KeypointLikelihood, joints: Int, dimension: Int,
    flows: [NormalizingFlow<Scalar>], planarFlows: [NormalizingFlow<Scalar>] = []
  ) {
    Self.check(likelihood, joints, dimension, lacksDepth: !planarFlows.isEmpty)
    let count = Self.flowCount(likelihood, joints)
    precondition(
      flows.count == count && (planarFlows.isEmpty || planarFlows.count == count),
      "the likelihood has \(count) flows; got \(flows.count) and \(planarFlows.count) without depth"
    )
    precondition(
      flows.allSatisfy { $0.dimension == dimension }
        && planarFlows.allSatisfy { $0.dimension == 2 },
      "flows have \(dimension) columns, those of joints without depth two")
    self.likelihood = likelihood
    self.joints = joints
    self.dimension = dimension
    self.flows = flows
    self.planarFlows = planarFlows
  }

  /// The loss of the base alone, reduced in the same way; nil where there is no flow.
  ///
  /// The first design has none: its mean and scale are those of other coordinates.
  var base: KeypointLoss? {
    guard likelihood.shape == .residual || likelihood.shape == .direct else { return nil }
    var base = likelihood
    base.shape = .none
    base.normalization = .exact
    return KeypointLoss(base, joints: joints, dimension: dimension, flows: [])
  }

  private static func check(
    _ likelihood: KeypointLikelihood, _ joints: Int, _ dimension: Int, lacksDepth: Bool
  ) {
    if let problem = likelihood.problem { preconditionFailure(problem) }
    precondition(
      dimension == 2 || dimension == 3, "a joint has two or three axes; got \(dimension)")
    precondition(joints > 0, "there is at least one joint; got \(joints)")
    precondition(dimension == 3 || !lacksDepth, "only labels of three axes can lack a depth")
  }

  private static func flowCount(_ likelihood: KeypointLikelihood, _ joints: Int) -> Int {
    likelihood.shape == .none ? 0 : likelihood.flow.sharing == .perJoint ? joints : 1
  }

  /// Shows the flows, then those of joints without depth.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    for index in flows.indices { visitor.visit("flow.\(index)", &flows[index]) }
    for index in planarFlows.indices {
      visitor.visit("planarFlow.\(index)", &planarFlows[index])
    }
  }

  // MARK: - The loss

  /// The loss of a batch, reduced as the likelihood says: a single scalar in nats.
  ///
  /// Where nothing is labelled it is 0.
  ///
  /// - Parameters:
  ///   - prediction: what the network says.
  ///   - labels: what is true, with weights as given.
  ///   - normalizer: how log ∫ Q·G is computed, where the likelihood has one.
  public func callAsFunction(
    _ prediction: KeypointPrediction<Scalar>, _ labels: KeypointLabels<Scalar>,
    normalizer: KeypointNormalizer = .nodes(PhiloxGenerator(seed: 0))
  ) -> Tensor<Scalar> {
    let labels = labels.reduced(by: likelihood.reduction)
    let sum = unnormalizedSum(prediction, labels)
    guard hasNormalizer else { return sum }
    return sum + weightedNormalizer(of: labels, normalizer)
  }

  /// The sum of the losses of all joints, each times its weight, without the normaliser.
  ///
  /// This is the part of a tile in a training step; the weights are those of labels that were
  /// ``KeypointLabels/reduced(by:)`` as a whole batch.
  func unnormalizedSum(
    _ prediction: KeypointPrediction<Scalar>, _ labels: KeypointLabels<Scalar>
  ) -> Tensor<Scalar> {
    check(prediction, labels)
    var sum = Tensor<Scalar>(0)
    for group in JointGroup.groups(of: labels, splitsJoints: flows.count > 1) {
      let losses = rowLosses(JointRows(prediction, labels, group), group, isDensity: false)
      sum += group.weights.map { (losses * Tensor($0)).sum() } ?? losses.sum()
    }
    return sum
  }

  /// The losses of the rows of a group, without the normaliser: `[m]`.
  func rowLosses(_ rows: JointRows<Scalar>, _ group: JointGroup<Scalar>, isDensity: Bool)
    -> Tensor<Scalar>
  {
    let flow = flow(of: group)
    let axes = Scalar(rows.axes)
    if likelihood.shape == .basic, let flow {
      let latent = flow.toLatent(rows.positions, context: rows.features)
      let error = rows.standardized(latent.value)
      return rows.logScale.sum(axis: 1) - baseLogDensity(error) - latent.logDet
    }
    if case .fixed(let scale) = likelihood.scale {
      let error = (rows.positions - rows.mean) / Scalar(scale)
      return axes * logOf(scale) - baseLogDensity(error)
    }
    let error = rows.standardized(rows.positions)
    let logScale = rows.logScale.sum(axis: 1)
    guard let flow else { return logScale - baseLogDensity(error) }
    let logFlow = flow.logDensity(of: error, context: rows.features)
    switch (likelihood.shape, likelihood.normalization) {
    case (.residual, .exact): return logScale - baseLogDensity(error) - logFlow
    case (.residual, .omitted) where !isDensity: return logScale - baseLogDensity(error) - logFlow
    case (.residual, .releasedMMPose) where !isDensity:
      return 2 * logScale - baseLogDensity(error) - axes * logFlow
    case (.residual, .released) where !isDensity:
      let slope = abs(error).sum(axis: 1) * Scalar(0.5.squareRoot())
      return 2 * logScale + (slope + axes * logOf((2 * Double.pi).squareRoot())) - axes * logFlow
    default: return logScale - logFlow
    }
  }

  // MARK: - Parts

  /// Q of so many axes.
  func baseDensity(dimension: Int) -> any Distribution<Scalar> {
    switch likelihood.base {
    case .laplace: Laplace(dimension: dimension)
    case .gaussian: Gaussian(dimension: dimension)
    }
  }

  /// log Q of the rows `[m]`.
  func baseLogDensity(_ error: Tensor<Scalar>) -> Tensor<Scalar> {
    baseDensity(dimension: error.shape[1]).logDensity(of: error)
  }

  private func flow(of group: JointGroup<Scalar>) -> NormalizingFlow<Scalar>? {
    let all = group.hasDepth ? flows : planarFlows
    return all.isEmpty ? nil : all[group.joint ?? 0]
  }

  func check(_ prediction: KeypointPrediction<Scalar>, _ labels: KeypointLabels<Scalar>) {
    precondition(
      prediction.mean.shape == labels.positions.shape,
      "predictions and labels have one shape; got \(prediction.mean.shape) and "
        + "\(labels.positions.shape)")
    precondition(
      prediction.joints == joints && prediction.dimension == dimension,
      "the loss is one of \(joints) joints of \(dimension) axes; got the shape "
        + "\(prediction.mean.shape)")
    let count = Self.flowCount(likelihood, joints)
    precondition(
      flows.count == count && (planarFlows.isEmpty || planarFlows.count == count),
      "the likelihood has \(count) flows; there are \(flows.count), and \(planarFlows.count) without "
        + "depth")
    precondition(
      labels.hasDepth == nil || flows.isEmpty || !planarFlows.isEmpty,
      "labels that lack a depth need a loss with acceptsMissingDepth")
    precondition(
      (prediction.shear != nil) == likelihood.hasFullCovariance,
      likelihood.hasFullCovariance
        ? "a full covariance needs the shear of each joint"
        : "this likelihood has independent axes and takes no shear")
    precondition(
      (prediction.features?.shape[1] ?? 0) == likelihood.flow.featureCount || flows.isEmpty,
      "the flow sees \(likelihood.flow.featureCount) features; got "
        + "\(prediction.features?.shape[1] ?? 0)")
  }
}

/// The natural logarithm of a constant.
func logOf<Scalar: TensorScalar>(_ x: Double) -> Scalar { Scalar(log(Tensor<Double>(x)).scalar) }
