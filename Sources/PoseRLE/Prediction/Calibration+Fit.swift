import Flows
import Foundation

/// How a ``Calibration`` is fitted.
public struct CalibrationOptions: Hashable, Sendable, Codable {
  /// What the factors T make least.
  public enum ScaleCriterion: Hashable, Sendable, Codable {
    /// T stays 1.
    case none
    /// The negative log-likelihood: −log p_x(x/T) + D·log T on average.
    case likelihood
    /// The mean of |coverage − level| over some levels.
    case coverage(levels: [Double])
  }

  /// Which joints share what is fitted.
  public enum Sharing: String, Hashable, Sendable, Codable {
    /// One for all joints.
    case allJoints
    /// One for each joint.
    case eachJoint
  }

  /// What the factors T make least.
  public var scale: ScaleCriterion
  /// Whether there is one T or one per joint.
  public var scaleSharing: Sharing
  /// Whether there is a map of levels, one or one per joint; none where nil.
  ///
  /// One map for all vouches for a joint picked at random, not for each of them. A map keeps 999
  /// ranks at most (``LevelMap/thinned(to:)``): levels are told apart by 0.1 points.
  public var levelMap: Sharing?
  /// Whether every group (motion, person) counts alike, however many poses it has.
  ///
  /// Right where the poses to come are of new groups, of which long ones are no more typical than short
  /// ones. A map of levels then matches quantiles, the same number of each group; it makes no promise for
  /// a finite number of groups.
  public var countsGroupsAlike: Bool

  /// Options of a fit.
  public init(
    scale: ScaleCriterion = .likelihood, scaleSharing: Sharing = .allJoints,
    levelMap: Sharing? = nil, countsGroupsAlike: Bool = false
  ) {
    self.scale = scale
    self.scaleSharing = scaleSharing
    self.levelMap = levelMap
    self.countsGroupsAlike = countsGroupsAlike
  }
}

/// A fitted ``Calibration`` with what it was judged by.
public struct CalibrationFit: Hashable, Sendable, Codable {
  /// The factors and maps.
  public let calibration: Calibration
  /// The standard error of log T of each factor, by group (sandwich estimator); nil for a single
  /// group, and where T does not come from the likelihood.
  public let logScaleStandardErrors: [Double?]
  /// Coverage and NLL on the held-out poses with T = 1 and without a map.
  public let before: CoverageReport
  /// The same with the calibration, on the poses that it was fitted to, hence optimistic.
  ///
  /// With a map of levels it is nominal by construction. Honest figures come from a third set of
  /// poses.
  public let after: CoverageReport
}

extension Calibration {
  /// Fits a calibration to held-out poses.
  ///
  /// T is searched between 1/1000 and 1000 with ``CalibrationOptions/scale`` as the criterion; the map
  /// of levels is then made from the ranks under that T. The poses are to be other ones than those
  /// of training and of the final evaluation, split by motion or person where there are such.
  ///
  /// - Parameters:
  ///   - density: the predictions; a calibration that they have is left out.
  ///   - positions: the true positions, `[n, K, D]`.
  ///   - weights: `[n, K]`; a keypoint of weight 0 has no label, all others count alike.
  ///   - groups: for each pose the number of its motion, person or image; each pose by itself where
  ///     nil.
  ///   - options: what is fitted.
  /// - Throws: ``PoseError`` (`.invalidData`) where nothing is labelled, a joint that gets a factor
  ///   or map of its own has no label, a labelled position or its prediction is not finite, or no T
  ///   gives all positions a positive density.
  /// - Complexity: 45 evaluations of the log-density of all positions for T, four more for the
  ///   rest.
  public static func fit<Scalar>(
    _ density: PoseDensity<Scalar>, to positions: Tensor<Scalar>,
    weights: Tensor<Scalar>? = nil, groups: [Int]? = nil,
    options: CalibrationOptions = CalibrationOptions()
  ) throws -> CalibrationFit {
    let plain = try density.calibrated(by: .identity)
    plain.check(positions)
    let errors = try HeldOutErrors(
      plain, positions, weights: weights, groups: groups,
      countsGroupsAlike: options.countsGroupsAlike)
    if options.scaleSharing == .eachJoint && options.scale != .none
      || options.levelMap == .eachJoint
    {
      try errors.checkEveryJoint()
    }
    var levels = [0.5, 0.8, 0.95]
    if case .coverage(let chosen) = options.scale { levels = chosen }
    let (logScales, deviations) = try errors.fittedLogScales(options)
    if let joint = logScales.firstIndex(where: { abs($0) > ScaleSearch.bound }) {
      let whose = logScales.count > 1 ? " of joint \(joint)" : ""
      throw PoseError(
        .invalidData,
        "expected a factor of the scales\(whose) between 1/500 and 500, found none within: the units of "
          + "predictions and labels differ, or all errors are 0", path: "positions")
    }
    var calibration = Calibration(scales: logScales.map { Foundation.exp($0) })
    if let sharing = options.levelMap {
      let ranks = errors.ranks(logScales: logScales)
      let parts = errors.parts(sharing).map { errors.alike(ranks, in: $0) }
      calibration = Calibration(
        scales: calibration.scales, levelMaps: parts.map { LevelMap(ranks: $0).thinned(to: 999) })
    }
    return CalibrationFit(
      calibration: calibration, logScaleStandardErrors: deviations,
      before: try plain.coverage(of: positions, weights: weights, groups: groups, levels: levels),
      after: try plain.calibrated(by: calibration).coverage(
        of: positions, weights: weights, groups: groups, levels: levels))
  }
}

/// The standardised errors of labelled keypoints, joint by joint.
private struct HeldOutErrors<Scalar: TensorScalar> {
  let labelled: LabelledKeypoints
  let distributions: [ErrorDistribution<Scalar>]
  /// `[rows, D]`, at T = 1.
  let x: Tensor<Scalar>
  /// What each row counts, 1 on average over the rows of a joint; nil where all count alike.
  private let rowWeights: [Double]?

  init(
    _ density: PoseDensity<Scalar>, _ positions: Tensor<Scalar>, weights: Tensor<Scalar>?,
    groups: [Int]?, countsGroupsAlike: Bool
  ) throws {
    labelled = try LabelledKeypoints(shape: positions.shape, weights: weights, groups: groups)
    distributions = density.errors
    x = density.frame.standardized(positions).reshaped(to: [-1, density.dimension])
      .rows(labelled.places)
    try labelled.checkFinite(x, jointCount: density.jointCount)
    rowWeights = countsGroupsAlike ? labelled.groupWeights : nil
  }

  private func mean(in part: Range<Int>, _ value: (Int) -> Double) -> Double {
    part.reduce(0) { $0 + (rowWeights?[$1] ?? 1) * value($1) } / Double(part.count)
  }

  /// The ranks of a part; as many quantiles of each group where groups count alike.
  func alike(_ ranks: [Double], in part: Range<Int>) -> [Double] {
    guard rowWeights != nil else { return Array(ranks[part]) }
    let places = Dictionary(grouping: part) { labelled.groups[$0] }
    let quantiles = 400
    return places.sorted { $0.key < $1.key }.flatMap { _, places in
      let own = places.map { ranks[$0] }.sorted()
      return (0..<quantiles).map { own[(2 * $0 + 1) * own.count / (2 * quantiles)] }
    }
  }

  func checkEveryJoint() throws {
    if let joint = labelled.ranges.firstIndex(where: \.isEmpty) {
      throw PoseError(
        .invalidData, "expected labelled keypoints of every joint, found none of joint \(joint)",
        path: "weights")
    }
  }

  /// Joints that share a T: ranges of rows.
  func parts(_ sharing: CalibrationOptions.Sharing) -> [Range<Int>] {
    sharing == .allJoints ? [0..<labelled.places.count] : labelled.ranges
  }

  /// log p_x(x/T) of each row, for one T or one for each joint.
  private func logDensities(_ logScales: [Double]) -> [Double] {
    let factors = labelled.joints.map { Foundation.exp(-logScales[logScales.count == 1 ? 0 : $0]) }
    let scaled = x * Tensor(Tensor<Double>(factors)).expanded(axis: 1)
    if distributions.count == 1 {
      return Tensor<Double>(distributions[0].logDensity(of: scaled)).scalars
    }
    return labelled.ranges.enumerated().flatMap { joint, range in
      Tensor<Double>(distributions[joint].logDensity(of: scaled[rows: range])).scalars
    }
  }

  private func ranks(ofLogDensities values: [Double]) -> [Double] {
    if distributions.count == 1 { return distributions[0].ranks(ofLogDensities: values) }
    return labelled.ranges.enumerated().flatMap { joint, range in
      distributions[joint].ranks(ofLogDensities: Array(values[range]))
    }
  }

  func ranks(logScales: [Double]) -> [Double] { ranks(ofLogDensities: logDensities(logScales)) }

  /// log T, one or one for each joint, and its standard errors.
  func fittedLogScales(_ options: CalibrationOptions) throws -> ([Double], [Double?]) {
    let parts = parts(options.scaleSharing)
    switch options.scale {
    case .none: return ([0], [nil])
    case .coverage(let levels):
      precondition(
        !levels.isEmpty && levels.allSatisfy { $0 > 0 && $0 < 1 },
        "coverage is matched at one or more levels between 0 and 1; got \(levels)")
      let found = ScaleSearch.minimize(groups: parts.count, isSmooth: false) { logScales in
        let ranks = ranks(logScales: logScales)
        return parts.map { part in
          levels.reduce(0) { sum, level in
            sum + abs(mean(in: part) { ranks[$0] < level ? 1 : 0 } - level)
          } / Double(levels.count)
        }
      }
      return (found, found.map { _ in nil })
    case .likelihood:
      let found = ScaleSearch.minimize(groups: parts.count, isSmooth: true) { logScales in
        let values = losses(logScales)
        return parts.map { mean(in: $0) { values[$0] } }
      }
      let errors = standardErrors(found, parts)
      guard losses(found).allSatisfy(\.isFinite) else {
        throw PoseError(
          .invalidData,
          "expected a scale at which every error has a positive density, found none",
          path: "positions")
      }
      return (found, errors)
    }
  }

  /// −log p_x(x/T) + D·log T of each row.
  private func losses(_ logScales: [Double]) -> [Double] {
    let dimension = Double(x.shape[1])
    return zip(logDensities(logScales), labelled.joints).map { value, joint in
      dimension * logScales[logScales.count == 1 ? 0 : joint] - value
    }
  }

  /// The sandwich estimator: slopes and curvature of the losses by log T, from central differences.
  private func standardErrors(_ logScales: [Double], _ parts: [Range<Int>]) -> [Double?] {
    let step = 0.05
    let above = losses(logScales.map { $0 + step })
    let middle = losses(logScales)
    let below = losses(logScales.map { $0 - step })
    let slopes = zip(above, below).map { ($0 - $1) / (2 * step) }
    let curvatures = middle.indices.map {
      (above[$0] - 2 * middle[$0] + below[$0]) / (step * step)
    }
    return parts.map { part in
      let curvature = mean(in: part) { curvatures[$0] } * Double(part.count)
      let centre = mean(in: part) { slopes[$0] }
      guard curvature > 0, curvature.isFinite else { return nil }
      return clusteredDeviation(
        part.map { (rowWeights?[$0] ?? 1) * (slopes[$0] - centre) },
        groups: part.map { labelled.groups[$0] }
      ).map { $0 / curvature }
    }
  }
}
