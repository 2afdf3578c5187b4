extension Distribution {
  /// Fits the density to an unnormalised log-density by reverse KL: E_q[log q(x) − log p̃(x)].
  ///
  /// The minimum is −log of the normaliser of p̃ and is reached at q = p. Reverse KL seeks modes:
  /// mass of p where q has none is not noticed.
  ///
  /// - Parameters:
  ///   - logTarget: log p̃ of rows `[n, dimension]` → `[n]`, by tensor operations; called on several
  ///     threads at the same time.
  ///   - options: steps, learning rate and so on; `batchSize` draws are made in each step, and
  ///     16 times as many, always the same, in each validation.
  ///   - progress: called after each step; return false to stop.
  /// - Returns: the course of the fit; its losses are reverse KL minus the log normaliser, in nats.
  /// - Throws: ``FlowsError`` for options that make no sense, for a density whose draws carry no
  ///   derivatives (``isReparameterized``), and where not one step was finite. A checkpoint cannot
  ///   tell one log-density from another: give each its ``FitCheckpoint/label``.
  @discardableResult
  public mutating func fit(
    toLogDensity logTarget: @escaping @Sendable (Tensor<Scalar>) -> Tensor<Scalar>,
    options: FitOptions = FitOptions(), progress: ((FitProgress) -> Bool)? = nil
  ) throws -> FitReport {
    try fit(toLogDensity: logTarget, options: options, progress: progress, isCancelled: { false })
  }

  /// Fits the density to an unnormalised log-density by reverse KL without blocking the caller.
  @discardableResult
  public mutating func fit(
    toLogDensity logTarget: @escaping @Sendable (Tensor<Scalar>) -> Tensor<Scalar>,
    options: FitOptions = FitOptions(), progress: (@Sendable (FitProgress) -> Bool)? = nil
  ) async throws -> FitReport {
    try await fitInBackground { density, isCancelled in
      try density.fit(
        toLogDensity: logTarget, options: options, progress: progress, isCancelled: isCancelled)
    }
  }

  private mutating func fit(
    toLogDensity logTarget: @escaping @Sendable (Tensor<Scalar>) -> Tensor<Scalar>,
    options: FitOptions, progress: ((FitProgress) -> Bool)?, isCancelled: @escaping () -> Bool
  ) throws -> FitReport {
    try options.validate()
    if contextDimension > 0 {
      throw FlowsError(
        .invalidConfiguration,
        "reverse KL fits unconditional densities; this one takes context rows")
    }
    if !isReparameterized {
      throw FlowsError(
        .invalidConfiguration,
        "reverse KL needs draws that are differentiable by every parameter; those of this density, "
          + "or of its base, are not: fix its parameters")
    }
    let settings = FitSettings(
      objective: "reverse KL", data: options.checkpoint?.label ?? "", options: options, model: self)
    var start = self
    let resumed = try FitRecord.resuming(options.checkpoint, settings: settings, model: &start)
    let generator = PhiloxGenerator(seed: options.seed, stream: 0xf17)
    let trainer = Trainer(
      start, optimizer: options.optimizer, clipping: options.clipping,
      averageDecay: options.averageDecay, threads: options.threads ?? Workers.count)
    let mixesRows = self.mixesRows
    let loop = FitLoop(
      options: options, trainer: trainer,
      step: { index, rate in
        let own = generator.forked(UInt64(index))
        return trainer.step(rows: options.batchSize, learningRate: rate, mixesRows: mixesRows) {
          model, range in
          var noise = own.forked(UInt64(range.lowerBound))
          let (x, logDensity) = model.sampleWithLogDensity(range.count, using: &noise)
          return (logDensity - logTarget(x)).sum()
        }
      },
      validate: { model in
        var noise = generator.forked(.max)
        let (x, logDensity) = model.sampleWithLogDensity(options.batchSize * 16, using: &noise)
        return Estimate(meanOf: Tensor<Double>(logDensity - logTarget(x)).scalars)
      }, progress: progress, isCancelled: isCancelled,
      recorder: options.checkpoint.map {
        CheckpointRecorder($0, settings: settings, states: start.namedStates)
      })
    return try finish(loop.run(from: resumed))
  }
}
