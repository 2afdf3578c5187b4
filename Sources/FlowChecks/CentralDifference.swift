import Flows

extension CheckSubject {
  /// The distance from each scalar of x to the next place where the density is not smooth, the ends
  /// of the support among them.
  func distances(at x: Tensor<Double>) -> Tensor<Double> {
    var distances = x.scalars
    for index in distances.indices {
      let (value, column) = (distances[index], index % dimension)
      let rough = (kinks[column] + support[column].ends).filter { $0 != value }
      distances[index] = rough.map { abs(value - $0) }.min() ?? .greatestFiniteMagnitude
    }
    return Tensor(shape: x.shape, scalars: distances)
  }

  /// Steps for central differences at each scalar of x, small beside those distances.
  func steps(at x: Tensor<Double>) -> Tensor<Double> {
    .minimum(1e-6 * Tensor<Double>.maximum(abs(x) / 10, Tensor(1)), 1e-3 * distances(at: x))
  }
}

/// ∂f/∂x of one column by central differences, for a function of rows `[n, d]` → `[n, …]`.
func centralDifference(
  of f: (Tensor<Double>) -> Tensor<Double>, at x: Tensor<Double>, column: Int,
  steps: Tensor<Double>
) -> Tensor<Double> {
  var only = Tensor<Double>.zeros([1, x.shape[1]])
  only.withMutableScalars { $0[column] = 1 }
  let (above, below) = (x + steps * only, x - steps * only)
  // What the rounded arguments differ by, not twice the step.
  let width = (above - below).columns([column])
  let (high, low) = (f(above), f(below))
  return high.rank == 1 ? (high - low) / width.squeezed(axis: 1) : (high - low) / width
}

/// The Jacobians `[n, d, d]` of a function of rows by central differences.
func numericJacobians(
  of f: (Tensor<Double>) -> Tensor<Double>, at x: Tensor<Double>, steps: Tensor<Double>
) -> Tensor<Double> {
  .stacked(
    (0..<x.shape[1]).map { centralDifference(of: f, at: x, column: $0, steps: steps) }, axis: 2)
}
