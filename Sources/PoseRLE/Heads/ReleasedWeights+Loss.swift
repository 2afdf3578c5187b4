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
          layout == .released2D ? .residualReleased : .residualMMPose, joints: joints,
          dimension: 2, flows: [$0])
      }
    case .released3D:
      return spatialFlow.map {
        KeypointLoss(
          .residualReleased, joints: joints, dimension: 3, flows: [$0],
          planarFlows: planarFlow.map { [$0] } ?? [])
      }
    }
  }
}
