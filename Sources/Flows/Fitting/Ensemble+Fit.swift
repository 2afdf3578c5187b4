extension Ensemble {
  /// Fits densities of other seeds to the same data, one after the other.
  ///
  /// Each member starts from weights of its own, holds out rows of its own (unless `validation` is
  /// given) and sees the rows in an order of its own.
  ///
  /// ```swift
  /// let (ensemble, _) = try Ensemble.fitted(to: data) { generator in
  ///   NormalizingFlow<Float>.realNVP(dimension: 2, using: &generator)
  /// }
  /// ```
  ///
  /// - Parameters:
  ///   - data: rows `[n, dimension]`.
  ///   - context: rows `[n, contextDimension]` for a conditional density.
  ///   - weights: one weight per row `[n]`.
  ///   - validation: rows to validate on, in place of a share of `data`.
  ///   - validationContext: the context of those rows.
  ///   - members: how many densities.
  ///   - options: as for one fit; member k has the seed `seed + k`, and where there is a checkpoint
  ///     its path with "." and k added.
  ///   - progress: called after each step with the member's number; return false to stop its fit.
  ///   - makeMember: a density before training, from a generator of the member's own.
  /// - Returns: the ensemble, and the report of each member's fit.
  /// - Throws: ``FlowsError`` as ``Distribution/fit(_:context:weights:validation:validationContext:options:progress:)``,
  ///   and whatever `makeMember` throws.
  public static func fitted(
    to data: Tensor<Scalar>, context: Tensor<Scalar>? = nil, weights: Tensor<Scalar>? = nil,
    validation: Tensor<Scalar>? = nil, validationContext: Tensor<Scalar>? = nil,
    members: Int = 5, options: FitOptions = FitOptions(),
    progress: ((_ member: Int, FitProgress) -> Bool)? = nil,
    _ makeMember: (inout PhiloxGenerator) throws -> Member
  ) throws -> (ensemble: Ensemble, reports: [FitReport]) {
    guard members >= 1 else {
      throw FlowsError(
        .invalidConfiguration, "expected at least one member, got \(members)", field: "members")
    }
    var fitted: [Member] = []
    var reports: [FitReport] = []
    for index in 0..<members {
      var own = options
      own.seed = options.seed &+ UInt64(index)
      own.checkpoint?.path += ".\(index)"
      var generator = PhiloxGenerator(seed: own.seed, stream: 0xe75e)
      var member = try makeMember(&generator)
      reports.append(
        try member.fit(
          data, context: context, weights: weights, validation: validation,
          validationContext: validationContext, options: own,
          progress: progress.map { progress in { progress(index, $0) } }))
      fitted.append(member)
    }
    return (Ensemble(fitted), reports)
  }
}
