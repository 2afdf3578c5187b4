import Flows

/// A sentence about the worst difference, relative to max(1, |expected|), where it is too large.
package func deviation(
  _ what: String, found: [Double], expected: [Double], tolerance: Double
) -> String? {
  guard found.count == expected.count else {
    return "\(what): found \(found.count) values, expected \(expected.count)"
  }
  var worst = (index: 0, error: 0.0)
  for index in found.indices where found[index] != expected[index] {
    let error = abs(found[index] - expected[index]) / max(1, abs(expected[index]))
    if !(error <= worst.error) { worst = (index, error.isNaN ? .infinity : error) }
  }
  if worst.error <= tolerance { return nil }
  return "\(what), index \(worst.index): found \(found[worst.index]), "
    + "expected \(expected[worst.index]), error \(worst.error) > \(tolerance)"
}

/// The same for tensors of either scalar type.
package func deviation<S: TensorScalar>(
  _ what: String, found: Tensor<S>, expected: Tensor<S>, tolerance: Double
) -> String? {
  if found.shape != expected.shape {
    return "\(what): found the shape \(found.shape), expected \(expected.shape)"
  }
  return deviation(
    what, found: Tensor<Double>(found).scalars, expected: Tensor<Double>(expected).scalars,
    tolerance: tolerance)
}

/// A sentence about the first difference in bits.
package func difference<S: TensorScalar>(
  _ what: String, found: Tensor<S>, expected: Tensor<S>
) -> String? {
  if found == expected { return nil }
  return deviation(what, found: found, expected: expected, tolerance: 0)
    ?? "\(what): not equal, or not a number"
}

/// A sentence where a tensor holds infinities or NaN.
package func unlessFinite<S: TensorScalar>(_ what: String, _ tensor: Tensor<S>) -> String? {
  guard let index = tensor.scalars.firstIndex(where: { !$0.isFinite }) else { return nil }
  return "\(what), index \(index) of \(tensor.shape): found \(tensor.scalars[index])"
}
