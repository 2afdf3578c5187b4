extension Distribution {
  /// The differential entropy H(p) = −E_p[log p(X)], with its Monte Carlo error.
  ///
  /// In nats; divide by log 2 for bits. A density, unlike a probability, may exceed 1, so log p may
  /// well be positive and an entropy negative: that of a Gaussian column of standard deviation σ is
  /// ½ log(2πe σ²), below 0 where σ < 0.242. An entropy depends on the units of the columns; a
  /// difference of entropies in the same units does not.
  ///
  /// - Parameters:
  ///   - context: one row, or n rows over which the entropy of p(· | context) is averaged; draws go
  ///     round them.
  ///   - draws: the number of draws.
  ///   - generator: their source.
  /// - Returns: the mean of −log p over the draws with its standard error.
  public func entropy(
    context: Tensor<Scalar>? = nil, draws: Int = 16_384, using generator: inout PhiloxGenerator
  ) -> Estimate {
    crossEntropy(to: self, context: context, draws: draws, using: &generator)
  }

  /// The cross entropy H(p, q) = −E_p[log q(X)] in nats, with its Monte Carlo error.
  ///
  /// It is H(p) + KL(p‖q). Where a draw of p has q = 0 the value is ∞ and the error NaN.
  ///
  /// - Parameters:
  ///   - other: the density q of as many columns.
  ///   - context: one row or n rows for whichever of both takes context; see
  ///     ``entropy(context:draws:using:)``.
  ///   - draws: the number of draws of p.
  ///   - generator: their source.
  public func crossEntropy(
    to other: any Distribution<Scalar>, context: Tensor<Scalar>? = nil, draws: Int = 16_384,
    using generator: inout PhiloxGenerator
  ) -> Estimate {
    let (x, context) = compared(with: other, context, draws, &generator)
    return Estimate(
      meanOf: other.logDensities(of: x, context: other.own(context)).map { -$0 })
  }

  /// The Kullback–Leibler divergence KL(p‖q) = E_p[log p(X) − log q(X)] in nats, with its Monte
  /// Carlo error.
  ///
  /// Both log-densities are taken at the same draws, so that what they have in common cancels: the
  /// error is far below that of either entropy. KL is never negative, while its estimate may fall
  /// below 0 by a few standard errors where p and q are nearly equal. Where a draw of p has q = 0
  /// the value is ∞ and the error NaN. For two densities on the same data see
  /// ``LogLikelihood/difference(from:)``.
  ///
  /// - Parameters:
  ///   - other: the density q of as many columns.
  ///   - context: one row or n rows for whichever of both takes context; the divergence is averaged
  ///     over them.
  ///   - draws: the number of draws of p.
  ///   - generator: their source.
  public func klDivergence(
    to other: any Distribution<Scalar>, context: Tensor<Scalar>? = nil, draws: Int = 16_384,
    using generator: inout PhiloxGenerator
  ) -> Estimate {
    let (x, context) = compared(with: other, context, draws, &generator)
    let first = logDensities(of: x, context: own(context))
    let second = other.logDensities(of: x, context: other.own(context))
    return Estimate(meanOf: zip(first, second).map { $0 - $1 })
  }

  /// Draws of this density with the context rows of both.
  private func compared(
    with other: any Distribution<Scalar>, _ context: Tensor<Scalar>?, _ count: Int,
    _ generator: inout PhiloxGenerator
  ) -> (x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    precondition(
      other.dimension == dimension,
      "densities that are compared have the same columns; got \(dimension) and \(other.dimension)")
    precondition(count >= 2, "a standard error takes at least two draws; got \(count)")
    let problem = contextProblem([self, other])
    precondition(problem == nil, problem ?? "")
    let rows =
      contextDimension > 0
      ? contextRows(cycling: context, count: count)
      : other.contextRows(cycling: context, count: count)
    return (sample(count, context: own(rows), using: &generator).detached, rows)
  }
}
