/// The Gaussian density with independent columns; its scales σ are standard deviations.
///
/// log p(x) = −Σ_d [½((x_d − μ_d)/σ_d)² + log σ_d + ½ log 2π].
public struct Gaussian<Scalar: TensorScalar>: LocationScaleDistribution {
  /// `.gaussian`.
  public static var family: LocationScaleFamily { .gaussian }

  /// Location and scale of the columns.
  public var parameters: LocationScale<Scalar>

  /// A density of given location and scale.
  public init(parameters: LocationScale<Scalar>) { self.parameters = parameters }
}
