extension Distribution {
  /// The integral of an unnormalised density and a sample of it, with this density as proposal.
  ///
  /// With draws x_i of this density q and w_i = f(x_i) / q(x_i), the evidence is Z = ∫ f ≈ mean w,
  /// and `weights.logMean` of the result is log Z with its standard error, in nats. A flow that was
  /// fitted to draws of the target, or to it by reverse KL, makes weights that hardly differ.
  ///
  /// ```swift
  /// let sample = flow.evidence(of: logPosterior, using: &generator)
  /// print(sample.weights.logMean, sample.weights.warning ?? "")
  /// let posterior = sample.resampled(1_000, using: &generator)
  /// ```
  ///
  /// Look at ``ImportanceWeights/warning``: where the proposal misses part of the target, Z comes
  /// out too small, with a standard error that says nothing of it.
  ///
  /// - Parameters:
  ///   - logDensity: log f of rows, `[rows, dimension]` → `[rows]`, up to no constant: its integral
  ///     is what is estimated. −∞ where the target is 0.
  ///   - context: one row for a conditional proposal.
  ///   - draws: the number of draws.
  ///   - generator: their source.
  public func evidence(
    of logDensity: (Tensor<Scalar>) -> Tensor<Scalar>, context: Tensor<Scalar>? = nil,
    draws: Int = 16_384, using generator: inout PhiloxGenerator
  ) -> WeightedSample<Scalar> {
    let context = contextRow(context)
    let rows = self.draws(draws, row: context, using: &generator)
    let target = Tensor<Double>(logDensity(rows).detached)
    precondition(
      target.shape == [draws],
      "a log-density has one value a row: [\(draws)]; got the shape \(target.shape)")
    let own = Tensor<Double>(
      self.logDensity(of: rows, context: repeated(context, count: draws)).detached)
    return WeightedSample(
      rows: rows,
      weights: ImportanceWeights(
        // A draw that rounding puts on the rim of the proposal may have no density there.
        logWeights: zip(target.scalars, own.scalars).map { target, own in
          target > -.infinity && own > -.infinity ? target - own : -.infinity
        }))
  }
}
