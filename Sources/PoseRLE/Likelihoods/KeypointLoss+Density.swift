import Flows

extension KeypointLoss {
  /// −log p(g) of each joint in nats, `[n, joints]`, whatever was left out of the training loss; 0 at
  /// joints of weight 0, and of two axes where a depth is missing.
  ///
  /// This is the number to report and to compare. In the published forms of RLE, and where the
  /// normaliser is left out, base and flow are each fitted to the errors alone; their density is
  /// then that of the flow, p(g) = G(ē) / Π_d σ_d. Carries no derivative by the normaliser.
  public func negativeLogDensity(
    _ prediction: KeypointPrediction<Scalar>, _ labels: KeypointLabels<Scalar>
  ) -> Tensor<Scalar> {
    check(prediction, labels)
    let count = labels.count * labels.joints
    var result = Tensor<Scalar>.zeros([count])
    for group in JointGroup.groups(of: labels, splitsJoints: flows.count > 1) {
      var losses = rowLosses(JointRows(prediction, labels, group), group, isDensity: true)
      if hasNormalizer {
        let use = FlowUse(index: group.joint ?? 0, isPlanar: !group.hasDepth)
        losses = losses + logNormalizer(of: use).detached
      }
      result += group.indices.map { losses.scattering($0, axis: 0, count: count) } ?? losses
    }
    return result.reshaped(to: [labels.count, labels.joints])
  }

  /// The density of the standardised error U⁻¹ (g − μ)/σ of a joint, of D columns.
  ///
  /// The predictive density of the joint is this one moved by μ and scaled by diag(σ)·U; with a fixed
  /// scale, σ is that scale. In the published forms of RLE it is the flow's. A normaliser is computed
  /// once and kept as a number.
  ///
  /// - Precondition: the likelihood is not ``KeypointLikelihood/basic``, whose density is not of this
  ///   form: see ``flows``.
  public func errorDensity(joint: Int) -> any Distribution<Scalar> {
    precondition(
      likelihood.shape != .basic,
      "the basic design has no density of a standardised error: its flow maps coordinates")
    precondition((0..<joints).contains(joint), "there are \(joints) joints; got number \(joint)")
    if likelihood.shape == .none { return baseDensity(dimension: dimension) }
    let flow = flows[flows.count > 1 ? joint : 0]
    guard hasNormalizer else { return flow }
    func product<Q: Distribution<Scalar>>(_ base: Q) -> any Distribution<Scalar> {
      let product = ResidualDensity(base: base, shape: flow)
      return ResidualDensity(
        base: base, shape: flow, normalization: .given(product.normalizer().logValue))
    }
    return product(baseDensity(dimension: dimension))
  }

  /// σ as the likelihood sees it: that of the prediction, or the fixed one.
  public func effective(_ prediction: KeypointPrediction<Scalar>) -> KeypointPrediction<Scalar> {
    guard case .fixed(let scale) = likelihood.scale else { return prediction }
    return KeypointPrediction(
      mean: prediction.mean,
      logScale: Tensor(repeating: logOf(scale), shape: prediction.mean.shape))
  }
}
