/// A probability density over rows of `dimension` columns that can be evaluated and drawn from.
public protocol Distribution<Scalar>: Parameterized {
  /// The number of columns.
  var dimension: Int { get }

  /// The number of context columns, 0 where the density is unconditional.
  var contextDimension: Int { get }

  /// For each column an interval outside of which the density is zero.
  ///
  /// Together they are a box around the support, not always the smallest.
  var support: [Support] { get }

  /// A number that no log-density exceeds, in nats; nil where there is none or none is known.
  var logDensityBound: Double? { get }

  /// For each column the places where the density is not smooth, such as the median of a Laplace
  /// density; integrals are split there.
  var kinks: [[Double]] { get }

  /// log p(x | context) of each row, in nats: x `[rows, dimension]` → `[rows]`.
  ///
  /// A log-density may well be positive: a density, unlike a probability, exceeds 1 where it is
  /// concentrated.
  func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar>

  /// Independent draws `[count, dimension]` with the log-density of each `[count]`; where
  /// ``isReparameterized``, derivatives flow through both to the parameters.
  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>)

  /// Independent draws `[count, dimension]`; context has `count` rows.
  func sample(_ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator)
    -> Tensor<Scalar>

  /// True where draws are a differentiable function of the parameters, as reverse KL needs.
  var isReparameterized: Bool { get }

  /// True where a row's log-density depends on other rows.
  var mixesRows: Bool { get }

  /// Sets data-dependent parameters from rows of data, before training.
  mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?)

  /// True where ``updateStatistics(with:context:)`` changes anything.
  var hasRunningStatistics: Bool { get }

  /// Lets tensors that are not trained follow rows of data: called between the steps of a fit by maximum
  /// likelihood, where ``hasRunningStatistics`` says so.
  mutating func updateStatistics(with x: Tensor<Scalar>, context: Tensor<Scalar>?)
}

extension Distribution {
  /// None by default.
  public var contextDimension: Int { 0 }
  /// All of ℝᴰ by default.
  public var support: [Support] { Array(repeating: .real, count: dimension) }
  /// None known by default.
  public var logDensityBound: Double? { nil }
  /// None by default.
  public var kinks: [[Double]] { Array(repeating: [], count: dimension) }
  /// True by default.
  public var isReparameterized: Bool { true }
  /// False by default.
  public var mixesRows: Bool { false }
  /// Nothing by default.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {}
  /// False by default.
  public var hasRunningStatistics: Bool { false }
  /// Nothing by default.
  public mutating func updateStatistics(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {}

  /// log p(x) of each row, in nats.
  public func logDensity(of x: Tensor<Scalar>) -> Tensor<Scalar> { logDensity(of: x, context: nil) }

  /// The draws of ``sampleWithLogDensity(_:context:using:)``.
  public func sample(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    sampleWithLogDensity(count, context: context, using: &generator).samples
  }

  /// Independent draws `[count, dimension]`.
  public func sample(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    sample(count, context: nil, using: &generator)
  }

  /// Draws with their log-density, without context.
  public func sampleWithLogDensity(_ count: Int, using generator: inout PhiloxGenerator) -> (
    samples: Tensor<Scalar>, logDensity: Tensor<Scalar>
  ) {
    sampleWithLogDensity(count, context: nil, using: &generator)
  }

  func checkRows(_ x: Tensor<Scalar>) {
    precondition(
      x.rank == 2 && x.storage.shape[1] == dimension,
      "\(Self.self) is a density of rows of \(dimension) columns; got the shape \(x.shape)")
  }
}
