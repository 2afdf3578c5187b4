import Flows

/// A number for each joint of each pose, with weights: errors, hits, densities, scores.
///
/// The metrics of poses are means of such tables:
///
/// | metric | how |
/// | --- | --- |
/// | MPJPE | `JointTable(distancesOf: predicted, to: target, aligned: .root(0)).mean` |
/// | PA-MPJPE, N-MPJPE | the same with `.similarity`, `.scale` |
/// | PCK, PCKh | `JointTable(distancesOf: …, in: units).within(0.5).mean` |
/// | mean NLL | `JointTable(negativeLogDensity, weights: …).estimate()` |
/// | energy score | `JointTable(energyScoresOf: samples, target: …).mean` |
/// | coverage | `JointTable(ranks).below(0.8).mean` |
///
/// ``joints`` is the table per joint, ``interval(_:images:)`` a bootstrap interval over images, and
/// ``selecting(_:)`` serves those of other statistics.
public struct JointTable: Hashable, Sendable {
  /// The mean of a joint.
  public struct Joint: Hashable, Sendable {
    /// The weighted mean over poses; NaN where nothing counts.
    public let mean: Double

    /// The number of poses in which the joint has a weight above 0.
    public let count: Int

    /// The sum of its weights.
    public let weight: Double
  }

  /// The number of poses, n.
  public let poseCount: Int

  /// The number of joints, K.
  public let jointCount: Int

  /// The values `[n, K]`, row by row.
  public let values: [Double]

  /// The weights `[n, K]`; values of weight 0 count nowhere and may be anything.
  public let weights: [Double]

  /// A table of values and weights, each `[n, K]`; all weights are 1 if nil.
  ///
  /// - Precondition: the shapes are those, and weights are finite and not negative.
  public init<Scalar: TensorScalar>(_ values: Tensor<Scalar>, weights: Tensor<Scalar>? = nil) {
    precondition(values.rank == 2, "a table of joints is [n, K]; got \(values.shape)")
    precondition(
      (weights ?? values).shape == values.shape,
      "weights have the shape \(values.shape) of the values; got \((weights ?? values).shape)")
    self.init(
      poseCount: values.shape[0], jointCount: values.shape[1],
      values: Tensor<Double>(values).scalars,
      weights: weights.map { Tensor<Double>($0).scalars }
        ?? Array(repeating: 1, count: values.count))
  }

  init(poseCount: Int, jointCount: Int, values: [Double], weights: [Double]) {
    precondition(
      weights.allSatisfy { $0 >= 0 && $0.isFinite }, "weights are finite and not negative")
    self.poseCount = poseCount
    self.jointCount = jointCount
    self.values = values
    self.weights = weights
  }

  /// The weighted mean over all poses and joints, Σ w v / Σ w; NaN where nothing counts.
  public var mean: Double {
    var (sum, total) = (0.0, 0.0)
    for (value, weight) in zip(values, weights) where weight > 0 {
      sum += weight * value
      total += weight
    }
    return total > 0 ? sum / total : .nan
  }

  /// The means of the joints, in their order.
  public var joints: [Joint] {
    (0..<jointCount).map { joint in
      var (sum, total, count) = (0.0, 0.0, 0)
      for index in stride(from: joint, to: values.count, by: jointCount) where weights[index] > 0 {
        sum += weights[index] * values[index]
        total += weights[index]
        count += 1
      }
      return Joint(mean: total > 0 ? sum / total : .nan, count: count, weight: total)
    }
  }

  /// The weighted mean of each pose, Σ_k w v / Σ_k w; nil where none of its joints counts.
  public var poseMeans: [Double?] {
    (0..<poseCount).map { pose in
      let row = pose * jointCount..<(pose + 1) * jointCount
      var (sum, total) = (0.0, 0.0)
      for index in row where weights[index] > 0 {
        sum += weights[index] * values[index]
        total += weights[index]
      }
      return total > 0 ? sum / total : nil
    }
  }

  /// The table without some joints: their weights become 0.
  public func excluding(_ joints: Set<Int>) -> JointTable {
    precondition(
      joints.allSatisfy { 0 <= $0 && $0 < jointCount },
      "joints are 0..<\(jointCount); got \(joints)")
    var weights = weights
    for index in weights.indices where joints.contains(index % jointCount) { weights[index] = 0 }
    return JointTable(
      poseCount: poseCount, jointCount: jointCount, values: values, weights: weights)
  }

  /// The table of some poses, in any order and as often as they are named.
  ///
  /// An interval of any statistic of a table, such as the area under the curve of PCK:
  ///
  /// ```swift
  /// let interval = Bootstrap().interval(images: images) { poses in
  ///   table.selecting(poses).areaUnderCurve(at: limits)
  /// }
  /// ```
  public func selecting(_ poses: [Int]) -> JointTable {
    precondition(
      poses.allSatisfy { 0 <= $0 && $0 < poseCount }, "poses are 0..<\(poseCount); got \(poses)")
    let indices = poses.flatMap { $0 * jointCount..<($0 + 1) * jointCount }
    return JointTable(
      poseCount: poses.count, jointCount: jointCount, values: indices.map { values[$0] },
      weights: indices.map { weights[$0] })
  }

  /// Which values are at most a limit, as 1 and 0.
  ///
  /// Of distances in units of a pose's size, the mean of this is PCK at that threshold; of the
  /// probability contents of the smallest credible regions that hold the labels, it is the coverage
  /// at that level.
  public func within(_ limit: Double) -> JointTable {
    JointTable(
      poseCount: poseCount, jointCount: jointCount, values: values.map { $0 <= limit ? 1 : 0 },
      weights: weights)
  }

  /// 1 where a value is below the limit, else 0: for ranks, whether a region of that level holds the
  /// joint (``PoseDensity/ranks(of:)``).
  public func below(_ limit: Double) -> JointTable {
    JointTable(
      poseCount: poseCount, jointCount: jointCount, values: values.map { $0 < limit ? 1 : 0 },
      weights: weights)
  }

  /// The mean over limits of the mean of ``within(_:)``: for evenly spaced limits, the area under
  /// the curve of PCK as a share of its largest value.
  public func areaUnderCurve(at limits: [Double]) -> Double {
    precondition(!limits.isEmpty, "an area needs at least one limit")
    return limits.reduce(0) { $0 + within($1).mean } / Double(limits.count)
  }

  /// The mean with its standard error, which takes images and not joints for independent.
  ///
  /// With r_i = Σ w (v − m) over the rows of image i, the error is
  /// √(N / (N − 1) · Σ r_i²) / Σ w for N images: the linearised error of a ratio; NaN for one image.
  ///
  /// - Parameter images: for each pose its image; every pose is an image of its own if nil.
  public func estimate(images: [Int]? = nil) -> Estimate {
    let (images, mean) = (checked(images), mean)
    let counted = values.indices.filter { weights[$0] > 0 }
    let total = counted.reduce(0) { $0 + weights[$1] }
    let deviation = clusteredDeviation(
      counted.map { weights[$0] * (values[$0] - mean) },
      groups: counted.map { images[$0 / jointCount] })
    return Estimate(value: mean, standardError: deviation.map { $0 / total } ?? .nan)
  }

  /// An interval of the mean over draws of images with replacement.
  ///
  /// - Parameters:
  ///   - bootstrap: the draws.
  ///   - images: for each pose its image; every pose is an image of its own if nil.
  public func interval(
    _ bootstrap: Bootstrap = Bootstrap(), images: [Int]? = nil
  ) -> BootstrapInterval {
    let images = checked(images)
    return bootstrap.interval(
      meanOf: values, weights: weights, images: values.indices.map { images[$0 / jointCount] })
  }

  private func checked(_ images: [Int]?) -> [Int] {
    precondition(
      (images?.count ?? poseCount) == poseCount,
      "every one of \(poseCount) poses has an image; got \(images?.count ?? 0)")
    return images ?? Array(0..<poseCount)
  }
}
