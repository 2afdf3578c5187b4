import Flows

/// How often predicted regions hold the true positions, and how large they are.
///
/// A model is judged by both: regions at 50 % that hold 50 %, and among such models small regions.
/// Joints of one pose, and poses of one motion or image, err together; therefore standard errors
/// are by group (``ClusteredMean``). They are not small where groups are few, however many poses
/// there are.
public struct CoverageReport: Hashable, Sendable, Codable {
  /// What was seen at one level.
  public struct Entry: Hashable, Sendable, Codable {
    /// The nominal level.
    public let level: Double
    /// The share of labelled keypoints within their region at this level.
    public let coverage: ClusteredMean
    /// The same for each joint; nil where it has no label.
    public let jointCoverages: [ClusteredMean?]
    /// The mean area or volume of the regions, in unitᴰ; nil where it is infinite or not known.
    public let meanVolume: Double?
    /// The median of the same.
    public let medianVolume: Double?
  }

  /// One entry for each level.
  public let entries: [Entry]
  /// −log p of a labelled keypoint, in nats, on average; nil where p = 0 for one of them.
  public let negativeLogLikelihood: ClusteredMean?
  /// The number of labelled keypoints.
  public let keypointCount: Int
  /// The number of groups.
  public let groupCount: Int

  /// The mean of |coverage − level| over the levels.
  public var meanAbsoluteError: Double {
    entries.reduce(0) { $0 + abs($1.coverage.value - $1.level) } / Double(max(1, entries.count))
  }

  /// From ranks, log-densities and, for each level, volumes of labelled keypoints.
  init(
    ranks: [Double], logDensities: [Double], labelled: LabelledKeypoints, levels: [Double],
    volumes: (Double) -> [Double]?
  ) {
    entries = levels.map { level in
      precondition(level >= 0 && level <= 1, "a level lies in [0, 1]; got \(level)")
      let hits = ranks.map { $0 < level ? 1.0 : 0.0 }
      let sizes = volumes(level).flatMap { $0.allSatisfy(\.isFinite) ? $0.sorted() : nil }
      return Entry(
        level: level, coverage: ClusteredMean(hits, groups: labelled.groups),
        jointCoverages: labelled.ranges.map { range in
          range.isEmpty
            ? nil : ClusteredMean(Array(hits[range]), groups: Array(labelled.groups[range]))
        },
        meanVolume: sizes.map { $0.reduce(0, +) / Double($0.count) },
        medianVolume: sizes.map { sampleQuantile(0.5, of: $0) })
    }
    negativeLogLikelihood =
      logDensities.allSatisfy(\.isFinite)
      ? ClusteredMean(logDensities.map { -$0 }, groups: labelled.groups) : nil
    keypointCount = ranks.count
    groupCount = Set(labelled.groups).count
  }
}

extension PoseDensity {
  /// How often the regions of these densities hold the true positions.
  ///
  /// - Parameters:
  ///   - positions: the true positions, `[n, K, D]`, of poses used neither in training nor in
  ///     calibration.
  ///   - weights: `[n, K]`; a keypoint of weight 0 has no label, all others count alike.
  ///   - groups: for each pose the number of its motion, person or image; each pose by itself where
  ///     nil.
  ///   - levels: the nominal levels.
  /// - Throws: ``PoseError`` (`.invalidData`) where nothing is labelled or a labelled position, or
  ///   its prediction, is not finite.
  public func coverage(
    of positions: Tensor<Scalar>, weights: Tensor<Scalar>? = nil, groups: [Int]? = nil,
    levels: [Double] = [0.5, 0.8, 0.95]
  ) throws -> CoverageReport {
    check(positions)
    let labelled = try LabelledKeypoints(
      shape: positions.shape, weights: weights, groups: groups)
    try labelled.checkFinite(
      frame.standardized(positions).reshaped(to: [-1, dimension]).rows(labelled.places),
      jointCount: jointCount)
    let errorLogDensity = Tensor<Double>(errorLogDensity(of: positions)).scalars
    let ranks = ranks(ofErrorLogDensities: errorLogDensity)
    let logDeterminants = Tensor<Double>(frame.logDeterminant).scalars
    return CoverageReport(
      ranks: labelled.places.map { ranks[$0] },
      logDensities: labelled.places.map { errorLogDensity[$0] - logDeterminants[$0] },
      labelled: labelled, levels: levels
    ) { level in
      let sizes = volumes(level: level).scalars
      return labelled.places.map { sizes[$0] }
    }
  }
}

extension PushforwardPoseDensity {
  /// How often the regions of these densities hold the true positions; volumes are not worked out.
  ///
  /// Parameters and errors as for ``PoseDensity/coverage(of:weights:groups:levels:)``.
  ///
  /// - Complexity: draws flow evaluations for each keypoint.
  public func coverage(
    of positions: Tensor<Scalar>, weights: Tensor<Scalar>? = nil, groups: [Int]? = nil,
    levels: [Double] = [0.5, 0.8, 0.95], draws: Int = 1_024
  ) throws -> CoverageReport {
    let labelled = try LabelledKeypoints(
      shape: positions.shape, weights: weights, groups: groups)
    try labelled.checkFinite(
      ((positions - mean) * exp(-logScale)).reshaped(to: [-1, dimension]).rows(labelled.places),
      jointCount: mean.shape[1])
    let logDensities = Tensor<Double>(logDensity(of: positions)).scalars
    let ranks = ranks(of: positions, draws: draws).scalars
    return CoverageReport(
      ranks: labelled.places.map { ranks[$0] },
      logDensities: labelled.places.map { logDensities[$0] }, labelled: labelled, levels: levels
    ) { _ in nil }
  }
}
