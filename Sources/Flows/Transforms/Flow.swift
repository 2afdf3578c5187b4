/// The result of an invertible map: values, and log |det J| of the map for each row.
public struct Transformed<Scalar: TensorScalar>: Sendable {
  /// `[rows, dimension]`.
  public var value: Tensor<Scalar>
  /// log |det ∂value/∂input|, `[rows]`, in nats.
  public var logDet: Tensor<Scalar>

  /// A pair of values `[rows, dimension]` and log-determinants `[rows]`.
  public init(value: Tensor<Scalar>, logDet: Tensor<Scalar>) {
    self.value = value
    self.logDet = logDet
  }
}

/// An invertible, differentiable map between a latent space and data, row by row.
///
/// `forward` goes from latent to data, `inverse` from data to latent; each returns the log
/// |determinant| of *its own* direction, so that for every row the two add up to zero.
public protocol Flow<Scalar>: Parameterized {
  /// The number of columns of both sides.
  var dimension: Int { get }

  /// The number of context columns, 0 where the map takes none.
  var contextDimension: Int { get }

  /// Latent → data: z `[rows, dimension]`, context `[rows, contextDimension]` or nil.
  func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar>

  /// Data → latent.
  func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar>

  /// For each column where the data side lies; outside, `inverse` gives a log |det J| of −∞.
  var support: [Support] { get }

  /// True where log |det J| is the same for every row.
  var hasConstantLogDet: Bool { get }

  /// True where a row's result depends on other rows, so that a batch must not be cut into tiles.
  var mixesRows: Bool { get }

  /// Sets data-dependent parameters from data-side rows, before training (ActNorm).
  mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?)

  /// The same for the inverted flow, whose data side is this one's latent side: sets data-dependent
  /// parameters from latent rows.
  mutating func prepareInverted(with z: Tensor<Scalar>, context: Tensor<Scalar>?)

  /// True where ``updateStatistics(with:context:)`` changes anything.
  var hasRunningStatistics: Bool { get }

  /// Lets tensors that are not trained follow data-side rows: called between the steps of a fit, where
  /// ``hasRunningStatistics`` says so.
  mutating func updateStatistics(with x: Tensor<Scalar>, context: Tensor<Scalar>?)
}

extension Flow {
  /// None by default.
  public var contextDimension: Int { 0 }
  /// All of ℝᴰ by default.
  public var support: [Support] { Array(repeating: .real, count: dimension) }
  /// False by default.
  public var hasConstantLogDet: Bool { false }
  /// False by default.
  public var mixesRows: Bool { false }
  /// Nothing by default.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {}
  /// Nothing by default.
  public mutating func prepareInverted(with z: Tensor<Scalar>, context: Tensor<Scalar>?) {}
  /// False by default.
  public var hasRunningStatistics: Bool { false }
  /// Nothing by default.
  public mutating func updateStatistics(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {}

  /// Latent → data without context.
  public func forward(_ z: Tensor<Scalar>) -> Transformed<Scalar> { forward(z, context: nil) }
  /// Data → latent without context.
  public func inverse(_ x: Tensor<Scalar>) -> Transformed<Scalar> { inverse(x, context: nil) }

  /// The same map with its two directions exchanged.
  public var inverted: Inverted<Scalar> { Inverted(self) }

  func checkRows(_ x: Tensor<Scalar>) {
    precondition(
      x.rank == 2 && x.storage.shape[1] == dimension,
      "\(Self.self) maps rows of \(dimension) columns; got the shape \(x.shape)")
  }
}

/// A flow with its two directions exchanged.
public struct Inverted<Scalar: TensorScalar>: Flow {
  /// The flow whose `inverse` is this one's `forward`.
  public var base: any Flow<Scalar>

  /// Exchanges the directions of a flow.
  public init(_ base: any Flow<Scalar>) { self.base = base }

  /// That of the base.
  public var dimension: Int { base.dimension }
  /// That of the base.
  public var contextDimension: Int { base.contextDimension }
  /// That of the base.
  public var hasConstantLogDet: Bool { base.hasConstantLogDet }
  /// That of the base.
  public var mixesRows: Bool { base.mixesRows }

  /// The inverse of the base.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    base.inverse(z, context: context)
  }
  /// The forward map of the base.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    base.forward(x, context: context)
  }
  /// Starts the base from rows of its latent side.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    base.prepareInverted(with: x, context: context)
  }
  /// Starts the base from rows of its data side.
  public mutating func prepareInverted(with z: Tensor<Scalar>, context: Tensor<Scalar>?) {
    base.prepare(with: z, context: context)
  }
  /// Shows the tensors of the base.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.enter("base")
    base.visitParameters(&visitor)
    visitor.leave()
  }
}
