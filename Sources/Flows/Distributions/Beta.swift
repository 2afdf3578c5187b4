internal import CFlowKernels

/// The beta density with independent columns, on (0, 1).
///
/// log p(x) = Σ_d [(α_d − 1) log x_d + (β_d − 1) log(1 − x_d) − log B(α_d, β_d)]; a column has the mean
/// α/(α + β).
public struct Beta<Scalar: TensorScalar>: ColumnwiseDistribution {
  private var logAlpha: Tensor<Scalar>
  private var logBeta: Tensor<Scalar>
  private let isLearnable: Bool

  /// A density from its parameters, `[dimension]` each and positive.
  ///
  /// - Parameters:
  ///   - alpha: the powers α at 0.
  ///   - beta: the powers β at 1.
  ///   - isLearnable: whether both are trained, by their logarithms. Where they are, draws are
  ///     constants, through which no derivative flows.
  public init(alpha: Tensor<Scalar>, beta: Tensor<Scalar>, isLearnable: Bool = false) {
    ColumnDensity.check([("alpha", alpha), ("beta", beta)])
    logAlpha = ColumnDensity.logarithm("alpha", alpha)
    logBeta = ColumnDensity.logarithm("beta", beta)
    self.isLearnable = isLearnable
  }

  /// The number of columns.
  public var dimension: Int { logAlpha.count }
  /// The powers α at 0, `[dimension]`.
  public var alpha: Tensor<Scalar> { exp(logAlpha) }
  /// The powers β at 1, `[dimension]`.
  public var beta: Tensor<Scalar> { exp(logBeta) }
  /// All that defines the density but its tensors.
  public var configuration: BaseConfiguration {
    BaseConfiguration(dimension: dimension, isLearnable: isLearnable)
  }

  /// (0, 1) in every column.
  public var support: [Support] { Array(repeating: .interval(0, 1), count: dimension) }
  /// False where the parameters are trained.
  public var isReparameterized: Bool { !isLearnable }

  /// The log-density at the mode (α − 1)/(α + β − 2); nil where a parameter below 1 lets the density
  /// grow without bound.
  public var logDensityBound: Double? {
    var total = 0.0
    for (alpha, beta) in zip(alpha.scalars.map(Double.init), beta.scalars.map(Double.init)) {
      guard alpha >= 1, beta >= 1 else { return nil }
      let (a, b) = (alpha - 1, beta - 1)
      total -= fk_log_beta(alpha, beta)
      if a > 0 { total += a * logarithm(a / (a + b)) }
      if b > 0 { total += b * logarithm(b / (a + b)) }
    }
    return total
  }

  private var columns: ColumnDensity<Scalar> {
    ColumnDensity(FK_BETA, [logAlpha, logBeta])
  }

  /// log p(x) of each row, in nats; −∞ outside of the support.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    return columns.logDensity(of: x)
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let samples = Tensor.beta(
      [count, dimension], alpha: alpha.detached, beta: beta.detached, using: &generator)
    return (samples, logDensity(of: samples, context: nil))
  }

  /// F_d(x_d) of each scalar.
  public func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    columns.cumulativeProbability(of: x)
  }

  /// The place below which a share p of each column lies.
  public func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar> {
    columns.quantile(of: probability)
  }

  /// Shows the logarithms of the parameters, as state where they are fixed.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("logAlpha", &logAlpha, isLearnable: isLearnable)
    visitor.visit("logBeta", &logBeta, isLearnable: isLearnable)
  }
}
