/// A density that keeps the units of its data inside, so that it can be trained in standard units.
protocol StandardizedDistribution<Scalar>: Distribution {
  var standardization: Standardization<Scalar>? { get set }
  var contextStandardization: Standardization<Scalar>? { get set }
  /// What stands outside of the units, at the data side.
  var dataSideMap: (any DataSideMap<Scalar>)? { get set }
}

extension NormalizingFlow: StandardizedDistribution {}

/// The units of data and context, and the map onto a declared support outside of them.
struct Units<Scalar: TensorScalar>: Sendable {
  var data: Standardization<Scalar>?
  var context: Standardization<Scalar>?
  var map: (any DataSideMap<Scalar>)?

  init(
    data: Standardization<Scalar>? = nil, context: Standardization<Scalar>? = nil,
    map: (any DataSideMap<Scalar>)? = nil
  ) {
    self.data = data
    self.context = context
    self.map = map
  }

  /// Those that a density has.
  init(of model: some Distribution<Scalar>) {
    let own = model as? any StandardizedDistribution<Scalar>
    self.init(
      data: own?.standardization, context: own?.contextStandardization, map: own?.dataSideMap)
  }

  /// The density with these units in place of its own, where it keeps any.
  func applied<Model: Distribution<Scalar>>(to model: Model) -> Model {
    guard var own = model as? any StandardizedDistribution<Scalar> else { return model }
    own.standardization = data
    own.contextStandardization = context
    own.dataSideMap = map
    guard let result = own as? Model else { preconditionFailure("the type does not change") }
    return result
  }

  func standardized(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let inner = map?.inverse(x, context: nil).value ?? x
    return data?.inverse(inner).value ?? inner
  }

  /// −log |det| of the outer map for each row: what its density in the data's units is lower by, in
  /// addition to ``logScale``; nil where there is no such map.
  func offsets(of x: Tensor<Scalar>) -> Tensor<Scalar>? {
    map.map { -$0.inverse(x, context: nil).logDet }
  }

  func standardized(context c: Tensor<Scalar>?) -> Tensor<Scalar>? {
    c.map { context?.inverse($0).value ?? $0 }
  }

  /// log |det| of the units: what a log-density in standard units exceeds one in the data's by.
  var logScale: Double { data.map { Double(log($0.scale).sum().scalar) } ?? 0 }
}

/// Maximum likelihood on rows, for any density.
///
/// Training runs in standardised units; the constant between the two densities is put back into every
/// loss that is reported.
struct DensityFit<Model: Distribution> {
  typealias Scalar = Model.Scalar

  let model: Model
  let units: Units<Scalar>
  let rows: any FitRows<Scalar>
  /// Rows held out, in the data's units.
  let validation: Batch<Scalar>?
  let options: FitOptions

  /// - Parameters:
  ///   - model: where training starts, with the units in place.
  ///   - start: rows and context, in the data's units, from which data-dependent parts start.
  ///   - rows: what it is trained on, in standard units.
  ///   - validation: what it is examined on.
  ///   - options: how.
  init(
    _ model: Model, startingFrom start: Batch<Scalar>, rows: any FitRows<Scalar>,
    validation: Batch<Scalar>?, options: FitOptions
  ) {
    units = Units(of: model)
    var inner = Units().applied(to: model)
    inner.prepare(
      with: units.standardized(start.data), context: units.standardized(context: start.context))
    self.model = units.applied(to: inner)
    self.rows = rows
    self.validation = validation
    self.options = options
  }

  /// Runs the fit; the model that is returned has the weights to keep, whatever happened.
  func run(progress: ((FitProgress) -> Bool)?, isCancelled: @escaping () -> Bool) throws
    -> FitLoop<Model>.Outcome
  {
    let settings = FitSettings(
      objective: "maximum likelihood", data: rows.identity, options: options, model: model)
    var outer = model
    let resumed = try FitRecord.resuming(options.checkpoint, settings: settings, model: &outer)
    let units = Units<Scalar>(of: outer)
    let inner = Units().applied(to: outer)
    let trainer = Trainer(
      inner, optimizer: options.optimizer, clipping: options.clipping,
      averageDecay: options.averageDecay, threads: options.threads ?? Workers.count)
    let step = LikelihoodStep(
      trainer: trainer, model: inner, offset: units.logScale,
      generator: PhiloxGenerator(seed: options.seed, stream: 0x10de5))
    let loop = FitLoop(
      options: options, trainer: trainer,
      step: { index, rate in try step.take(rows.rows(at: index), index: index, rate: rate) },
      validate: validation.map { held in
        { model in
          let mean = Self.logLikelihood(held, of: units.applied(to: model)).mean
          return Estimate(value: -mean.value, standardError: mean.standardError)
        }
      }, progress: progress, isCancelled: isCancelled,
      recorder: options.checkpoint.map {
        CheckpointRecorder($0, settings: settings, states: outer.namedStates)
      })
    let outcome = try loop.run(from: resumed)
    let fitted = units.applied(to: outcome.model)
    var report = outcome.report
    report.validationLogLikelihood = validation.map { Self.logLikelihood($0, of: fitted) }
    return FitLoop.Outcome(model: fitted, report: report, error: outcome.error)
  }

  private static func logLikelihood(_ rows: Batch<Scalar>, of model: Model) -> LogLikelihood {
    model.logLikelihood(of: rows.data, context: rows.context, weights: rows.weights)
  }
}

/// One step of maximum likelihood.
private struct LikelihoodStep<Model: Distribution> {
  let trainer: Trainer<Model>
  /// What is added to a loss in standard units.
  let offset: Double
  /// Of the nodes of normalisers.
  let generator: PhiloxGenerator
  let mixesRows: Bool
  let isNormalizedByNodes: Bool

  init(trainer: Trainer<Model>, model: Model, offset: Double, generator: PhiloxGenerator) {
    self.trainer = trainer
    self.offset = offset
    self.generator = generator
    mixesRows = model.mixesRows
    isNormalizedByNodes = (model as? any NodeNormalized)?.isNormalizedByNodes ?? false
  }

  /// Nil where every row has the weight 0.
  func take(_ rows: StepRows<Model.Scalar>, index: Int, rate: Double) -> StepResult? {
    if let total = rows.totalWeight, total <= 0 { return nil }
    if isNormalizedByNodes, let density = trainer.model as? any NodeNormalized<Model.Scalar> {
      return take(rows, density, index: index, rate: rate)
    }
    let result = trainer.likelihoodStep(
      rows: rows.count, totalWeight: rows.totalWeight, learningRate: rate, .tiles(rows.tile))
    if trainer.hasRunningStatistics && result.wasTaken {
      let batch = rows.tile(0..<rows.count)
      trainer.updateStatistics(with: batch.data, context: batch.context)
    }
    return adding(offset + rows.offset, to: result)
  }

  /// The normaliser's nodes follow the rows, as if they were rows themselves.
  private func take(
    _ rows: StepRows<Model.Scalar>, _ density: any NodeNormalized<Model.Scalar>, index: Int,
    rate: Double
  ) -> StepResult {
    let nodes = density.trainingNodes(using: generator.forked(UInt64(index)))
    let terms = Tiles.map(nodes.points, nil, isTiled: !mixesRows, columns: nil) { x, _ in
      density.logDensityAtNodes(x)
    }
    let sum = nodes.logWeights + terms
    let logNormalizer = sum.logSumExp(axis: 0)
    let shares = exp(sum - logNormalizer)
    let weight = rows.totalWeight ?? Double(rows.count)
    let scaledShares = shares * Model.Scalar(weight)
    let result = trainer.step(
      rows: rows.count + terms.count, totalWeight: weight, learningRate: rate,
      mixesRows: mixesRows
    ) { model, range in
      guard let density = model as? any NodeNormalized<Model.Scalar> else {
        preconditionFailure("the type does not change")
      }
      let ofRows = range.clamped(to: 0..<rows.count)
      let ofNodes = range.clamped(to: rows.count..<rows.count + terms.count)
      var loss = Tensor<Model.Scalar>(0)
      if !ofRows.isEmpty {
        let tile = rows.tile(ofRows)
        loss += negativeSum(
          density.unnormalizedLogDensity(of: tile.data, context: tile.context), tile.weights)
      }
      if !ofNodes.isEmpty {
        let places = ofNodes.lowerBound - rows.count..<ofNodes.upperBound - rows.count
        let terms = density.logDensityAtNodes(nodes.points[rows: places])
        loss += (terms * scaledShares.slice(places, axis: 0)).sum()
      }
      return loss
    }
    // What was summed has the gradient of the loss; its value lacks this.
    let correction = logNormalizer.scalar - (shares * terms).sum().scalar
    return adding(offset + Double(correction), to: result)
  }

  private func adding(_ constant: Double, to result: StepResult) -> StepResult {
    StepResult(
      loss: result.loss + constant, gradientNorm: result.gradientNorm, wasTaken: result.wasTaken)
  }
}

/// −Σ w · log p.
func negativeSum<Scalar>(_ logDensity: Tensor<Scalar>, _ weights: Tensor<Scalar>?)
  -> Tensor<Scalar>
{
  guard let weights else { return -logDensity.sum() }
  return -(logDensity * weights).sum()
}
