import Flows

/// The predictive density of one keypoint: g = μ + diag(σ)·U·x with a standardised error x.
///
/// log p(g) = log p_x(U⁻¹ (g − μ)/σ) − Σ_d log σ_d. Positions are in the units of μ and σ;
/// densities in nats per unitᴰ. The density need not be centred at μ: its mean is μ +
/// diag(σ)·U·E[x].
///
/// Regions are highest-density regions (``ErrorDistribution``); where there is a map of levels,
/// ranks and regions are of honest levels (``LevelMap``), while densities, moments and marginal
/// intervals are those of the model.
public struct KeypointDensity<Scalar: TensorScalar>: Sendable {
  /// The distribution of the standardised error.
  public let errors: ErrorDistribution<Scalar>

  /// The map from nominal to honest levels, if there is one.
  public let levelMap: LevelMap?

  let frame: LocationScaleFrame<Scalar>

  /// The density of a keypoint.
  ///
  /// - Parameters:
  ///   - errors: the distribution of x, D columns.
  ///   - mean: μ, D numbers.
  ///   - scale: σ (times T where it is calibrated), D positive numbers.
  ///   - shear: the entries of the unit lower triangular U below its diagonal, row by row: none,
  ///     c₂₁, or c₂₁, c₃₁, c₃₂.
  ///   - levelMap: makes levels honest.
  public init(
    errors: ErrorDistribution<Scalar>, mean: [Double], scale: [Double], shear: [Double] = [],
    levelMap: LevelMap? = nil
  ) {
    precondition(
      mean.count == errors.dimension && scale.count == errors.dimension
        && scale.allSatisfy { $0 > 0 },
      "a keypoint of \(errors.dimension) axes has as many means and positive scales")
    func tensor(_ values: [Double]) -> Tensor<Scalar> { Tensor(Tensor<Double>(values)) }
    self.init(
      errors: errors,
      frame: LocationScaleFrame(
        mean: tensor(mean), logScale: log(tensor(scale)),
        shear: shear.isEmpty ? nil : tensor(shear)),
      levelMap: levelMap)
  }

  init(
    errors: ErrorDistribution<Scalar>, frame: LocationScaleFrame<Scalar>, levelMap: LevelMap?
  ) {
    self.errors = errors
    self.frame = frame
    self.levelMap = levelMap
  }

  /// The number D of axes.
  public var dimension: Int { errors.dimension }

  // MARK: - Density and regions

  /// log p of each point, in nats: `[points, D]` → `[points]`; −∞ for points that are not finite.
  public func logDensity(of points: Tensor<Scalar>) -> Tensor<Scalar> {
    errors.logDensity(of: frame.standardized(points)) - frame.logDeterminant
  }

  /// log p of a point, in nats.
  public func logDensity(at point: [Double]) -> Double {
    Double(logDensity(of: row(point)).scalars[0])
  }

  /// The level of the smallest region around each point: `[points, D]` → `[points]`.
  ///
  /// In [0, 1], and uniform for true positions if the density (or its map of levels) is right; 1
  /// for points that are not finite or where the density is zero.
  public func ranks(of points: Tensor<Scalar>) -> Tensor<Double> {
    let ranks = errors.ranks(of: frame.standardized(points))
    guard let levelMap else { return ranks }
    return Tensor(ranks.scalars.map(levelMap.calibrated(rank:)))
  }

  /// The level of the smallest region around a point.
  public func rank(of point: [Double]) -> Double { ranks(of: row(point)).scalars[0] }

  /// Whether the region at a level holds a point: rank < level.
  ///
  /// The region at level 0 is empty, that at level 1 the support.
  public func contains(_ point: [Double], level: Double) -> Bool {
    precondition(level >= 0 && level <= 1, "a level lies in [0, 1]; got \(level)")
    return rank(of: point) < level
  }

  /// The area or volume of the region at a level, in unitᴰ.
  public func volume(level: Double) -> Double {
    let determinant = Double(exp(frame.logDeterminant).scalar)
    let volume = errors.volume(level: nominal(level)).value
    return volume == 0 ? 0 : volume * determinant
  }

  func nominal(_ level: Double) -> Double { levelMap?.nominal(level: level) ?? level }

  /// Independent draws, `[count, D]`.
  public func sample(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    frame.positions(of: errors.density.sample(count, using: &generator))
  }

  // MARK: - Marginals and moments

  /// For each axis the place below which a share of the density lies.
  ///
  /// With a shear those of 8,192 draws for the second and third axis.
  public func quantile(_ probability: Double) -> [Double] { quantiles([probability])[0] }

  /// For each axis the central interval: a share (1 − level)/2 of the density lies on either side.
  public func interval(level: Double) -> (lower: [Double], upper: [Double]) {
    precondition(level >= 0 && level <= 1, "a level lies in [0, 1]; got \(level)")
    let ends = quantiles([(1 - level) / 2, (1 + level) / 2])
    return (ends[0], ends[1])
  }

  /// The median of each axis.
  public var median: [Double] { quantile(0.5) }

  /// The mean of the density, μ + diag(σ)·U·E[x].
  public var mean: [Double] {
    let expected = Tensor<Double>(errors.mean)
    return Tensor<Double>(frame.positions(of: Tensor(expected))).scalars
  }

  /// The covariance matrix, `[D][D]`, in unit².
  public var covariance: [[Double]] {
    let flat = movedCovariances(frame.linearMaps, [errors.covariance], dimension: dimension)
    return (0..<dimension).map { Array(flat[($0 * dimension)..<(($0 + 1) * dimension)]) }
  }

  /// The standard deviation of each axis.
  public var standardDeviation: [Double] {
    let covariance = covariance
    return covariance.indices.map { covariance[$0][$0].squareRoot() }
  }

  private func quantiles(_ probabilities: [Double]) -> [[Double]] {
    let maps = frame.linearMaps
    let centre = Tensor<Double>(frame.mean).scalars
    let axes = (0..<dimension).map { axis in
      errors.quantiles(
        probabilities, along: Array(maps[(axis * dimension)..<((axis + 1) * dimension)]))
    }
    return probabilities.indices.map { index in
      (0..<dimension).map { centre[$0] + axes[$0][index] }
    }
  }

  private func row(_ point: [Double]) -> Tensor<Scalar> {
    precondition(
      point.count == dimension, "a point has \(dimension) coordinates; got \(point.count)")
    return Tensor(Tensor<Double>([point]))
  }
}
