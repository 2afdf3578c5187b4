#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The nodes of a rule for ∫ f with what f is there: log ∫ f ≈ log Σ exp(logWeights + logValues).
struct IntegrationNodes: Sendable {
  /// `[m, dimension]`.
  var points: Tensor<Double>
  /// `[m]`.
  var logWeights: [Double]
  /// log f at the points, `[m]`.
  var logValues: [Double]
  /// log Σ exp(logWeights + logValues).
  var logIntegral: Double
  /// The error of ``logIntegral`` that the rule expects of itself.
  var error: Double
  /// How often f was evaluated, also where the nodes were then left out.
  var evaluations: Int

  /// The nodes with the largest shares of the integral: at most `count` of them, and no more than it
  /// takes to leave out less than `negligible` of the integral; none where f is 0.
  func largest(_ count: Int, negligible: Double) -> IntegrationNodes {
    let shares = zip(logWeights, logValues).map { exp($0 + $1 - logIntegral) }
    let order = shares.indices.sorted { shares[$0] > shares[$1] }
    var (left, kept) = (1.0 - negligible, 0)
    while kept < Swift.min(count, order.count), left > 0 || kept == 0 {
      if kept > 0, !(shares[order[kept]] > 0) { break }
      left -= shares[order[kept]]
      kept += 1
    }
    let indices = order.prefix(kept).sorted()
    var result = self
    result.points = points.rows(indices)
    result.logWeights = indices.map { logWeights[$0] }
    result.logValues = indices.map { logValues[$0] }
    return result
  }
}

/// log Σ eˣ, −∞ for none.
func logSum(_ values: [Double]) -> Double {
  guard let top = values.max(), top > -.infinity else {
    return values.contains(where: \.isNaN) ? .nan : -.infinity
  }
  return top + log(values.reduce(0) { $0 + exp($1 - top) })
}
