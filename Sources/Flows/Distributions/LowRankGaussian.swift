/// The Gaussian density with the covariance Σ = F·Fᵀ + diag(v), F of few columns.
///
/// With A = diag(v)^−½ F, y = diag(v)^−½ (x − μ), C = I + AᵀA, M = A·C⁻¹ and z = Mᵀy:
/// log p(x) = −½ (|y − Az|² + |z|² + log det C + Σ_d log v_d + D log 2π). That is Woodbury's identity
/// and the determinant lemma, with the quadratic form as a sum of squares, which do not cancel. M and
/// log det C are worked out in `Double`, so that columns of F may be collinear and v small.
/// A batch costs 2·rows·D·r multiplications, r the number of columns of F.
public struct LowRankGaussian<Scalar: TensorScalar>: Distribution {
  /// All that defines the density but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// The number of columns of the factor.
    public var factors: Int
    /// Whether the parameters are trained.
    public var isLearnable: Bool
  }

  /// The means, `[dimension]`.
  public private(set) var mean: Tensor<Scalar>
  /// F, `[dimension, factors]`.
  public private(set) var factor: Tensor<Scalar>
  private var logDiagonal: Tensor<Scalar>
  private let isLearnable: Bool

  /// A density from its means and the parts of its covariance.
  ///
  /// - Parameters:
  ///   - mean: the means μ, `[dimension]`.
  ///   - factor: F, `[dimension, factors]`.
  ///   - diagonal: the variances v that come on top, `[dimension]`, all positive.
  ///   - isLearnable: whether all are trained; v is by its logarithm.
  public init(
    mean: Tensor<Scalar>, factor: Tensor<Scalar>, diagonal: Tensor<Scalar>,
    isLearnable: Bool = false
  ) {
    ColumnDensity.check([("mean", mean), ("diagonal", diagonal)])
    precondition(
      factor.rank == 2 && factor.shape[0] == mean.count && factor.shape[1] > 0,
      "the factor of a Gaussian of \(mean.count) columns is [\(mean.count), factors]; got the shape "
        + "\(factor.shape)")
    self.mean = mean
    self.factor = factor
    logDiagonal = ColumnDensity.logarithm("variance on the diagonal", diagonal)
    self.isLearnable = isLearnable
  }

  /// The number of columns.
  public var dimension: Int { mean.count }
  /// The variances v that come on top of F·Fᵀ, `[dimension]`.
  public var diagonal: Tensor<Scalar> { exp(logDiagonal) }
  /// All that defines the density but its tensors.
  public var configuration: Configuration {
    Configuration(dimension: dimension, factors: factor.shape[1], isLearnable: isLearnable)
  }
  /// The covariance Σ = F·Fᵀ + diag(v), `[dimension, dimension]`.
  public var covariance: Tensor<Scalar> {
    factor.matmul(factor.transposed()) + Tensor.identity(dimension) * diagonal
  }

  /// The log-density at the means.
  public var logDensityBound: Double? {
    Double(logDensity(of: mean.expanded(axis: 0), context: nil).scalar)
  }

  /// log p(x) of each row, in nats.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    let precision = exp(logDiagonal * -0.5)
    let a = factor * precision.expanded(axis: 1)
    let (m, logDeterminant) = a.dividedByCapacitance()
    let y = (x - mean) * precision
    let z = y.matmul(m)
    let rest = y - z.matmul(a.transposed())
    let form = rest.squared().sum(axis: 1) + z.squared().sum(axis: 1)
    let peak = Scalar(LocationScaleFamily.gaussian.logPeak * Double(dimension))
    let half = (logDeterminant + logDiagonal.sum()) * 0.5
    return form * -0.5 - (half - peak)
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let common = Tensor<Scalar>.normal([count, factor.shape[1]], using: &generator)
    let own = Tensor<Scalar>.normal([count, dimension], using: &generator)
    let samples = common.matmul(factor.transposed()) + own * exp(logDiagonal * 0.5) + mean
    return (samples, logDensity(of: samples, context: nil))
  }

  /// Shows means, factor and log-diagonal, as state where they are fixed.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("mean", &mean, isLearnable: isLearnable)
    visitor.visit("factor", &factor, isLearnable: isLearnable)
    visitor.visit("logDiagonal", &logDiagonal, isLearnable: isLearnable)
  }
}
