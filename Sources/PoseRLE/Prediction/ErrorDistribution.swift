import Flows
import Foundation

/// The distribution of standardised errors, prepared for regions, quantiles and moments.
///
/// A predicted keypoint is g = μ + diag(σ)·U·x with a standardised error x whose density is shared
/// by many poses. What is expensive about that density is done here, once: its normaliser, and a
/// sample from a fixed seed with the log-density of each draw. Equal densities give equal results.
///
/// The highest-density region at level α is {x : p(x) ≥ t_α} with P(p(X) ≥ t_α) = α: the smallest
/// region that holds the share α (Hyndman, 1996). t_α is an order statistic of the sample, so the
/// share that a region holds has the standard error √(α(1 − α)/N) for N draws
/// (``standardError(ofLevel:)``): 0.14 points at 50 % and 0.06 points at 95 % for the default N.
/// Where p is constant on a set of positive mass (a uniform density), levels within that set are
/// not told apart, and a region holds at least its level.
///
/// - Note: the error of a residual density's normaliser (10⁻⁵ nats in two columns, 10⁻³ in three)
///   shifts log-densities; regions and ranks do not depend on it.
public struct ErrorDistribution<Scalar: TensorScalar>: Sendable {
  /// The density of the standardised error, its normaliser worked out.
  public let density: any Distribution<Scalar>

  /// The draws that thresholds come from, `[N, D]`.
  public let draws: Tensor<Scalar>

  /// The log-density of each draw, in their order, in nats.
  let drawLogDensities: [Double]

  /// The same in ascending order.
  let sortedLogDensities: [Double]

  /// The draws of each axis in ascending order.
  let sortedColumns: [[Double]]

  /// The first draws of each axis, in their order, for quantiles along slanted directions.
  let firstColumns: [[Double]]

  /// E[X], `[D]`: exact for a Gaussian, Laplace or logistic density, else that of the draws.
  ///
  /// A flow's errors need not have a mean of zero. For tails without moments the value says
  /// nothing.
  public let mean: [Double]

  /// Cov[X], `[D][D]`: exact or that of the draws as ``mean`` is.
  public let covariance: [[Double]]

  /// Prepares a density.
  ///
  /// - Parameters:
  ///   - density: the density of one to three columns; a ``ResidualDensity`` is normalised,
  ///     whatever its `normalization` says, and is drawn from by rejection or, where that keeps less than
  ///     one draw in twenty, by importance resampling.
  ///   - sampleCount: the number N of draws.
  ///   - seed: that of the draws.
  /// - Precondition: the density takes no context.
  /// - Complexity: N draws and N log-densities; memory of 2·(1 + D)·N scalars.
  public init(
    _ density: any Distribution<Scalar>, sampleCount: Int = 131_072, seed: UInt64 = 2_021
  ) {
    let dimension = density.dimension
    precondition(
      (1...3).contains(dimension), "a keypoint has one to three axes; got \(dimension)")
    precondition(
      density.contextDimension == 0,
      "a density that is shared by poses takes no context; got \(density.contextDimension) columns")
    precondition(sampleCount >= 2, "there are at least two draws; got \(sampleCount)")
    let density = withIntegralsGiven(density)
    var generator = PhiloxGenerator(seed: seed)
    let draws = cheapDraws(density, count: sampleCount, using: &generator)
    self.density = density
    self.draws = draws
    // Not the log-density that came with the draw: its rounding differs from that of a given point.
    drawLogDensities = Tensor<Double>(guardedLogDensity(draws, density.logDensity(of:))).scalars
    sortedLogDensities = drawLogDensities.sorted()
    let scalars = Tensor<Double>(draws).scalars
    let columns = (0..<dimension).map { axis in
      stride(from: axis, to: scalars.count, by: dimension).map { scalars[$0] }
    }
    firstColumns = columns.map { Array($0.prefix(8_192)) }
    sortedColumns = columns.map { $0.sorted() }
    (mean, covariance) =
      (density as? any LocationScaleDistribution<Scalar>).map { exactMoments($0) }
      ?? sampleMoments(scalars, dimension: dimension)
  }

  /// The number D of axes.
  public var dimension: Int { density.dimension }

  /// The number N of draws.
  public var sampleCount: Int { sortedLogDensities.count }

  /// log p(x) of each row, in nats: `[rows, D]` → `[rows]`; −∞ for a row that is not finite.
  public func logDensity(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    precondition(
      x.rank == 2 && x.shape[1] == dimension,
      "standardised errors are rows of \(dimension) columns; got the shape \(x.shape)")
    return guardedLogDensity(x, density.logDensity(of:))
  }

  /// The level, in [0, 1], of the smallest region that holds a point of this log-density.
  ///
  /// It is #{draws of a higher density} / (N + 1): uniform on [0, 1] for errors from this density,
  /// 0 at its mode, 1 where the density is zero or the log-density is not a number. A region at
  /// level α contains the points with ranks below α.
  ///
  /// Beyond all draws, at log-densities lower by δ than the lowest, it is (N + δ/(1 + δ))/(N + 1),
  /// so that a ``LevelMap`` still tells far points apart where errors have much heavier tails than
  /// the model.
  public func rank(ofLogDensity value: Double) -> Double {
    ranks(ofLogDensities: [value])[0]
  }

  /// The rank of each row: `[rows, D]` → `[rows]`; 1 for a row that is not finite.
  public func ranks(of x: Tensor<Scalar>) -> Tensor<Double> {
    Tensor(ranks(ofLogDensities: Tensor<Double>(logDensity(of: x)).scalars))
  }

  func ranks(ofLogDensities values: [Double]) -> [Double] {
    let count = sortedLogDensities.count
    return sortedLogDensities.withUnsafeBufferPointer { sorted in
      values.map { value in
        // The comparison is false for NaN as well.
        guard value > -.infinity else { return 1 }
        var (low, high) = (0, count)
        while low < high {
          let middle = (low + high) / 2
          if sorted[middle] <= value { low = middle + 1 } else { high = middle }
        }
        guard low == 0 else { return Double(count - low) / Double(count + 1) }
        let beyond = sorted[0] - value
        let rank = (Double(count) + beyond / (1 + beyond)) / Double(count + 1)
        return min(rank, 1.0.nextDown)
      }
    }
  }

  /// The log-density t_α that the points of the region at a level reach, in nats.
  ///
  /// ∞ at level 0, whose region is empty, and −∞ at level 1, whose region is the support.
  public func logDensityThreshold(level: Double) -> Double {
    let count = leastCount(reaching: level, of: sampleCount + 1)
    if count == 0 { return .infinity }
    if count <= sampleCount { return sortedLogDensities[sampleCount - count] }
    let share = level * Double(sampleCount + 1) - Double(sampleCount)
    return share < 1 ? sortedLogDensities[0] - share / (1 - share) : -.infinity
  }

  /// √(α(1 − α)/N): the Monte Carlo error of the share that the region at level α holds; more, by a half
  /// or so, where a residual density had to be drawn from by resampling.
  public func standardError(ofLevel level: Double) -> Double {
    (level * (1 - level) / Double(sampleCount)).squareRoot()
  }
}

/// log p of each row, and −∞ for rows that are not finite or whose log-density is not a number.
func guardedLogDensity<Scalar>(
  _ x: Tensor<Scalar>, _ logDensity: (Tensor<Scalar>) -> Tensor<Scalar>
) -> Tensor<Scalar> {
  if x.shape[0] == 0 { return .zeros([0]) }
  let isFinite = ((x - x) .== Tensor(0)).min(axis: 1)
  let safe = Tensor.select(where: isFinite.expanded(axis: 1), x, else: Tensor(0))
  let value = logDensity(safe)
  return .select(where: isFinite * (value .== value), value, else: Tensor(-Scalar.infinity))
}

/// The least count with count / total ≥ level, by the very comparison that ranks are held to.
func leastCount(reaching level: Double, of total: Int) -> Int {
  precondition(level >= 0 && level <= 1, "a level lies in [0, 1]; got \(level)")
  var count = Int((level * Double(total)).rounded(.up))
  while count > 0 && Double(count - 1) / Double(total) >= level { count -= 1 }
  while Double(count) / Double(total) < level { count += 1 }
  return count
}
