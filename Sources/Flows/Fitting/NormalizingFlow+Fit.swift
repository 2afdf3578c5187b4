internal import CFlowKernels

extension NormalizingFlow {
  /// Fits the flow to data by maximum likelihood.
  ///
  /// Rows are split into training and validation rows; columns are standardised inside the flow, so
  /// that densities are those of the data's units; the weights with the best validation loss are
  /// kept. A flow that has been fitted before goes on from where it is, in the units it has.
  ///
  /// - Parameters:
  ///   - data: rows `[n, dimension]`, all finite.
  ///   - context: rows `[n, contextDimension]` for a conditional flow.
  ///   - weights: one weight per row `[n]`, not negative; nil where rows count alike.
  ///   - validation: rows to validate on, in place of a share of `data`.
  ///   - validationContext: the context of those rows, for a conditional flow.
  ///   - options: steps, batches, learning rate and so on.
  ///   - progress: called after each step; return false to stop with the best weights so far.
  /// - Returns: the course of the fit; its losses are mean NLL in nats per row.
  /// - Throws: ``FlowsError`` for data that no density can be fitted to, before training; for
  ///   options that make no sense; and where not one step was finite.
  @discardableResult
  public mutating func fit(
    _ data: Tensor<Scalar>, context: Tensor<Scalar>? = nil, weights: Tensor<Scalar>? = nil,
    validation: Tensor<Scalar>? = nil, validationContext: Tensor<Scalar>? = nil,
    options: FitOptions = FitOptions(), progress: ((FitProgress) -> Bool)? = nil
  ) throws -> FitReport {
    let input = FitInput(
      data: data, context: context, weights: weights, validation: validation,
      validationContext: validationContext)
    return try fit(input, options: options, progress: progress, isCancelled: { false })
  }

  /// Fits the flow to data by maximum likelihood without blocking the caller.
  ///
  /// As the synchronous form; cancelling the task stops with the best weights so far and the stop
  /// reason `cancelled`.
  @discardableResult
  public mutating func fit(
    _ data: Tensor<Scalar>, context: Tensor<Scalar>? = nil, weights: Tensor<Scalar>? = nil,
    validation: Tensor<Scalar>? = nil, validationContext: Tensor<Scalar>? = nil,
    options: FitOptions = FitOptions(), progress: (@Sendable (FitProgress) -> Bool)? = nil
  ) async throws -> FitReport {
    let start = self
    let input = FitInput(
      data: data, context: context, weights: weights, validation: validation,
      validationContext: validationContext)
    let (fitted, report) = try await Background.run { isCancelled in
      var flow = start
      let report = try flow.fit(
        input, options: options, progress: progress, isCancelled: isCancelled)
      return (flow, report)
    }
    self = fitted
    return report
  }

  private mutating func fit(
    _ input: FitInput<Scalar>, options: FitOptions, progress: ((FitProgress) -> Bool)?,
    isCancelled: @escaping () -> Bool
  ) throws -> FitReport {
    try options.validate()
    try input.validate(dimension: dimension, contextDimension: contextDimension)
    let split = input.split(options)
    let (data, context, weights) = (input.allData, input.allContext, input.allWeights)
    if options.standardizes && standardization == nil {
      standardization = try Standardization(data, rows: split.training, weights: weights)
      if let context {
        contextStandardization = Standardization(contextRows: context, rows: split.training)
      }
    }
    // Training runs in standardised units; the constant between the two densities is put back into
    // every loss that is reported.
    var inner = self
    inner.standardization = nil
    inner.contextStandardization = nil
    let x = standardization?.inverse(data).value ?? data
    let c = context.map { contextStandardization?.inverse($0).value ?? $0 }
    let offset = standardization.map { Double(log($0.scale).sum().scalar) } ?? 0
    let generator = PhiloxGenerator(seed: options.seed, stream: 0xf17)
    let order = RowOrder(
      rows: split.training, batch: options.batchSize, generator: generator.forked(1))
    inner.flow.prepare(
      with: x.rows(Array(split.training.prefix(8_192))),
      context: c?.rows(Array(split.training.prefix(8_192))))

    let trainer = Trainer(
      inner, optimizer: options.optimizer, clipping: options.clipping,
      averageDecay: options.averageDecay, threads: options.threads ?? Workers.count)
    let mixesRows = self.mixesRows
    let validation: ((NormalizingFlow) -> Double)? =
      split.validation.isEmpty
        || weights.map { $0.rows(split.validation).sum().scalar == 0 } == true
      ? nil
      : { [x, c] model in
        let rows = split.validation
        let nll = -model.logDensity(of: x.rows(rows), context: c?.rows(rows))
        guard let weights else { return Double(nll.mean().scalar) + offset }
        let w = weights.rows(rows)
        return Double((nll * w).sum().scalar / w.sum().scalar) + offset
      }
    let loop = FitLoop(
      options: options, trainer: trainer,
      step: { index, rate in
        let rows = BatchRows(order.batch(of: index))
        let count = order.batchRows
        let total = weights.map { Double($0.gatheringRows(rows, 0..<count).sum().scalar) }
        if let total, total <= 0 {
          return StepResult(loss: 0, gradientNorm: 0, wasTaken: true)
        }
        let result = trainer.step(
          rows: count, totalWeight: total, learningRate: rate, mixesRows: mixesRows
        ) { model, range in
          let logDensity = model.logDensity(
            of: x.gatheringRows(rows, range), context: c?.gatheringRows(rows, range))
          guard let weights else { return -logDensity.sum() }
          return -(logDensity * weights.gatheringRows(rows, range)).sum()
        }
        return StepResult(
          loss: result.loss + offset, gradientNorm: result.gradientNorm, wasTaken: result.wasTaken)
      },
      validate: validation, progress: progress, isCancelled: isCancelled)
    var (fitted, report) = try loop.run()
    fitted.standardization = standardization
    fitted.contextStandardization = contextStandardization
    self = fitted
    report.trainingRows = split.training.count
    report.validationRows = split.validation.count
    return report
  }

  /// Fits the flow to an unnormalised log-density by reverse KL: E_q[log q(x) − log p̃(x)].
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
  /// - Throws: ``FlowsError`` for options that make no sense, and where not one step was finite.
  @discardableResult
  public mutating func fit(
    toLogDensity logTarget: @escaping @Sendable (Tensor<Scalar>) -> Tensor<Scalar>,
    options: FitOptions = FitOptions(), progress: ((FitProgress) -> Bool)? = nil
  ) throws -> FitReport {
    let report = try fit(
      toLogDensity: logTarget, options: options, progress: progress, isCancelled: { false })
    return report
  }

  /// Fits the flow to an unnormalised log-density by reverse KL without blocking the caller.
  @discardableResult
  public mutating func fit(
    toLogDensity logTarget: @escaping @Sendable (Tensor<Scalar>) -> Tensor<Scalar>,
    options: FitOptions = FitOptions(), progress: (@Sendable (FitProgress) -> Bool)? = nil
  ) async throws -> FitReport {
    let start = self
    let (fitted, report) = try await Background.run { isCancelled in
      var flow = start
      let report = try flow.fit(
        toLogDensity: logTarget, options: options, progress: progress, isCancelled: isCancelled)
      return (flow, report)
    }
    self = fitted
    return report
  }

  private mutating func fit(
    toLogDensity logTarget: @escaping @Sendable (Tensor<Scalar>) -> Tensor<Scalar>,
    options: FitOptions, progress: ((FitProgress) -> Bool)?, isCancelled: @escaping () -> Bool
  ) throws -> FitReport {
    try options.validate()
    if contextDimension > 0 {
      throw FlowsError(
        .invalidConfiguration, "reverse KL fits unconditional flows; this one takes context rows")
    }
    let generator = PhiloxGenerator(seed: options.seed, stream: 0xf17)
    let trainer = Trainer(
      self, optimizer: options.optimizer, clipping: options.clipping,
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
        return Double((logDensity - logTarget(x)).mean().scalar)
      }, progress: progress, isCancelled: isCancelled)
    let (fitted, report) = try loop.run()
    self = fitted
    return report
  }
}

/// The rows of a batch, shared with the workers for the length of a step.
private struct BatchRows: @unchecked Sendable {
  let pointer: UnsafePointer<Int64>
  init(_ pointer: UnsafePointer<Int64>) { self.pointer = pointer }
}

extension Tensor {
  /// Constant rows (of any rank) by a range of a list of row numbers.
  fileprivate func gatheringRows(_ rows: BatchRows, _ range: Range<Int>) -> Tensor {
    let x = storage
    let (_, length, inner) = x.shape.around(axis: 0)
    let result = Storage(x.shape.replacing(axis: 0, with: range.count), x.kind)
    fk_gather(
      x.type, 1, Int64(length), Int64(inner), Int64(range.count), rows.pointer + range.lowerBound,
      x.pointer, result.pointer)
    return Tensor(result)
  }
}
