/// A density whose columns are independent, with the distribution function of each in closed form.
///
/// Both functions act on each scalar by itself and record no derivatives.
public protocol ColumnwiseDistribution<Scalar>: Distribution {
  /// False where a density that is made of others turns out to have parts without such functions;
  /// the two functions must then not be called.
  var isColumnwise: Bool { get }

  /// F_d(x_d) = P(X_d ≤ x_d): `[rows, dimension]` → `[rows, dimension]`.
  func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar>

  /// The smallest x_d with F_d(x_d) ≥ p_d, for p in [0, 1]: `[rows, dimension]` → the same shape.
  ///
  /// At 0 and 1 it is the end of the support.
  func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar>
}

extension ColumnwiseDistribution {
  /// True by default.
  public var isColumnwise: Bool { true }
}

extension Distribution {
  /// The density with its distribution functions; nil where it has none.
  package var columnwise: (any ColumnwiseDistribution<Scalar>)? {
    guard let density = self as? any ColumnwiseDistribution<Scalar>, density.isColumnwise else {
      return nil
    }
    return density
  }
}
