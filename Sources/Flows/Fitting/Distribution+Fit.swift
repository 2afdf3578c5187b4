extension Distribution {
  /// Fits the density to data by maximum likelihood.
  ///
  /// Rows are split into training and validation rows, and the weights with the best validation loss
  /// are kept. A ``NormalizingFlow`` standardises columns inside, so that densities are those of the
  /// data's units, and one that has been fitted before goes on in the units it has; other densities
  /// are fitted to the data as they are. With ``FitOptions/checkpoint`` a killed fit goes on where it
  /// was when it is run again.
  ///
  /// - Parameters:
  ///   - data: rows `[n, dimension]`, all finite.
  ///   - context: rows `[n, contextDimension]` for a conditional density.
  ///   - weights: one weight per row `[n]`, not negative; nil where rows count alike.
  ///   - validation: rows to validate on, in place of a share of `data`.
  ///   - validationContext: the context of those rows, for a conditional density.
  ///   - options: steps, batches, learning rate and so on.
  ///   - progress: called after each step; return false to stop with the best weights so far.
  /// - Returns: the course of the fit; its losses are mean NLL in nats per row.
  /// - Throws: ``FlowsError`` for data that no density can be fitted to (constant columns and such that
  ///   repeat others among them), or that lie outside the support, before training; for options that make no sense; for a checkpoint of another fit or
  ///   one that cannot be written (the density then has the best weights so far); and where not one
  ///   step was finite.
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

  /// Fits the density to data by maximum likelihood without blocking the caller.
  ///
  /// As the synchronous form; cancelling the task stops with the best weights so far and the stop
  /// reason `cancelled`.
  @discardableResult
  public mutating func fit(
    _ data: Tensor<Scalar>, context: Tensor<Scalar>? = nil, weights: Tensor<Scalar>? = nil,
    validation: Tensor<Scalar>? = nil, validationContext: Tensor<Scalar>? = nil,
    options: FitOptions = FitOptions(), progress: (@Sendable (FitProgress) -> Bool)? = nil
  ) async throws -> FitReport {
    let input = FitInput(
      data: data, context: context, weights: weights, validation: validation,
      validationContext: validationContext)
    return try await fitInBackground { density, isCancelled in
      try density.fit(input, options: options, progress: progress, isCancelled: isCancelled)
    }
  }

  /// Fits the density to a stream of batches, for rows that do not fit memory.
  ///
  /// As the form for tables; the batches come as they are, so that `batchSize` and
  /// `validationFraction` are not used. Units and data-dependent starts come from the first batches,
  /// up to 16,384 rows.
  ///
  /// - Parameters:
  ///   - stream: the rows to train on.
  ///   - validation: rows to validate on; without them the last weights are kept.
  ///   - validationContext: the context of those rows, for a conditional density.
  ///   - options: steps, learning rate and so on.
  ///   - progress: called after each step; return false to stop with the best weights so far.
  /// - Returns: the course of the fit; its losses are mean NLL in nats per row.
  /// - Throws: as the form for tables, and whatever the stream throws.
  @discardableResult
  public mutating func fit<Stream: BatchStream>(
    batches stream: Stream, validation: Tensor<Scalar>? = nil,
    validationContext: Tensor<Scalar>? = nil, options: FitOptions = FitOptions(),
    progress: ((FitProgress) -> Bool)? = nil
  ) throws -> FitReport where Stream.Scalar == Scalar {
    let held = validation.map { Batch(data: $0, context: validationContext) }
    return try fit(
      stream, validation: held, options: options, progress: progress, isCancelled: { false })
  }

  /// Fits the density to a stream of batches without blocking the caller.
  @discardableResult
  public mutating func fit<Stream: BatchStream>(
    batches stream: Stream, validation: Tensor<Scalar>? = nil,
    validationContext: Tensor<Scalar>? = nil, options: FitOptions = FitOptions(),
    progress: (@Sendable (FitProgress) -> Bool)? = nil
  ) async throws -> FitReport where Stream.Scalar == Scalar {
    let held = validation.map { Batch(data: $0, context: validationContext) }
    return try await fitInBackground { density, isCancelled in
      try density.fit(
        stream, validation: held, options: options, progress: progress, isCancelled: isCancelled)
    }
  }

  mutating func fitInBackground(
    _ body: @escaping @Sendable (inout Self, @escaping () -> Bool) throws -> FitReport
  ) async throws -> FitReport {
    let start = self
    // A fit that fails on its way has weights to keep as well.
    let (fitted, result) = try await Background.run { isCancelled in
      var density = start
      let result = Result { try body(&density, isCancelled) }
      return (density, result)
    }
    self = fitted
    return try result.get()
  }

  // MARK: - The work

  private mutating func fit(
    _ input: FitInput<Scalar>, options: FitOptions, progress: ((FitProgress) -> Bool)?,
    isCancelled: @escaping () -> Bool
  ) throws -> FitReport {
    try options.validate()
    try input.validate(for: self)
    let warnings = try input.requireRegular(for: self)
    let split = input.split(options)
    let table = Batch(data: input.allData, context: input.allContext, weights: input.allWeights)
    if let weights = table.weights, weights.rows(split.training).sum().scalar == 0 {
      throw FlowsError(.invalidData, "every training row has the weight 0", field: "weights")
    }
    let start = try settingUnits(table, rows: split.training, options)
    let units = Units<Scalar>(of: start)
    let order = RowOrder(
      rows: split.training, batch: options.batchSize,
      generator: PhiloxGenerator(seed: options.seed, stream: 0xf17).forked(1))
    let held = table.rows(split.validation)
    let canValidate =
      !split.validation.isEmpty && held.weights.map { $0.sum().scalar > 0 } ?? true
    let fit = DensityFit(
      start, startingFrom: table.rows(Array(split.training.prefix(8_192))),
      rows: TableRows(
        identity: options.checkpoint == nil
          ? "" : input.identity + " split " + checksum(of: split.validation), order: order,
        table: Batch(
          data: units.standardized(table.data),
          context: units.standardized(context: table.context), weights: table.weights),
        offsets: units.offsets(of: table.data)),
      validation: canValidate ? held : nil, options: options)
    var report = try finish(fit.run(progress: progress, isCancelled: isCancelled))
    report.foundWarnings = warnings
    report.trainingRows = split.training.count
    if canValidate {
      report.validationRows = split.validation.count
      if input.validation == nil { report.heldOutRows = split.validation }
    }
    return report
  }

  private mutating func fit<Stream: BatchStream>(
    _ stream: Stream, validation: Batch<Scalar>?, options: FitOptions,
    progress: ((FitProgress) -> Bool)?, isCancelled: @escaping () -> Bool
  ) throws -> FitReport where Stream.Scalar == Scalar {
    try options.validate()
    let check = { [self] (batch: Batch<Scalar>) in
      try FitInput(data: batch.data, context: batch.context, weights: batch.weights)
        .validate(for: self, atLeast: 1, allowsZeroWeights: true)
    }
    do {
      if let validation { try check(validation) }
    } catch let error as FlowsError {
      throw FlowsError(
        error.kind, error.message, row: error.row, column: error.column,
        field: error.field == "context" ? "validationContext" : "validation")
    }
    var first: [Batch<Scalar>] = []
    while first.reduce(0, { $0 + $1.data.shape[0] }) < 16_384 && first.count < options.steps {
      let batch = try stream.batch(at: first.count)
      try check(batch)
      first.append(batch)
    }
    let table = Batch(concatenating: first)
    let warnings = try FitInput(data: table.data).requireRegular(for: self)
    let start = try settingUnits(table, rows: Array(0..<table.data.shape[0]), options)
    let units = Units<Scalar>(of: start)
    let fit = DensityFit(
      start, startingFrom: table,
      rows: StreamRows(
        stream: stream, units: units,
        validationIdentity: options.checkpoint == nil
          ? "" : validation.map { FitInput(data: $0.data, context: $0.context).identity } ?? "none",
        validate: check),
      validation: validation, options: options)
    var report = try finish(fit.run(progress: progress, isCancelled: isCancelled))
    report.foundWarnings = warnings
    report.validationRows = validation?.data.shape[0] ?? 0
    return report
  }

  /// This density with the units of some rows, where it keeps units and has none.
  func settingUnits(_ table: Batch<Scalar>, rows: [Int], _ options: FitOptions) throws
    -> Self
  {
    if let mixture = self as? Mixture<Scalar> {
      guard options.standardizes else { return self }
      return try mixture.settingUnits(table, rows: rows, options) as? Self ?? self
    }
    var units = Units<Scalar>(of: self)
    guard units.data == nil, let own = self as? any StandardizedDistribution<Scalar> else {
      return self
    }
    units.map?.prepare(with: table.data.rows(Array(rows.prefix(8_192))), context: nil)
    let isBoundWithin = (self as? NormalizingFlow<Scalar>)?.hasOtherDataSideMaps == true
    guard options.standardizes, !isBoundWithin else { return units.applied(to: self) }
    // An angle, or a column onto whose support a flow within the units maps, keeps its own.
    let kept = own.support.indices.filter { column in
      own.support[column] == .circle || units.map == nil && own.support[column] != .real
    }
    units.data = try Standardization(
      units.map?.inverse(table.data, context: nil).value ?? table.data, rows: rows,
      weights: table.weights, keeping: kept)
    if let context = table.context {
      units.context = Standardization(contextRows: context, rows: rows)
    }
    return units.applied(to: self)
  }

  /// Takes over what a fit came to, and throws what ended it.
  mutating func finish(_ outcome: FitLoop<Self>.Outcome) throws -> FitReport {
    self = outcome.model
    if let error = outcome.error { throw error }
    return outcome.report
  }
}

extension Mixture {
  /// This mixture with the units of some rows in all parts that keep units and have none.
  func settingUnits(_ table: Batch<Scalar>, rows: [Int], _ options: FitOptions) throws
    -> Mixture
  {
    let own = try parts.map { try $0.settingUnits(table, rows: rows, options) }
    return replacingParts(by: own)
  }
}
