internal import CFlowKernels

/// What one training step came to.
public struct StepResult: Sendable {
  /// The weighted mean of the loss over the batch, before the step.
  public let loss: Double
  /// The norm of the gradient over all parameters, before clipping.
  public let gradientNorm: Double
  /// False where loss or gradient was not finite; the step was then not taken.
  public let wasTaken: Bool
}

/// Trains a model on losses that are sums over rows, tile by tile on all workers.
///
/// The batch is cut into fixed tiles; each worker runs a tile forward *and* backward while its
/// tensors are in cache, and gradients go into a fixed number of slots that are summed in order. The
/// result is the same to the last bit for any number of threads, memory does not grow with the
/// batch, and a steady step allocates no tensor-sized block.
///
/// A trainer is used by one thread at a time; it spreads the work itself.
public final class Trainer<Model: Parameterized> {
  private let slots: GradientSlots<Model>
  /// The built-in step of maximum likelihood; nil for models that have none.
  private let likelihood: LikelihoodSlots<Model>?
  let moments: [Storage]
  private let momentPointers: [UnsafeMutableRawPointer]
  /// Of batches that are one tile, whose tensors are large.
  private lazy var keptBlocks = KeptBlocks()
  let average: Storage?
  /// The moving average of the untrained tensors, kept with that of the weights.
  let averageStates: [Storage]?
  /// True once ``update(with:)`` or ``updateStatistics(with:context:)`` changed untrained tensors.
  var changesStates = false
  /// True for densities whose untrained tensors change between steps, so that weights that are kept
  /// are kept with theirs.
  let hasRunningStatistics: Bool
  /// The rule by which parameters follow their gradient.
  public let optimizer: Optimizer
  /// How gradients are held back.
  public let clipping: GradientClipping
  /// The decay of the moving average of the weights; nil where none is kept.
  public let averageDecay: Double?
  /// Steps taken so far; skipped ones do not count.
  public internal(set) var step = 0
  /// Threads that work at the same time.
  public var threads: Int

  /// A trainer that starts from a model.
  ///
  /// - Parameters:
  ///   - model: where training starts; it is copied.
  ///   - optimizer: the rule.
  ///   - clipping: how gradients are held back.
  ///   - averageDecay: decay of a moving average of the weights, such as 0.999; nil for none. The
  ///     average follows its inputs faster in the first steps: decay min(d, (1 + t) / (10 + t)).
  ///   - threads: threads to work with; it changes no result.
  public init(
    _ model: Model, optimizer: Optimizer = .adam(), clipping: GradientClipping = .none,
    averageDecay: Double? = nil, threads: Int = Workers.count
  ) {
    // Running averages of normalisations are changed in place (``update(with:)``).
    let model = model.copyingStates()
    let slots = GradientSlots(model)
    self.slots = slots
    let shared = slots.layout.sharedModel(model, block: slots.parameters)
    likelihood = (shared as? any PlannedDensity<Model.Scalar>)?.densityPlan(.toLatent).map {
      LikelihoodSlots($0, slots)
    }
    self.optimizer = optimizer
    self.clipping = clipping
    self.averageDecay = averageDecay
    self.threads = threads
    hasRunningStatistics =
      (model as? any Distribution<Model.Scalar>)?.hasRunningStatistics ?? false
    moments = (0..<optimizer.momentCount).map { _ in slots.layout.makeBlock() }
    momentPointers = moments.map(\.pointer)
    average = averageDecay == nil ? nil : slots.parameters.copied()
    averageStates = averageDecay == nil ? nil : model.states.map { $0.storage.copied() }
  }

  var original: Model { slots.original }
  var layout: ParameterLayout { slots.layout }
  var parameters: Storage { slots.parameters }

  /// The model with the current weights.
  public var model: Model { layout.model(original, from: parameters).copyingStates() }

  /// Calls a closure with the model as it is now, without a copy of its weights.
  ///
  /// The model shares the trainer's memory: neither it nor its tensors may outlive the closure.
  public func withModel<R>(_ body: (Model) throws -> R) rethrows -> R {
    try body(layout.sharedModel(original, block: parameters))
  }

  /// The model with the moving average of the weights, or the current ones where none is kept.
  public var averagedModel: Model {
    guard let average, let averageStates else { return model }
    return layout.model(original, from: average)
      .replacingStates(with: averageStates.map { Tensor($0.copied()) })
  }

  /// Takes one step on a batch.
  ///
  /// - Parameters:
  ///   - rows: the number of rows of the batch.
  ///   - totalWeight: the sum of the rows' weights; the number of rows where they count alike.
  ///   - learningRate: of this step.
  ///   - mixesRows: true where the loss of a row depends on other rows; the batch is then one tile.
  ///   - tileRows: rows of a tile; 128, or 256 from 1,024 rows on, where nil. Rows that are much work
  ///     each go better in smaller tiles. It changes the order of summation, so it is a constant of
  ///     a run, not something to derive from the machine.
  ///   - loss: the *sum* of the losses of a range of rows (each times its weight), a single scalar.
  ///     It is called on several threads at the same time and must not keep tensors.
  /// - Returns: what the step came to.
  public func step(
    rows: Int, totalWeight: Double? = nil, learningRate: Double, mixesRows: Bool = false,
    tileRows: Int? = nil, loss: @Sendable (Model, Range<Int>) -> Tensor<Model.Scalar>
  ) -> StepResult {
    precondition(rows > 0, "a training step needs at least one row")
    precondition(tileRows.map { $0 > 0 } ?? true, "a tile has at least one row")
    let tileRows = mixesRows ? rows : tileRows ?? Tiles.rows(batch: rows)
    if mixesRows { keptBlocks.beginStep() }
    let (count, sum) = slots.run(rows: rows, tileRows: tileRows, threads: threads) {
      model, _, range in loss(model, range)
    }
    let weight = totalWeight ?? Double(rows)
    return apply(slots: count, meanLoss: sum / weight, scale: 1 / weight, rate: learningRate)
  }

  /// True for models whose step of maximum likelihood runs without a tape.
  var hasBuiltInLikelihood: Bool { likelihood != nil }

  // Both passes over the parameters run in fixed chunks on all workers; the norm's parts are added
  // in order, so that nothing depends on the number of threads.
  private func apply(slots count: Int, meanLoss: Double, scale: Double, rate: Double) -> StepResult
  {
    let chunks = (layout.count + Self.chunk - 1) / Self.chunk
    var squares = 0.0
    withUnsafeTemporaryAllocation(of: Double.self, capacity: Swift.max(1, chunks)) { parts in
      let parts = Chunks(parts)
      Workers.run(chunks, threads: threads, SlotSum(trainer: self, slots: count, squares: parts))
      for chunk in 0..<chunks { squares += parts.base[chunk] }
    }
    let norm = squares.squareRoot() * scale
    guard meanLoss.isFinite, norm.isFinite else {
      return StepResult(loss: meanLoss, gradientNorm: norm, wasTaken: false)
    }
    var factor = scale
    var limit: Double?
    switch clipping {
    case .none: break
    case .norm(let largest): if norm > largest { factor *= largest / norm }
    case .value(let largest): limit = largest / scale
    }
    step += 1
    parameters.didChange()
    let decay = averageDecay.map { Swift.min($0, Double(1 + step) / Double(10 + step)) }
    Workers.run(
      chunks, threads: threads,
      Update(trainer: self, factor: factor, limit: limit, rate: rate, decay: decay))
    return StepResult(loss: meanLoss, gradientNorm: norm, wasTaken: true)
  }

  // Values, not closures, so that a step takes no memory for them.

  /// Adds up the slots and the squares of the sum.
  private struct SlotSum: IndexedWork {
    let trainer: Trainer
    let slots: Int
    let squares: Chunks

    func callAsFunction(_ chunk: Int) {
      let gradient = trainer.slots.gradient(0)
      let (offset, length) = trainer.range(of: chunk)
      withUnsafeTemporaryAllocation(of: UnsafeRawPointer?.self, capacity: slots) { pointers in
        for slot in 0..<slots {
          pointers[slot] = UnsafeRawPointer(trainer.slots.gradient(slot).pointer + offset)
        }
        fk_add_slots(
          gradient.type, length, Int64(slots), pointers.baseAddress, gradient.pointer + offset)
      }
      fk_sum_squares(gradient.type, length, gradient.pointer + offset, squares.base + chunk)
    }
  }

  /// Moves parameters along the gradient, and their average after them.
  private struct Update: IndexedWork {
    let trainer: Trainer
    let factor: Double
    let limit: Double?
    let rate: Double
    let decay: Double?

    func callAsFunction(_ chunk: Int) {
      let (offset, count) = trainer.range(of: chunk)
      let gradient = trainer.slots.gradient(0)
      let type = gradient.type
      let parameters = trainer.parameters
      if let limit { fk_clamp_in_place(type, count, limit, gradient.pointer + offset) }
      trainer.optimizer.apply(
        type: type, count: Int(count), parameters: parameters.pointer + offset,
        gradient: gradient.pointer + offset, moments: trainer.momentPointers, offset: offset,
        step: trainer.step, rate: rate, gradientScale: factor)
      if let average = trainer.average, let decay {
        fk_moving_average(
          type, count, decay, parameters.pointer + offset, average.pointer + offset)
      }
    }
  }

  private static var chunk: Int { 8_192 }

  /// A chunk of the parameters: its offset in bytes and its number of scalars.
  private func range(of chunk: Int) -> (offset: Int, count: Int64) {
    let start = chunk * Self.chunk
    return (start * layout.kind.size, Int64(Swift.min(Self.chunk, layout.count - start)))
  }
}

extension Trainer where Model: Distribution {
  /// Takes one step of maximum likelihood on a batch: the loss is −log p, averaged over the rows.
  ///
  /// A flow of couplings and permutations over independent columns (``NormalizingFlow``'s presets
  /// `rle` and `realNVP`) runs without a tape, and a steady step allocates nothing at all. Any other
  /// density takes the way of ``step(rows:totalWeight:learningRate:mixesRows:tileRows:loss:)``.
  ///
  /// - Parameters:
  ///   - x: the rows, `[n, dimension]`, at least one.
  ///   - context: `[n, contextDimension]`, for a density that takes one.
  ///   - weights: `[n]`, with a positive sum; nil where rows count alike.
  ///   - learningRate: of this step.
  /// - Returns: what the step came to, the loss in nats per row.
  public func step(
    on x: Tensor<Model.Scalar>, context: Tensor<Model.Scalar>? = nil,
    weights: Tensor<Model.Scalar>? = nil, learningRate: Double
  ) -> StepResult {
    let rows = x.storage.shape[0]
    original.checkRows(x)
    checkContext(rows: rows, context, original.contextDimension)
    precondition(
      weights.map { $0.rank == 1 && $0.count == rows } ?? true, "every row has one weight")
    var total: Double?
    if let weights {
      var sum = 0.0
      fk_sum(weights.storage.type, Int64(rows), weights.storage.pointer, &sum)
      total = sum
    }
    return likelihoodStep(
      rows: rows, totalWeight: total, learningRate: learningRate,
      .table(Batch(data: x, context: context, weights: weights)))
  }

  /// Lets the running statistics of the model (``BatchNormalizationFlow``) follow the rows of a step that
  /// was taken; `fit` does so by itself.
  ///
  /// They are tensors of the trainer's own; models taken from it before do not change.
  public func updateStatistics(
    with x: Tensor<Model.Scalar>, context: Tensor<Model.Scalar>? = nil
  ) {
    guard hasRunningStatistics else { return }
    let states = withModel { model in
      var moved = model
      moved.updateStatistics(with: x.detached, context: context?.detached)
      return moved.states
    }
    for (state, value) in zip(original.states, states) where state.storage !== value.storage {
      state.storage.pointer.copyMemory(
        from: value.storage.pointer, byteCount: state.count * state.storage.kind.size)
      state.storage.didChange()
    }
    changesStates = true
    averageStatesFollow()
  }

  /// One step of maximum likelihood, built in where the model has such a one, else on a tape.
  func likelihoodStep(
    rows: Int, totalWeight: Double?, learningRate: Double, _ source: LikelihoodRows<Model.Scalar>
  ) -> StepResult {
    precondition(rows > 0, "a training step needs at least one row")
    guard let likelihood else {
      return step(
        rows: rows, totalWeight: totalWeight, learningRate: learningRate,
        mixesRows: original.mixesRows
      ) { model, range in
        let tile = source.tile(range)
        return negativeSum(model.logDensity(of: tile.data, context: tile.context), tile.weights)
      }
    }
    let (count, sum) = likelihood.run(
      rows: rows, tileRows: Tiles.rows(batch: rows), threads: threads, source)
    let weight = totalWeight ?? Double(rows)
    return apply(slots: count, meanLoss: sum / weight, scale: 1 / weight, rate: learningRate)
  }
}

/// Keeps large blocks of memory from step to step, as long as it lives.
private final class KeptBlocks {
  init() { fk_begin_keeping() }
  deinit { fk_end_keeping() }

  /// Gives back what the last steps did not use.
  func beginStep() { fk_age_kept() }
}

/// One number for each chunk, written by different threads at different places.
private struct Chunks: @unchecked Sendable {
  let base: UnsafeMutablePointer<Double>

  init(_ buffer: UnsafeMutableBufferPointer<Double>) {
    guard let start = buffer.baseAddress else { preconditionFailure("the buffer is not empty") }
    base = start
  }
}
