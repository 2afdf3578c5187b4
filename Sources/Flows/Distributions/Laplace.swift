/// The Laplace density with independent columns; its locations are medians.
///
/// log p(x) = −Σ_d [|x_d − μ_d|/b_d + log 2b_d]; the standard deviation of a column is √2·b_d.
public struct Laplace<Scalar: TensorScalar>: LocationScaleDistribution {
  /// `.laplace`.
  public static var family: LocationScaleFamily { .laplace }

  /// Location and scale of the columns.
  public var parameters: LocationScale<Scalar>

  /// A density of given location and scale.
  public init(parameters: LocationScale<Scalar>) { self.parameters = parameters }
}
