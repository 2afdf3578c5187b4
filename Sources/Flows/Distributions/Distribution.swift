/// Where a density can be positive.
public enum Support: Hashable, Sendable, Codable {
  /// All of ℝᴰ.
  case real
}

/// A probability density over rows of `dimension` columns that can be evaluated and drawn from.
public protocol Distribution<Scalar>: Parameterized {
  /// The number of columns.
  var dimension: Int { get }

  /// The number of context columns, 0 where the density is unconditional.
  var contextDimension: Int { get }

  /// Where the density can be positive.
  var support: Support { get }

  /// log p(x | context) of each row, in nats: x `[rows, dimension]` → `[rows]`.
  ///
  /// A log-density may well be positive: a density, unlike a probability, exceeds 1 where it is
  /// concentrated.
  func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar>

  /// Independent draws `[count, dimension]` with the log-density of each `[count]`; derivatives
  /// flow through both to the parameters (reparameterised).
  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>)

  /// Independent draws `[count, dimension]`; context has `count` rows.
  func sample(_ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator)
    -> Tensor<Scalar>

  /// True where a row's log-density depends on other rows.
  var mixesRows: Bool { get }
}

extension Distribution {
  /// None by default.
  public var contextDimension: Int { 0 }
  /// All of ℝᴰ by default.
  public var support: Support { .real }
  /// False by default.
  public var mixesRows: Bool { false }

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
