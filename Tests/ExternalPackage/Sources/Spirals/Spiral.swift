import Flows

/// A rotation in the plane whose angle falls with the radius, with a scale.
///
/// x = exp(logScale) · R(θ) z with θ = twist / (1 + |z|²) + context · weights. A rotation by an angle
/// that depends on the radius alone keeps areas, so log |det J| = 2 · logScale.
public struct Spiral<Scalar: TensorScalar>: StorableFlow {
  /// All that defines the flow but its tensors.
  public struct Configuration: Codable, Sendable {
    /// The number of context columns.
    public var contextDimension: Int
  }

  /// The name in files.
  public static var identifier: String { "com.example.Spiral" }

  /// All that defines the flow but its tensors.
  public let configuration: Configuration
  /// The angle at the centre, in radians.
  public var twist: Tensor<Scalar>
  /// log of the scale.
  public var logScale: Tensor<Scalar>
  /// What each context column adds to the angle, `[contextDimension]`.
  public var weights: Tensor<Scalar>

  /// A spiral with a twist and a scale, and weights of zero.
  public init(twist: Scalar, logScale: Scalar = 0, contextDimension: Int = 0) {
    configuration = Configuration(contextDimension: contextDimension)
    self.twist = Tensor(twist)
    self.logScale = Tensor(logScale)
    weights = .zeros([contextDimension])
  }

  /// The identity.
  public init(configuration: Configuration) throws {
    guard (0...1_000).contains(configuration.contextDimension) else {
      throw FlowsError(
        .invalidConfiguration, "expected context columns, got \(configuration.contextDimension)",
        field: "contextDimension")
    }
    self.init(twist: 0, contextDimension: configuration.contextDimension)
  }

  /// Two columns.
  public var dimension: Int { 2 }
  /// The number of context columns.
  public var contextDimension: Int { configuration.contextDimension }
  /// Always: it is 2 · logScale.
  public var hasConstantLogDet: Bool { true }

  private func rotated(
    _ x: Tensor<Scalar>, sign: Scalar, context: Tensor<Scalar>?
  ) -> Tensor<Scalar> {
    let squaredRadius = x.squared().sum(axis: 1, keepingAxis: true)
    var angle = twist / (squaredRadius + 1)
    if let context { angle += (context * weights).sum(axis: 1, keepingAxis: true) }
    let (cosine, sine) = (cos(angle), sin(angle) * sign)
    let (first, second) = (x[columns: 0..<1], x[columns: 1..<2])
    return .concatenated(
      [first * cosine - second * sine, first * sine + second * cosine], axis: 1)
  }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    Transformed(
      value: rotated(z, sign: 1, context: context) * exp(logScale),
      logDet: (2 * logScale).broadcast(to: [z.shape[0]]))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    Transformed(
      value: rotated(x * exp(-logScale), sign: -1, context: context),
      logDet: (-2 * logScale).broadcast(to: [x.shape[0]]))
  }

  /// Shows twist, scale and, where there is context, its weights.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("twist", &twist)
    visitor.visit("logScale", &logScale)
    if contextDimension > 0 { visitor.visit("weights", &weights) }
  }
}
