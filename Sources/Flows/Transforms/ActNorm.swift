/// A scale and shift per column, started so that the latent side of the first data has mean 0 and
/// variance 1 (Kingma and Dhariwal, Glow, NeurIPS 2018).
///
/// x = z · exp(logScale) + shift. That the start has happened is part of the saved state.
public struct ActNorm<Scalar: TensorScalar>: Flow {
  /// All that defines the layer but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
  }

  /// The number of columns.
  public let dimension: Int
  /// log of the scale, `[dimension]`.
  public var logScale: Tensor<Scalar>
  /// The shift, `[dimension]`.
  public var shift: Tensor<Scalar>
  private var initialized: Tensor<Scalar>

  /// The identity, until ``prepare(with:context:)`` sees data.
  public init(dimension: Int) {
    precondition(dimension > 0, "ActNorm maps at least one column; got \(dimension)")
    self.dimension = dimension
    logScale = .zeros([dimension])
    shift = .zeros([dimension])
    initialized = .zeros([1])
  }

  /// All that defines the layer but its tensors.
  public var configuration: Configuration { Configuration(dimension: dimension) }
  /// Always: it is Σ logScale.
  public var hasConstantLogDet: Bool { true }
  /// True once data have set the start.
  public var isInitialized: Bool { initialized.scalar != 0 }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    return Transformed(
      value: z * exp(logScale) + shift,
      logDet: logScale.sum().broadcast(to: Shape(z.storage.shape[0])))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    return Transformed(
      value: (x - shift) * exp(-logScale),
      logDet: (-logScale.sum()).broadcast(to: Shape(x.storage.shape[0])))
  }

  /// Sets scale and shift from the first data seen; later calls change nothing.
  ///
  /// A constant column gets the scale 1e-6 rather than 0.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    guard let (mean, logDeviation) = firstMoments(of: x) else { return }
    shift = mean
    logScale = logDeviation
  }

  /// The same from latent rows, so that the data side has mean 0 and variance 1.
  public mutating func prepareInverted(with z: Tensor<Scalar>, context: Tensor<Scalar>?) {
    guard let (mean, logDeviation) = firstMoments(of: z) else { return }
    shift = -mean * exp(-logDeviation)
    logScale = -logDeviation
  }

  private mutating func firstMoments(of rows: Tensor<Scalar>) -> (
    mean: Tensor<Scalar>, logDeviation: Tensor<Scalar>
  )? {
    guard !isInitialized, rows.storage.shape[0] > 0 else { return nil }
    initialized = .ones([1])
    let deviation = sqrt(rows.variance(axis: 0))
    return (
      rows.mean(axis: 0).detached, log(Tensor.maximum(deviation, Tensor(1e-6))).detached
    )
  }

  /// Shows scale and shift, and as state whether they have been started.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("logScale", &logScale)
    visitor.visit("shift", &shift)
    visitor.visit("initialized", state: &initialized)
  }
}
