import Flows

extension KeypointLoss {
  /// The distributions of the standardised errors, one for all joints or, with flows of their own, one
  /// for each.
  ///
  /// They draw samples once; keep them, and give them to ``density(of:errors:)`` for batch after batch.
  public func errorDistributions() -> [ErrorDistribution<Scalar>] {
    (0..<(flows.count > 1 ? joints : 1)).map { ErrorDistribution(errorDensity(joint: $0)) }
  }

  /// The predictive densities of poses.
  ///
  /// - Parameters:
  ///   - prediction: what the network says.
  ///   - errors: those of ``errorDistributions()``; made anew where nil.
  /// - Precondition: the likelihood is not ``KeypointLikelihood/basic``, see ``PushforwardPoseDensity``, and
  ///   its flow sees no features.
  public func density(
    of prediction: KeypointPrediction<Scalar>, errors: [ErrorDistribution<Scalar>]? = nil
  ) -> PoseDensity<Scalar> {
    precondition(
      likelihood.shape != .basic,
      "the basic design has no density of a standardised error: see PushforwardPoseDensity")
    precondition(
      likelihood.shape == .none || likelihood.flow.featureCount == 0,
      "a flow that sees features has a density of errors for each pose, not one for all")
    let effective = effective(prediction)
    return PoseDensity(
      mean: effective.mean, logScale: effective.logScale, shear: effective.shear,
      errors: errors ?? errorDistributions())
  }
}
