/// What kind of values a column holds.
public enum Quantization: Hashable, Sendable, Codable {
  /// Real numbers.
  case continuous
  /// Numbers origin + k · step with integers k, each of which stands for [value, value + step).
  case grid(step: Double = 1, origin: Double = 0)

  var step: Double? {
    if case .grid(let step, _) = self { step } else { nil }
  }
}

extension TableReport.Column {
  /// A grid where the column's values lie on one, from the least of them, else continuous.
  public var quantization: Quantization {
    step.map { .grid(step: $0, origin: minimum) } ?? .continuous
  }
}

/// A probability of discrete rows, or of mixed ones, by a density of rows with noise.
///
/// P(x) = ∫ p(x + step · u) du · Π step over the unit cube: the mass that the density has on the cell of
/// x. Columns that are ``Quantization/continuous`` keep their density, so that for mixed rows P is a
/// mass by the discrete columns and a density by the others. `fit` maximises the bound of
/// ``Dequantization``; ``logProbability(of:context:samples:using:)`` estimates log P by importance
/// sampling; draws of the density, rounded down to their cell, are exact draws of P.
///
/// ```swift
/// var model = DiscreteDistribution(
///   density: NormalizingFlow<Float>.realNVP(dimension: 3, using: &generator),
///   columns: [.grid(), .grid(step: 0.5), .continuous])
/// try model.fit(table)
/// ```
public struct DiscreteDistribution<Density: Distribution>: Parameterized {
  /// The scalar type of the tensors.
  public typealias Scalar = Density.Scalar

  /// The density of rows with noise.
  public var density: Density
  /// What kind of values each column holds.
  public let columns: [Quantization]
  /// The noise of the discrete columns.
  public var dequantization: any Dequantization<Scalar>
  /// The units in which the noise sees levels, set by the first fit.
  private(set) var levelUnits: Standardization<Scalar>
  let cells: DiscreteCells<Scalar>

  /// A probability by a density.
  ///
  /// - Parameters:
  ///   - density: of rows with noise.
  ///   - columns: what kind of values each column holds; at least one is discrete.
  ///   - dequantization: the noise of the discrete columns; uniform where nil.
  public init(
    density: Density, columns: [Quantization],
    dequantization: (any Dequantization<Scalar>)? = nil
  ) {
    precondition(
      columns.count == density.dimension,
      "every column of the density has a kind; got \(columns.count) for \(density.dimension)")
    cells = DiscreteCells(columns)
    let noise = dequantization ?? UniformDequantization(dimension: cells.discrete.count)
    precondition(
      noise.dimension == cells.discrete.count,
      "noise is for the \(cells.discrete.count) discrete columns; got \(noise.dimension)")
    self.density = density
    self.columns = columns
    self.dequantization = noise
    levelUnits = Standardization(dimension: cells.discrete.count)
  }

  /// The number of columns.
  public var dimension: Int { density.dimension }
  /// The number of context columns.
  public var contextDimension: Int { density.contextDimension }

  /// Shows density and noise, and the units of the levels as state.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("density", &density)
    visitor.enter("dequantization")
    dequantization.visitParameters(&visitor)
    visitor.leave()
    visitor.visit("levelUnits", &levelUnits)
  }

  // MARK: - Probabilities

  /// Estimates log P of each row from several draws of noise.
  ///
  /// log P ≈ log of the mean weight p(x + step · u) Π step / q(u | x). The mean weight has no bias, its
  /// logarithm a negative one that falls like 1/samples: estimates are bounds on average.
  ///
  /// - Parameters:
  ///   - data: rows `[n, dimension]`; discrete columns hold values of their grid.
  ///   - context: rows `[n, contextDimension]` for a conditional density.
  ///   - samples: draws for each row.
  ///   - generator: the source of the noise.
  public func logProbability(
    of data: Tensor<Scalar>, context: Tensor<Scalar>? = nil, samples: Int = 32,
    using generator: inout PhiloxGenerator
  ) -> DiscreteLogProbability {
    precondition(samples > 0, "an estimate takes at least one draw; got \(samples)")
    let bound = bound
    let terms = (0..<samples).map { _ in
      let source = dequantization.source(data.shape[0], using: &generator)
      return Tensor<Double>(
        bound.logDensity(of: .concatenated([data, source], axis: 1), context: context).detached)
    }
    return DiscreteLogProbability(terms: .stacked(terms, axis: 0), dimension: dimension)
  }

  /// Independent draws `[count, dimension]`, discrete columns on their grid.
  public func sample(
    _ count: Int, context: Tensor<Scalar>? = nil, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    cells.floored(density.sample(count, context: context, using: &generator).detached)
  }

  /// The bound as a density of rows followed by the draws that noise is made from.
  var bound: DequantizationBound<Density> {
    DequantizationBound(
      density: density, dequantization: dequantization, levelUnits: levelUnits, cells: cells)
  }

  // MARK: - Fitting

  /// Fits density and noise together by maximising the bound on log P.
  ///
  /// As ``Distribution/fit(_:context:weights:validation:validationContext:options:progress:)``; each step
  /// draws noise anew, the rows held out have one draw for the whole fit. Losses are −bound in nats per
  /// row.
  ///
  /// - Parameters:
  ///   - data: rows `[n, dimension]`; discrete columns hold values of their grid.
  ///   - context: rows `[n, contextDimension]` for a conditional density.
  ///   - options: steps, batches, learning rate and so on.
  ///   - progress: called after each step; return false to stop with the best weights so far.
  /// - Throws: as `fit` of a density; ``FlowsError`` with row and column for a value beside its grid.
  @discardableResult
  public mutating func fit(
    _ data: Tensor<Scalar>, context: Tensor<Scalar>? = nil, options: FitOptions = FitOptions(),
    progress: ((FitProgress) -> Bool)? = nil
  ) throws -> FitReport {
    try options.validate()
    try validate(data, context: context)
    let input = FitInput(data: data, context: context)
    try input.validateTable(data, "data", columns: dimension, atLeast: 2)
    let split = input.split(options)
    let generator = PhiloxGenerator(seed: options.seed, stream: 0xdec)
    let table = Batch(data: data, context: context)
    let training = table.rows(split.training)
    var bound = bound
    if levelUnits.isIdentity {
      bound.levelUnits = Standardization(
        contextRows: training.data.columns(cells.discrete), rows: Array(split.training.indices))
    }
    var noise = generator.forked(.max)
    let spread = cells.adding(
      .uniform([split.training.count, cells.discrete.count], using: &noise), to: training.data)
    bound.density = try density.settingUnits(
      Batch(data: spread, context: training.context), rows: Array(split.training.indices), options)
    var own = options
    own.standardizes = false
    let source = dequantization
    func noisy(_ rows: Batch<Scalar>) -> Tensor<Scalar> {
      .concatenated([rows.data, source.source(rows.data.shape[0], using: &noise)], axis: 1)
    }
    let held = split.validation.isEmpty ? nil : table.rows(split.validation)
    let stream = NoisyRows(
      identity: options.checkpoint == nil ? "" : input.identity, table: table,
      order: RowOrder(
        rows: split.training, batch: options.batchSize, generator: generator.forked(1)),
      dequantization: source, generator: generator.forked(2))
    defer {
      density = bound.density
      dequantization = bound.dequantization
      levelUnits = bound.levelUnits
    }
    var report = try bound.fit(
      batches: stream, validation: held.map(noisy), validationContext: held?.context, options: own,
      progress: progress)
    report.trainingRows = split.training.count
    report.heldOutRows = split.validation
    return report
  }

  /// Refuses rows that cannot be used, naming the row, the column and what is expected there.
  ///
  /// - Throws: ``FlowsError`` with row and column, counted from 1.
  public func validate(_ data: Tensor<Scalar>, context: Tensor<Scalar>? = nil) throws {
    let input = FitInput(data: data, context: context)
    try input.validateTable(data, "data", columns: dimension, atLeast: 0)
    try input.validateContext(context, "context", rows: data.shape[0], columns: contextDimension)
    try cells.requireLevels(data)
    let half = Tensor<Scalar>(repeating: 0.5, shape: [data.shape[0], cells.discrete.count])
    try input.requireSupport(cells.adding(half, to: data), "data", density)
  }
}

/// Estimates of log P of discrete rows by importance sampling.
public struct DiscreteLogProbability: Sendable {
  /// The estimate for each row, in nats.
  public let rows: [Double]
  /// The standard error of each estimate over its draws; NaN for a single draw.
  public let standardErrors: [Double]
  /// The mean over draws of log weights: a bound on log P of each row, in nats.
  public let bounds: [Double]
  private let dimension: Int

  /// - Parameter terms: the log-weights `[draws, rows]`.
  init(terms: Tensor<Double>, dimension: Int) {
    self.dimension = dimension
    let (draws, count) = (Double(terms.shape[0]), terms.shape[1])
    rows = (terms.logSumExp(axis: 0) - logarithm(draws)).scalars
    bounds = terms.mean(axis: 0).scalars
    // Of the mean weight relative to itself, which is that of the logarithm.
    let mean = Tensor(shape: [1, count], scalars: rows.map { $0.isFinite ? $0 : 0 })
    let variance = (exp(terms - mean) - 1).squared().sum(axis: 0)
    standardErrors = sqrt(variance / (draws * (draws - 1))).scalars
  }

  /// The mean over rows with its standard error over rows, in nats per row.
  public var mean: Estimate { Estimate(meanOf: rows) }

  /// The mean in bits for each column, −log₂ P / D, with its standard error over rows.
  public var bitsPerDimension: Estimate {
    let mean = mean
    let scale = Double(dimension) * logarithm(2)
    return Estimate(value: -mean.value / scale, standardError: mean.standardError / scale)
  }
}
