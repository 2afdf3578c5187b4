import Flows

extension ReleasedWeights {
  /// The loss that the published model was trained with, with its flows; nil where the file has none.
  ///
  /// It is ``KeypointLikelihood/residualReleased`` or ``KeypointLikelihood/residualMMPose`` after the layout,
  /// for all joints of the head. Training goes on with it, and ``KeypointLoss/density(of:errors:)`` gives
  /// the densities of predictions.
  public var loss: KeypointLoss<Scalar>? {
    let joints = head.configuration.joints
    switch layout {
    case .released2D, .mmpose, .mmposeLegacy:
      return planarFlow.map {
        KeypointLoss(
          (layout == .released2D
            ? KeypointLikelihood.residualReleased : .residualMMPose).describing($0),
          joints: joints, dimension: 2, flows: [$0])
      }
    case .released3D:
      return spatialFlow.map {
        KeypointLoss(
          KeypointLikelihood.residualReleased.describing($0), joints: joints, dimension: 3,
          flows: [$0],
          planarFlows: planarFlow.map { [$0] } ?? [])
      }
    }
  }
}

extension KeypointLikelihood {
  /// With the couplings and widths of a published flow, where this library makes such flows itself.
  fileprivate func describing<Scalar>(_ flow: NormalizingFlow<Scalar>) -> KeypointLikelihood {
    var copy = self
    copy.flow.layers = flow.flow.flows.count
    copy.flow.hidden = flow.couplings.first?.hidden ?? []
    return copy.flow.problem == nil && copy.flow.makes(flow) ? copy : self
  }
}

extension KeypointFlow {
  /// Whether fresh flows are like this one but for their weights, so that a saved model gets it back.
  func makes<Scalar>(_ flow: NormalizingFlow<Scalar>) -> Bool {
    var generator = PhiloxGenerator(seed: 0)
    let own: NormalizingFlow<Scalar> = made(dimension: flow.dimension, using: &generator)
    guard let gaussian = flow.base as? Gaussian<Scalar> else { return false }
    return flow.couplings == own.couplings && flow.couplings.count == flow.flow.flows.count
      && gaussian.location.scalars.allSatisfy { $0 == 0 }
      && gaussian.scale.scalars.allSatisfy { $0 == 1 }
  }
}

extension NormalizingFlow {
  fileprivate var couplings: [AffineCoupling<Scalar>.Configuration] {
    flow.flows.compactMap { ($0 as? AffineCoupling<Scalar>)?.configuration }
  }
}
