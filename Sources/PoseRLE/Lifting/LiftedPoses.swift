import Flows

/// What a model says of poses whose places are known.
///
/// In the basic design positions and densities are those of latent coordinates: regions are then the images
/// of regions, which hold what they claim but are not the smallest.
struct LiftedPoses {
  /// Where μ̂ is, `[n, joints, 3]`, metres.
  let places: Tensor<Double>
  /// The median of each predicted density, `[n, joints, 3]`, metres.
  let medians: Tensor<Double>
  /// The densities of all joints but the root.
  let density: PoseDensity<Float>
  /// Where these joints are, `[n, joints − 1, 3]`.
  let positions: Tensor<Float>
  /// For each pose the number of its motion.
  let motions: [Int]
  /// The mean over joints of log |det| of the map from places to the coordinates of the densities.
  let meanLogDeterminant: Double

  /// - Parameters:
  ///   - model: what predicts.
  ///   - dataset: the poses, one at least.
  ///   - errors: the distributions of the model's standardised errors.
  init(
    _ model: LiftingModel<Float>, _ dataset: LiftingDataset, errors: [ErrorDistribution<Float>]
  ) {
    var parts: [KeypointPrediction<Float>] = []
    for start in stride(from: 0, to: dataset.count, by: 512) {
      let rows = start..<Swift.min(dataset.count, start + 512)
      parts.append(model(dataset.keypoints[rows: rows]))
    }
    let prediction = KeypointPrediction(
      mean: .concatenated(parts.map(\.mean)), logScale: .concatenated(parts.map(\.logScale)))
    let skeleton = model.architecture.skeleton
    let others = skeleton.otherJoints
    places = Tensor<Double>(model.places(of: prediction))
    motions = dataset.motionOfPose
    density = PoseDensity(
      mean: prediction.mean.gathering(others, axis: 1),
      logScale: prediction.logScale.gathering(others, axis: 1), errors: errors)
    let truth = dataset.positions.gathering(others, axis: 1)
    guard model.placeFlow(joint: 0) != nil else {
      positions = truth
      meanLogDeterminant = 0
      medians = Tensor<Double>(density.median)
        .scattering(others, axis: 1, count: skeleton.count)
      return
    }
    var (latent, sum) = ([Tensor<Float>](), 0.0)
    for (place, joint) in others.enumerated() {
      let rows = truth.slice(place..<place + 1, axis: 1).squeezed(axis: 1)
      guard let flow = model.placeFlow(joint: joint) else { continue }
      let result = flow.toLatent(rows)
      latent.append(result.value)
      sum += Double(result.logDet.sum().scalar)
    }
    positions = .stacked(latent, axis: 1)
    meanLogDeterminant = sum / Double(dataset.count * others.count)
    medians = places
  }

  /// How often the regions hold the joints.
  func coverage(_ calibration: Calibration) throws -> CoverageReport {
    try density.calibrated(by: calibration).coverage(
      of: positions, groups: motions, levels: LiftingEvaluation.levels)
  }
}

extension LiftingModel<Float> {
  /// The distributions of the standardised errors of all joints but the root: one, or one for each.
  func otherJointErrors() -> [ErrorDistribution<Float>] {
    if loss.likelihood.shape == .basic {
      // About the prediction the latent coordinates follow the base.
      return [ErrorDistribution(loss.baseDensity(dimension: 3))]
    }
    if loss.flows.count <= 1 { return loss.errorDistributions() }
    return architecture.skeleton.otherJoints.map { ErrorDistribution(loss.errorDensity(joint: $0)) }
  }
}
