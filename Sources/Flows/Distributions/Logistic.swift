/// The logistic density with independent columns.
///
/// log p(x) = −Σ_d [z_d + 2 log(1 + e^−z_d) + log s_d] with z = (x − μ)/s; the standard deviation of a
/// column is π s_d/√3.
public struct Logistic<Scalar: TensorScalar>: LocationScaleDistribution {
  /// `.logistic`.
  public static var family: LocationScaleFamily { .logistic }

  /// Location and scale of the columns.
  public var parameters: LocationScale<Scalar>

  /// A density of given location and scale.
  public init(parameters: LocationScale<Scalar>) { self.parameters = parameters }
}
