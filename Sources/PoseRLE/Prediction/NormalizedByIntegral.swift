import Flows

/// A density that divides by an integral, which can be worked out once for all.
protocol NormalizedByIntegral<Scalar> {
  associatedtype Scalar: TensorScalar

  /// The same density with the value of its integral stored.
  func withIntegralGiven() -> any Distribution<Scalar>
}

extension ResidualDensity: NormalizedByIntegral {
  func withIntegralGiven() -> any Distribution<Scalar> {
    // Without its normaliser (`.omitted`) a product is no density; a prediction needs one.
    if case .given = normalization { return self }
    return ResidualDensity(
      base: base, shape: shape, normalization: .given(normalizer().logValue))
  }
}

/// A density whose normalisers are numbers, so that few points cost little.
func withIntegralsGiven<Scalar: TensorScalar>(_ density: any Distribution<Scalar>)
  -> any Distribution<Scalar>
{
  if let product = density as? any NormalizedByIntegral<Scalar> {
    return product.withIntegralGiven()
  }
  if var flow = density as? NormalizingFlow<Scalar> {
    flow.base = withIntegralsGiven(flow.base)
    return flow
  }
  return density
}
