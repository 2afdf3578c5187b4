import Flows
import Foundation

/// A density that divides by an integral, which can be worked out once for all.
protocol NormalizedByIntegral<Scalar> {
  associatedtype Scalar: TensorScalar

  /// The same density with the value of its integral stored.
  func withIntegralGiven() -> any Distribution<Scalar>

  /// Draws, exact where rejection keeps enough of them, else resampled by importance.
  func cheapDraws(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar>
}

extension ResidualDensity: NormalizedByIntegral {
  func withIntegralGiven() -> any Distribution<Scalar> {
    // Without its normaliser (`.omitted`) a product is no density; a prediction needs one.
    if case .given = normalization { return self }
    return ResidualDensity(
      base: base, shape: shape, normalization: .given(normalizer().logValue))
  }
}

extension ResidualDensity {
  /// Exact draws where rejection keeps one in twenty, else draws resampled by importance.
  ///
  /// Rejection takes count / acceptance draws of G, which is for ever where G has grown wide: nothing
  /// in the product keeps it from it. Below one in twenty four times as many draws, half of Q and half of
  /// G, are weighted by QG / (Q + G) and resampled evenly; no weight is more than 2 min(Q, G) / Z.
  func cheapDraws(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    if let acceptance = expectedAcceptance(), acceptance > 0.05 {
      return sample(count, using: &generator)
    }
    let points = Tensor.concatenated([
      base.sample(2 * count, using: &generator), shape.sample(2 * count, using: &generator),
    ])
    let (q, g) = (base.logDensity(of: points), shape.logDensity(of: points))
    let mixture = Tensor.stacked([q, g], axis: 0).logSumExp(axis: 0)
    let logWeights = Tensor<Double>(q + g - mixture).scalars.map { $0.isNaN ? -.infinity : $0 }
    let top = logWeights.max() ?? 0
    let weights = logWeights.map { Foundation.exp($0 - top) }
    let total = weights.reduce(0, +)
    precondition(
      top > -.infinity && total.isFinite,
      "base and shape of a residual density overlap; none of their draws is likely under both")
    var rows: [Int] = []
    rows.reserveCapacity(count)
    var sum = 0.0
    for (row, weight) in weights.enumerated() {
      sum += weight
      // The k-th row is where the sum passes (k + ½)/count of the total.
      while rows.count < count, (Double(rows.count) + 0.5) * total <= sum * Double(count) {
        rows.append(row)
      }
    }
    while rows.count < count { rows.append(rows.last ?? 0) }
    // Those that come first are taken for a sample of all.
    return points.rows(rows.shuffled(portably: &generator))
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

/// Draws of a density, where need be by a cheaper way than its own.
func cheapDraws<Scalar: TensorScalar>(
  _ density: any Distribution<Scalar>, count: Int, using generator: inout PhiloxGenerator
) -> Tensor<Scalar> {
  if let product = density as? any NormalizedByIntegral<Scalar> {
    return product.cheapDraws(count, using: &generator)
  }
  return density.sample(count, using: &generator)
}
