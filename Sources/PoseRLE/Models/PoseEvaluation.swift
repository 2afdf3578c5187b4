import Flows
import Foundation

/// How well a model predicts labelled poses, and how far its densities can be trusted.
///
/// Errors are distances in pixels of the crop, shares those of the crop's longer side. Intervals are
/// bootstrap intervals over images.
public struct PoseEvaluation: Sendable, Codable {
  /// How often joints lie in their credible region of a level.
  public struct Coverage: Sendable, Codable {
    /// The probability that the region claims.
    public let level: Double
    /// The share of joints in it with the scales that the network says.
    public let raw: Double
    /// The share of joints in it after calibration.
    public let calibrated: Double
    /// A 95 % interval of ``calibrated`` over images.
    public let interval: ClosedRange<Double>
  }

  /// The number of labelled joints.
  public let jointCount: Int
  /// The shares of labelled joints within 5, 10 and 20 % of the crop's longer side.
  public let within: [Double]
  /// The mean distance, in pixels of the crop.
  public let meanError: Double
  /// The median distance, in pixels of the crop.
  public let medianError: Double
  /// Spearman's correlation of the mean σ̂ of a joint with its error; nil where σ̂ is not learned.
  public let spearman: Double?
  /// The same over visible joints alone.
  public let visibleSpearman: Double?
  /// −log p of a joint on average in nats, in ``Centered`` coordinates, as the network says.
  public let negativeLogLikelihood: Double?
  /// The same after calibration.
  public let calibratedNegativeLogLikelihood: Double?
  /// Coverage at ``levels``.
  public let coverage: [Coverage]

  /// The shares of the crop's side of ``within``.
  public static let shares = [0.05, 0.1, 0.2]
  /// The levels of ``coverage``.
  public static let levels = [0.5, 0.8, 0.95]

  /// The share within 20 % of the crop's side.
  public var pck: Double { within[2] }

  /// Examines predictions.
  ///
  /// - Parameters:
  ///   - predictions: of n poses.
  ///   - predictor: what made them.
  ///   - labels: where the joints are, in ``Centered`` coordinates; joints of weight 0 do not count,
  ///     all others count alike.
  ///   - isVisible: for each joint `[n · K]` whether it can be seen; all where nil.
  /// - Throws: ``PoseError`` where nothing is labelled or a prediction is not finite.
  public init(
    _ predictions: PosePredictions, of predictor: PosePredictor, labels: KeypointLabels<Float>,
    isVisible: [Bool]? = nil
  ) throws {
    let positions = labels.positions
    let errors = try PointErrors(
      predictions.reported, labels, size: predictor.model.architecture.input.size)
    let (places, distances) = (errors.places, errors.distances)
    let scales = Tensor<Double>(predictions.prediction.scale.mean(axis: 2)).scalars
    jointCount = places.count
    within = Self.shares.map(errors.share)
    meanError = errors.mean
    medianError = errors.median
    let isLearned = predictor.model.architecture.likelihood.scale == .learned
    func correlation(_ places: [Int]) -> Double? {
      guard isLearned else { return nil }
      return Correlation.spearman(places.map { scales[$0] }, places.map { distances[$0] })
    }
    spearman = correlation(places)
    visibleSpearman = correlation(places.filter { isVisible?[$0] ?? true })

    let calibrated = try predictor.density(of: predictions)
    let plain = try calibrated.calibrated(by: .identity)
    func ranks(_ density: PoseDensity<Float>) -> [Double] {
      let all = density.ranks(of: positions).scalars
      return places.map { all[$0] }
    }
    func likelihood(_ density: PoseDensity<Float>) -> Double? {
      let all = Tensor<Double>(density.logDensity(of: positions)).scalars
      let mean = -places.reduce(0) { $0 + all[$1] } / Double(places.count)
      return mean.isFinite ? mean : nil
    }
    negativeLogLikelihood = likelihood(plain)
    calibratedNegativeLogLikelihood = likelihood(calibrated)
    let (rawRanks, ranks) = (ranks(plain), ranks(calibrated))
    let images = places.map { $0 / labels.joints }
    coverage = Self.levels.map { level in
      let hits = ranks.map { $0 < level ? 1.0 : 0 }
      let interval = Bootstrap().interval(meanOf: hits, images: images)
      let raw = Double(rawRanks.count { $0 < level }) / Double(rawRanks.count)
      return Coverage(
        level: level, raw: raw, calibrated: interval.estimate,
        interval: interval.lower...max(interval.lower, interval.upper))
    }
  }
}
