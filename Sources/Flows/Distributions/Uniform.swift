internal import CFlowKernels

/// The uniform density on a box: log p(x) = −Σ_d log(high_d − low_d) within it, ends included.
public struct Uniform<Scalar: TensorScalar>: ColumnwiseDistribution {
  /// All that defines the density but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
  }

  /// The lower ends, `[dimension]`.
  public private(set) var low: Tensor<Scalar>
  /// The upper ends, `[dimension]`.
  public private(set) var high: Tensor<Scalar>

  /// A density on the box from `low` to `high`, `[dimension]` each; both are fixed.
  public init(low: Tensor<Scalar>, high: Tensor<Scalar>) {
    ColumnDensity.check([("low", low), ("high", high)])
    precondition(
      zip(low.scalars, high.scalars).allSatisfy { $0 < $1 && ($1 - $0).isFinite },
      "every lower end of a uniform density is below the upper, and both are finite")
    self.low = low
    self.high = high
  }

  /// The density on the unit cube [0, 1]ᴰ.
  public init(dimension: Int) {
    self.init(low: .zeros([dimension]), high: .ones([dimension]))
  }

  /// The number of columns.
  public var dimension: Int { low.count }
  /// All that defines the density but its tensors.
  public var configuration: Configuration { Configuration(dimension: dimension) }

  private var ends: [(low: Double, high: Double)] {
    zip(low.scalars, high.scalars).map { (Double($0), Double($1)) }
  }

  /// The sides of the box.
  public var support: [Support] { ends.map { .interval($0.low, $0.high) } }
  /// The log-density everywhere in the box.
  public var logDensityBound: Double? { ends.reduce(0) { $0 - logarithm($1.high - $1.low) } }

  private var columns: ColumnDensity<Scalar> { ColumnDensity(FK_UNIFORM, [low, high]) }

  /// log p(x) of each row, in nats; −∞ outside of the box.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    return columns.logDensity(of: x)
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let unit = Tensor<Scalar>.uniform([count, dimension], using: &generator)
    // Rounding may step over the upper end.
    let samples = Tensor.minimum(unit * (high - low) + low, high)
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

  /// Shows both ends as state.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("low", state: &low)
    visitor.visit("high", state: &high)
  }
}
