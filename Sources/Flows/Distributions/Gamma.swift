internal import CFlowKernels

/// The gamma density with independent columns, on (0, ∞).
///
/// log p(x) = Σ_d [α_d log β_d − log Γ(α_d) + (α_d − 1) log x_d − β_d x_d]; a column has the mean α/β and
/// the variance α/β².
public struct Gamma<Scalar: TensorScalar>: ColumnwiseDistribution {
  private var logConcentration: Tensor<Scalar>
  private var logRate: Tensor<Scalar>
  private let isLearnable: Bool

  /// A density from its parameters, `[dimension]` each and positive.
  ///
  /// - Parameters:
  ///   - concentration: the shape parameters α.
  ///   - rate: the inverse scales β.
  ///   - isLearnable: whether both are trained, by their logarithms. Where they are, draws are
  ///     constants, through which no derivative flows.
  public init(concentration: Tensor<Scalar>, rate: Tensor<Scalar>, isLearnable: Bool = false) {
    ColumnDensity.check([("concentration", concentration), ("rate", rate)])
    logConcentration = ColumnDensity.logarithm("concentration", concentration)
    logRate = ColumnDensity.logarithm("rate", rate)
    self.isLearnable = isLearnable
  }

  /// The number of columns.
  public var dimension: Int { logConcentration.count }
  /// The shape parameters α, `[dimension]`.
  public var concentration: Tensor<Scalar> { exp(logConcentration) }
  /// The inverse scales β, `[dimension]`.
  public var rate: Tensor<Scalar> { exp(logRate) }
  /// All that defines the density but its tensors.
  public var configuration: BaseConfiguration {
    BaseConfiguration(dimension: dimension, isLearnable: isLearnable)
  }

  /// (0, ∞) in every column.
  public var support: [Support] { Array(repeating: .positive, count: dimension) }
  /// False where the parameters are trained.
  public var isReparameterized: Bool { !isLearnable }

  /// The log-density at the mode (α − 1)/β; nil where an α < 1 lets the density grow without bound.
  public var logDensityBound: Double? {
    var total = 0.0
    for (alpha, rate) in zip(concentration.scalars.map(Double.init), rate.scalars) {
      guard alpha >= 1 else { return nil }
      let mode = alpha - 1
      total += logarithm(Double(rate)) - fk_log_gamma(alpha)
      if mode > 0 { total += mode * logarithm(mode) - mode }
    }
    return total
  }

  private var columns: ColumnDensity<Scalar> {
    ColumnDensity(FK_GAMMA, [logConcentration, logRate])
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
    let standard = Tensor.gamma(
      [count, dimension], concentration: concentration.detached, using: &generator)
    let samples = (standard / rate.detached).clipped(
      to: .leastNormalMagnitude ... .greatestFiniteMagnitude)
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
    visitor.visit("logConcentration", &logConcentration, isLearnable: isLearnable)
    visitor.visit("logRate", &logRate, isLearnable: isLearnable)
  }
}
