/// The units of the data: x = z · scale + shift, with constants that are saved but not trained.
///
/// `fit` puts one at the data side of a flow, so that networks see columns of mean 0 and variance 1
/// while densities are those of the user's units.
public struct Standardization<Scalar: TensorScalar>: Flow {
  /// All that defines the map but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
  }

  /// Standard deviations, `[dimension]`, all positive.
  public private(set) var scale: Tensor<Scalar>
  /// Means, `[dimension]`.
  public private(set) var shift: Tensor<Scalar>

  /// A map from positive scales and shifts, `[dimension]` each.
  public init(scale: Tensor<Scalar>, shift: Tensor<Scalar>) {
    precondition(
      scale.rank == 1 && scale.shape == shift.shape,
      "scale and shift have one scalar per column; got the shapes \(scale.shape), \(shift.shape)")
    self.scale = scale
    self.shift = shift
  }

  /// The identity.
  public init(dimension: Int) {
    self.init(scale: .ones([dimension]), shift: .zeros([dimension]))
  }

  /// All that defines the map but its tensors.
  public var configuration: Configuration { Configuration(dimension: dimension) }
  /// The number of columns.
  public var dimension: Int { scale.count }
  /// Always: it is Σ log scale.
  public var hasConstantLogDet: Bool { true }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    return Transformed(
      value: z * scale + shift, logDet: log(scale).sum().broadcast(to: Shape(z.storage.shape[0])))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    return Transformed(
      value: (x - shift) / scale,
      logDet: (-log(scale).sum()).broadcast(to: Shape(x.storage.shape[0])))
  }

  /// Shows scale and shift as state.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("scale", state: &scale)
    visitor.visit("shift", state: &shift)
  }
}
