/// A density that is known up to a factor, with a rule for the integral that gives the factor.
///
/// A fit evaluates the rule once for each step, not once for each tile: the gradient of
/// log Σ_i w_i p̃(x_i) is that of Σ_i r_i log p̃(x_i), with r the share of each node in the sum.
protocol NodeNormalized<Scalar>: Distribution {
  /// True where the density divides by the integral that the nodes approximate.
  var isNormalizedByNodes: Bool { get }

  /// log p̃(x) of each row: the log-density without the normaliser.
  func unnormalizedLogDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar>

  /// log ∫ p̃, of rank 0, with its derivatives.
  func logNormalizer() -> Tensor<Scalar>

  /// log p̃ of the nodes: that of rows, unless the integral is one over other coordinates.
  func logDensityAtNodes(_ points: Tensor<Scalar>) -> Tensor<Scalar>

  /// Constant points `[m, dimension]` and log-weights `[m]` with
  /// log ∫ p̃ ≈ log Σ_i exp(logWeights_i + log p̃(points_i)), few enough for a training step.
  ///
  /// The generator serves rules that draw their points; it is another one for each step.
  func trainingNodes(using generator: PhiloxGenerator) -> (
    points: Tensor<Scalar>, logWeights: Tensor<Scalar>
  )
}

extension NodeNormalized {
  func logDensityAtNodes(_ points: Tensor<Scalar>) -> Tensor<Scalar> {
    unnormalizedLogDensity(of: points, context: nil)
  }
}

/// A flow over such a base has the factor of its base: the nodes are latent rows.
extension NormalizingFlow: NodeNormalized {
  private var normalizedBase: (any NodeNormalized<Scalar>)? {
    base as? any NodeNormalized<Scalar>
  }

  var isNormalizedByNodes: Bool { normalizedBase?.isNormalizedByNodes ?? false }

  func logNormalizer() -> Tensor<Scalar> { normalizedBase?.logNormalizer() ?? Tensor(0) }

  func unnormalizedLogDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    guard let normalizedBase else { return logDensity(of: x, context: context) }
    let latent = toLatent(x, context: context)
    return normalizedBase.unnormalizedLogDensity(of: latent.value, context: nil) + latent.logDet
  }

  func logDensityAtNodes(_ points: Tensor<Scalar>) -> Tensor<Scalar> {
    guard let normalizedBase else { return logDensity(of: points, context: nil) }
    return normalizedBase.logDensityAtNodes(points)
  }

  func trainingNodes(using generator: PhiloxGenerator) -> (
    points: Tensor<Scalar>, logWeights: Tensor<Scalar>
  ) {
    guard let normalizedBase else {
      preconditionFailure("only a base that is normalised by nodes has nodes")
    }
    return normalizedBase.trainingNodes(using: generator)
  }
}
