import Flows
import Foundation

/// How well a lifter predicts some poses, and how far its densities can be trusted.
public struct LiftingEvaluation: Hashable, Sendable, Codable {
  /// How often joints lie in their credible region of a level.
  public struct Coverage: Hashable, Sendable, Codable {
    /// The probability that the region claims.
    public let level: Double
    /// The share of joints in it, with the scales that the network says.
    public let measured: Double
    /// The share of joints in it, with all scales times ``LiftingEvaluation/temperature``.
    public let scaled: Double
    /// The share of joints in it, with scaled densities and a map of levels (``LevelMap``) on top: the
    /// region of the density that is shown for a level is one that held as much of the calibration poses.
    public let calibrated: Double
    /// The standard error of ``calibrated``, by motion; nil for a single motion.
    public let standardError: Double?
  }

  /// The mean distance of joints from where they are, in millimetres, over all joints: the root, whose
  /// distance is 0, is counted, as is usual for 17 joints.
  ///
  /// The prediction is μ̂, or its image under the flow in the basic design.
  public let mpjpe: Double
  /// The same after each predicted pose was brought upon the true one by the best similarity (PA-MPJPE).
  public let alignedMPJPE: Double
  /// The quantiles 50, 90 and 99 % of the distances of joints but the root, in millimetres.
  public let distanceQuantiles: [Double]
  /// ``mpjpe`` of the medians of the predicted densities: μ̂ + σ̂·c with constants c of the flow, which a
  /// likelihood with a flow may leave anywhere.
  public let medianMPJPE: Double
  /// ``alignedMPJPE`` of the same.
  public let medianAlignedMPJPE: Double
  /// The mean of −log p of a joint but the root, in nats, with coordinates in metres: p is a density
  /// in space that integrates to one, whatever the training loss left out.
  public let negativeLogLikelihood: Double
  /// The same with calibrated scales.
  public let calibratedNegativeLogLikelihood: Double
  /// The factor of all scales that calibration found.
  ///
  /// In calibration every motion counts alike, however long it is: it is for new motions, of which poses
  /// to come are, and not for more poses of the motions at hand.
  public let temperature: Double
  /// The coverage of highest-density regions at some levels.
  public let coverage: [Coverage]

  /// The levels of ``coverage``.
  public static let levels = [0.5, 0.8, 0.95]

  /// Examines a model.
  ///
  /// - Parameters:
  ///   - model: what is examined.
  ///   - dataset: the poses to predict.
  ///   - calibration: poses that training did not see, to fit one factor of all scales and one map of
  ///     levels on; nil, or no pose, for none.
  /// - Throws: ``PoseError`` where there is no pose to predict or a prediction is not finite.
  public init(
    _ model: LiftingModel<Float>, on dataset: LiftingDataset, calibration: LiftingDataset?
  ) throws {
    guard dataset.count > 0 else {
      throw PoseError(.invalidData, "expected a pose or more to predict, found none")
    }
    let errors = model.otherJointErrors()
    let test = LiftedPoses(model, dataset, errors: errors)
    (mpjpe, alignedMPJPE) = Self.meanDistances(test.places, dataset)
    let table = try JointTable(
      distancesOf: test.places, to: Tensor<Double>(dataset.positions),
      weights: Tensor<Double>(model.weights(poses: dataset.count)))
    let distances = zip(table.values, table.weights).filter { $0.1 > 0 }.map(\.0).sorted()
    distanceQuantiles = [0.5, 0.9, 0.99].map { 1_000 * sampleQuantile($0, of: distances) }
    (medianMPJPE, medianAlignedMPJPE) = Self.meanDistances(test.medians, dataset)
    let plain = try test.coverage(.identity)
    var (scaled, calibrated) = (plain, plain)
    var factor = 1.0
    if let calibration, calibration.count > 0 {
      let held = LiftedPoses(model, calibration, errors: errors)
      let fit = try Calibration.fit(
        held.density, to: held.positions, groups: held.motions,
        options: CalibrationOptions(levelMap: .allJoints, countsGroupsAlike: true)
      ).calibration
      factor = fit.scales[0]
      scaled = try test.coverage(Calibration(scales: fit.scales))
      calibrated = try test.coverage(fit)
    }
    temperature = factor
    func likelihood(_ report: CoverageReport) -> Double {
      report.negativeLogLikelihood.map { $0.value - test.meanLogDeterminant } ?? .infinity
    }
    negativeLogLikelihood = likelihood(plain)
    calibratedNegativeLogLikelihood = likelihood(scaled)
    coverage = Self.levels.indices.map { index in
      Coverage(
        level: Self.levels[index], measured: plain.entries[index].coverage.value,
        scaled: scaled.entries[index].coverage.value,
        calibrated: calibrated.entries[index].coverage.value,
        standardError: calibrated.entries[index].coverage.standardError)
    }
  }
}

extension LiftingEvaluation {
  /// MPJPE and PA-MPJPE in millimetres of places that something predicts.
  ///
  /// - Parameters:
  ///   - predictions: `[n, joints, 3]`, in metres relative to the root.
  ///   - dataset: the poses they are of.
  /// - Returns: both; not numbers where a prediction is not finite.
  public static func meanDistances(_ predictions: Tensor<Double>, _ dataset: LiftingDataset)
    -> (mpjpe: Double, alignedMPJPE: Double)
  {
    let truth = Tensor<Double>(dataset.positions)
    func mean(_ alignment: PoseAlignment) -> Double {
      // Positions that are not finite have no distance.
      let table = try? JointTable(distancesOf: predictions, to: truth, aligned: alignment)
      return table.map { 1_000 * $0.mean } ?? .nan
    }
    return (mean(.none), mean(.similarity))
  }
}
