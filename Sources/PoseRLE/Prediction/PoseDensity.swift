import Flows

/// The predictive densities of the keypoints of many poses, `[n, K, D]` at once.
///
/// Each is g = μ + diag(T·σ)·U·x as in ``KeypointDensity``, with the factor T and the map of levels
/// of a ``Calibration``. Given the prediction, keypoints are independent: this is a density of each
/// joint, and of a pose their product.
///
/// ```swift
/// let errors = ErrorDistribution(loss.errorDensity(joint: 0))
/// let poses = PoseDensity(mean: mean, logScale: logScale, errors: [errors])
/// let fit = try Calibration.fit(poses, to: heldOutPositions, groups: motions)
/// let honest = try otherPoses.calibrated(by: fit.calibration)
/// honest[0, 9].contains([0.1, 0.3], level: 0.95)
/// ```
public struct PoseDensity<Scalar: TensorScalar>: Sendable {
  /// The distributions of the standardised errors: one for all joints, or one for each.
  public let errors: [ErrorDistribution<Scalar>]

  /// The factors of the scales and the maps of levels.
  public let calibration: Calibration

  /// As predicted.
  private let predicted: LocationScaleFrame<Scalar>

  /// With the factors T of the calibration.
  let frame: LocationScaleFrame<Scalar>

  /// The densities of predicted poses, not calibrated.
  ///
  /// - Parameters:
  ///   - mean: μ, `[n, K, D]`.
  ///   - logScale: log σ, `[n, K, D]`.
  ///   - shear: the entries of U below its diagonal, row by row, `[n, K, D(D − 1)/2]`; U = I where
  ///     nil.
  ///   - errors: the distribution of the standardised error, one for all joints or one for each.
  public init(
    mean: Tensor<Scalar>, logScale: Tensor<Scalar>, shear: Tensor<Scalar>? = nil,
    errors: [ErrorDistribution<Scalar>]
  ) {
    precondition(
      mean.rank == 3, "predictions have the shape [poses, joints, axes]; got \(mean.shape)")
    precondition(
      errors.count == 1 || errors.count == mean.shape[1],
      "there is one distribution of errors, or one for each of \(mean.shape[1]) joints; got "
        + "\(errors.count)")
    precondition(
      errors.allSatisfy { $0.dimension == mean.shape[2] },
      "errors have \(mean.shape[2]) columns as the predictions have axes")
    let frame = LocationScaleFrame(mean: mean, logScale: logScale, shear: shear)
    self.init(errors: errors, calibration: .identity, predicted: frame, frame: frame)
  }

  private init(
    errors: [ErrorDistribution<Scalar>], calibration: Calibration,
    predicted: LocationScaleFrame<Scalar>, frame: LocationScaleFrame<Scalar>
  ) {
    self.errors = errors
    self.calibration = calibration
    self.predicted = predicted
    self.frame = frame
  }

  /// The same predictions under a calibration, which takes the place of the one before.
  ///
  /// Throws ``PoseError`` (`.modelMismatch`) where it is one of another number of joints.
  public func calibrated(by calibration: Calibration) throws -> PoseDensity {
    try calibration.check(joints: jointCount)
    var frame = predicted
    let factors = Tensor<Double>(calibration.scales).expanded(axis: 1)
    frame.logScale = predicted.logScale + Tensor(log(factors))
    return PoseDensity(
      errors: errors, calibration: calibration, predicted: predicted, frame: frame)
  }

  /// The number n of poses.
  public var poseCount: Int { frame.mean.shape[0] }
  /// The number K of joints.
  public var jointCount: Int { frame.mean.shape[1] }
  /// The number D of axes.
  public var dimension: Int { frame.dimension }

  /// The density of one keypoint.
  public subscript(pose: Int, joint: Int) -> KeypointDensity<Scalar> {
    precondition(
      (0..<poseCount).contains(pose) && (0..<jointCount).contains(joint),
      "there are \(poseCount) poses of \(jointCount) joints; got \(pose), \(joint)"
    )
    return KeypointDensity(
      errors: errors(joint: joint), frame: frame.keypoint(pose: pose, joint: joint),
      levelMap: calibration.levelMap(joint: joint))
  }

  func errors(joint: Int) -> ErrorDistribution<Scalar> { errors[errors.count == 1 ? 0 : joint] }

  // MARK: - Density and regions

  /// log p of a position of each keypoint, in nats: `[n, K, D]` → `[n, K]`; −∞ where not finite.
  public func logDensity(of positions: Tensor<Scalar>) -> Tensor<Scalar> {
    errorLogDensity(of: positions) - frame.logDeterminant
  }

  /// The level of the smallest region around a position of each keypoint: `[n, K, D]` → `[n, K]`.
  ///
  /// See ``KeypointDensity/ranks(of:)``.
  public func ranks(of positions: Tensor<Scalar>) -> Tensor<Double> {
    let values = Tensor<Double>(errorLogDensity(of: positions)).scalars
    return Tensor(shape: [poseCount, jointCount], scalars: ranks(ofErrorLogDensities: values))
  }

  /// 1 where the region at a level holds the position, else 0: `[n, K, D]` → `[n, K]`.
  public func contains(_ positions: Tensor<Scalar>, level: Double) -> Tensor<Double> {
    precondition(level >= 0 && level <= 1, "a level lies in [0, 1]; got \(level)")
    return ranks(of: positions) .< level
  }

  /// The log-density of the standardised errors, `[n, K]`.
  func errorLogDensity(of positions: Tensor<Scalar>) -> Tensor<Scalar> {
    check(positions)
    let (n, k, d) = (poseCount, jointCount, dimension)
    let x = frame.standardized(positions)
    if errors.count == 1 {
      return errors[0].logDensity(of: x.reshaped(to: [n * k, d])).reshaped(to: [n, k])
    }
    return .stacked(
      (0..<k).map { joint in
        errors[joint].logDensity(of: x.slice(joint..<(joint + 1), axis: 1).squeezed(axis: 1))
      }, axis: 1)
  }

  /// Ranks, honest where there are maps of levels, of the `[n, K]` log-densities of errors.
  func ranks(ofErrorLogDensities values: [Double]) -> [Double] {
    if errors.count == 1 && calibration.levelMaps.isEmpty {
      return errors[0].ranks(ofLogDensities: values)
    }
    var result = [Double](repeating: 0, count: values.count)
    for joint in 0..<jointCount {
      let places = stride(from: joint, to: values.count, by: jointCount)
      let ranks = errors(joint: joint).ranks(ofLogDensities: places.map { values[$0] })
      let map = calibration.levelMap(joint: joint)
      for (place, rank) in zip(places, ranks) {
        result[place] = map?.calibrated(rank: rank) ?? rank
      }
    }
    return result
  }

  func check(_ positions: Tensor<Scalar>) {
    precondition(
      positions.shape == frame.mean.shape,
      "there is one position for each keypoint of \(frame.mean.shape); got \(positions.shape)")
  }

  /// Independent draws of every keypoint, `[count, n, K, D]`.
  public func sample(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    let (n, k, d) = (poseCount, jointCount, dimension)
    if errors.count == 1 {
      let draws = errors[0].density.sample(count * n * k, using: &generator)
      return frame.positions(of: draws.reshaped(to: [count, n, k, d]))
    }
    let draws = (0..<k).map { joint in
      errors[joint].density.sample(count * n, using: &generator).reshaped(to: [count, n, d])
    }
    return frame.positions(of: .stacked(draws, axis: 2))
  }
}
