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
  }

  /// The mean distance of joints from where they are, in millimetres, over all joints: the root, whose
  /// distance is 0, is counted, as is usual for 17 joints.
  public let mpjpe: Double
  /// The same after each predicted pose was brought upon the true one by the best similarity (PA-MPJPE).
  public let alignedMPJPE: Double
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
  ///   - calibration: poses that training did not see, to fit one factor of all scales on; nil for none.
  ///   - seed: of the draws that measure regions.
  public init(
    _ model: LiftingModel<Float>, on dataset: LiftingDataset, calibration: LiftingDataset?,
    seed: UInt64 = 0
  ) {
    let errors = LiftingErrors(model, dataset)
    (mpjpe, alignedMPJPE) = Self.meanDistances(errors.places, dataset)
    let regions = ErrorRegions(model.loss, seed: seed)
    let heldOut = calibration.map { LiftingErrors(model, $0) }
    temperature = heldOut.map(regions.temperature) ?? 1
    negativeLogLikelihood = regions.negativeLogLikelihood(errors, temperature: 1)
    calibratedNegativeLogLikelihood = regions.negativeLogLikelihood(
      errors, temperature: temperature)
    let measured = regions.ranks(of: errors, temperature: 1)
    let scaled = regions.ranks(of: errors, temperature: temperature)
    var calibrated = scaled
    if let heldOut {
      let map = regions.levelMap(for: heldOut, temperature: temperature)
      calibrated = scaled.map(map.calibrated(rank:))
    }
    coverage = Self.levels.map { level in
      func share(_ ranks: [Double]) -> Double {
        Double(ranks.lazy.filter { $0 < level }.count) / Double(Swift.max(1, ranks.count))
      }
      return Coverage(
        level: level, measured: share(measured), scaled: share(scaled),
        calibrated: share(calibrated))
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

/// What a model says of poses whose places are known.
struct LiftingErrors {
  /// Predicted places `[n, joints, 3]`, metres.
  var places: Tensor<Double>
  /// The standardised errors (g − μ)/σ of each joint but the root, by joint: `[n, 3]`.
  ///
  /// For the basic design they are those of the latent coordinates of g.
  var standardized: [(joint: Int, errors: Tensor<Float>)]
  /// The mean over joints of log |det| of the map from places to standardised errors.
  var meanLogDeterminant: Double
  /// For each pose the number of its motion.
  var motions: [Int]
}

extension LiftingErrors {
  init(_ model: LiftingModel<Float>, _ dataset: LiftingDataset) {
    var parts: [KeypointPrediction<Float>] = []
    for start in stride(from: 0, to: dataset.count, by: 512) {
      let rows = start..<Swift.min(dataset.count, start + 512)
      parts.append(model(dataset.keypoints[rows: rows]))
    }
    let prediction = KeypointPrediction(
      mean: .concatenated(parts.map(\.mean)), logScale: .concatenated(parts.map(\.logScale)))
    places = Tensor<Double>(model.places(of: prediction))
    standardized = []
    meanLogDeterminant = 0
    motions = dataset.motionOfPose
    let skeleton = model.architecture.skeleton
    for index in skeleton.names.indices where index != skeleton.root {
      func joint(_ tensor: Tensor<Float>) -> Tensor<Float> {
        tensor.slice(index..<index + 1, axis: 1).reshaped(to: [dataset.count, 3])
      }
      var truth = joint(dataset.positions)
      if let flow = model.placeFlow(joint: index) {
        let latent = flow.toLatent(truth)
        truth = latent.value
        meanLogDeterminant += Double(latent.logDet.sum().scalar)
      }
      let logScale = joint(prediction.logScale)
      meanLogDeterminant -= Double(logScale.sum().scalar)
      standardized.append((index, (truth - joint(prediction.mean)) * exp(-logScale)))
    }
    meanLogDeterminant /= Double(Swift.max(1, dataset.count * (skeleton.count - 1)))
  }
}
