internal import CFlowKernels

/// Rows whose log-likelihood is summed: a table, or tiles that are asked for.
enum LikelihoodRows<Scalar: TensorScalar>: Sendable {
  case table(Batch<Scalar>)
  case tiles(@Sendable (Range<Int>) -> Batch<Scalar>)

  func tile(_ range: Range<Int>) -> Batch<Scalar> {
    switch self {
    case .table(let table):
      Batch(
        data: table.data[rows: range], context: table.context?[rows: range],
        weights: table.weights?.slice(range, axis: 0))
    case .tiles(let tile): tile(range)
    }
  }
}

/// Runs a density plan forward and backward over the tiles of a batch, on memory allocated once.
///
/// Tile i belongs to slot i mod S as in ``GradientSlots``, whose gradients it adds to; once every
/// slot has its memory, a step allocates nothing.
final class LikelihoodSlots<Model: Parameterized> {
  typealias Scalar = Model.Scalar

  private let plan: DensityPlan
  private let gradients: GradientSlots<Model>
  private let networks: [PreparedNetwork]
  private var slots: ContiguousArray<LikelihoodSlot> = []
  /// Rows of a tile that there is memory for.
  private var slotRows = 0
  /// False where no tile adds to a gradient directly: only sums by piece do, once at the end.
  private let addsInTiles: Bool

  init(_ plan: DensityPlan, _ gradients: GradientSlots<Model>) {
    self.plan = plan
    self.gradients = gradients
    networks = plan.networks
    addsInTiles =
      !networks.allSatisfy(\.isPiecewise) || plan.location.memory === gradients.parameters
  }

  deinit { for slot in slots { slot.loss.deallocate() } }

  /// Runs all tiles.
  ///
  /// - Returns: how many slots hold a part of the gradient, and the sum of −w · log p.
  func run(rows: Int, tileRows: Int, threads: Int, _ source: LikelihoodRows<Scalar>) -> (
    slots: Int, sum: Double
  ) {
    let count = Tiles.slots(rows: rows, tileRows: tileRows)
    gradients.makeLanes(count)
    makeSlots(count, rows: Swift.min(rows, tileRows))
    Workers.run(networks.count, threads: threads, Preparation(slots: self))
    Workers.run(
      count, threads: threads,
      TileRun(slots: self, count: count, rows: rows, tileRows: tileRows, source: source))
    Workers.run(networks.count, threads: threads, Finish(slots: self, count: count))
    var sum = 0.0
    for index in 0..<count { sum -= slots[index].loss.pointee }
    return (addsInTiles ? count : 1, sum)
  }

  // What workers do; values rather than closures, which would take memory.

  private struct Preparation: IndexedWork {
    let slots: LikelihoodSlots
    func callAsFunction(_ index: Int) {
      let network = slots.networks[index]
      if network.isOutdated { network.prepare() }
    }
  }

  private struct TileRun: IndexedWork {
    let slots: LikelihoodSlots
    let count: Int
    let rows: Int
    let tileRows: Int
    let source: LikelihoodRows<Scalar>
    func callAsFunction(_ index: Int) { slots.runSlot(self, index) }
  }

  private struct Finish: IndexedWork {
    let slots: LikelihoodSlots
    let count: Int
    func callAsFunction(_ index: Int) { slots.finish(network: index, slots: count) }
  }

  private func runSlot(_ work: TileRun, _ index: Int) {
    let slot = slots[index]
    if addsInTiles || index == 0 { gradients.clear(index) }
    for place in networks.indices { slot.sums[place]?.begin(networks[place]) }
    slot.loss.pointee = 0
    var start = index * work.tileRows
    while start < work.rows {
      runTile(start..<Swift.min(work.rows, start + work.tileRows), slot, work.source)
      start += work.count * work.tileRows
    }
  }

  /// The sums of all slots, in their order, become gradients in the first slot.
  private func finish(network index: Int, slots count: Int) {
    guard let first = slots[0].sums[index], let target = slots[0].targets[index].parameters else {
      return
    }
    for slot in 1..<count { slots[slot].sums[index].map { first.add($0) } }
    first.finish(into: target)
  }

  private func runTile(
    _ range: Range<Int>, _ slot: LikelihoodSlot, _ source: LikelihoodRows<Scalar>
  ) {
    switch source {
    case .table(let batch):
      let size = plan.kind.size
      runRows(
        range.count,
        x: batch.data.storage.pointer + range.lowerBound * plan.dimension * size,
        context: (batch.context?.storage.pointer).map {
          UnsafeRawPointer($0 + range.lowerBound * plan.contextDimension * size)
        },
        weights: (batch.weights?.storage.pointer).map {
          UnsafeRawPointer($0 + range.lowerBound * size)
        }, slot)
    case .tiles(let tile):
      let batch = tile(range)
      withExtendedLifetime(batch) {
        runRows(
          range.count, x: batch.data.storage.pointer,
          context: (batch.context?.storage.pointer).map { UnsafeRawPointer($0) },
          weights: (batch.weights?.storage.pointer).map { UnsafeRawPointer($0) }, slot)
      }
    }
  }

  private func runRows(
    _ rows: Int, x: UnsafeRawPointer, context: UnsafeRawPointer?, weights: UnsafeRawPointer?,
    _ slot: LikelihoodSlot
  ) {
    let (type, count, dimension) = (plan.kind.kernelType, Int64(rows), Int64(plan.dimension))
    let latent = plan.forward(
      rows: rows, x, context: context, keeps: true, term: slot.term.pointer,
      total: slot.logDensity.pointer
    ) { (slot.workspaces[$0].pointer, slot.values[$0].pointer) }
    plan.addBase(rows: rows, latent, term: slot.term.pointer, to: slot.logDensity.pointer)
    // The gradient of the loss by each log-density is minus its weight.
    if let weights {
      fk_unary(type, FK_NEG, count, weights, 0, 0, slot.weights.pointer)
      weightTerms(slot, rows: count)
    } else {
      fk_fill(type, count, -1, slot.weights.pointer)
    }
    var tileSum = 0.0
    fk_sum(type, count, slot.logDensity.pointer, &tileSum)
    slot.loss.pointee += tileSum

    var (g, next) = slot.gradients
    fk_location_scale_backward(
      type, plan.family, count, dimension, latent, plan.location.pointer, plan.logScale.pointer,
      slot.weights.pointer, g.pointer, slot.locationGradient, slot.scaleGradient)
    var network = networks.count
    for index in plan.maps.indices.reversed() {
      let input = index > 0 ? UnsafeRawPointer(slot.values[index - 1].pointer) : x
      switch plan.maps[index] {
      case .coupling(let pass):
        network -= pass.second == nil ? 1 : 2
        pass.backward(
          rows: rows, input, workspace: slot.workspaces[index].pointer,
          value: slot.values[index].pointer, gv: g.pointer, gl: slot.weights.pointer,
          gx: index > 0 ? next.pointer : nil, gContext: nil, firstGradient: slot.targets[network],
          secondGradient: pass.second == nil ? nil : slot.targets[network + 1])
      case .permutation(_, let inverse):
        fk_take_columns(
          type, count, dimension, dimension, inverse.pointer, g.pointer, dimension, next.pointer)
      }
      swap(&g, &next)
    }
  }

  /// Each log-density times its weight.
  private func weightTerms(_ slot: LikelihoodSlot, rows: Int64) {
    var (shape, stride) = (rows, Int64(1))
    fk_binary(
      plan.kind.kernelType, FK_MUL, 1, &shape, &stride, &stride, slot.logDensity.pointer,
      slot.weights.pointer, slot.term.pointer)
    fk_unary(
      plan.kind.kernelType, FK_NEG, rows, slot.term.pointer, 0, 0, slot.logDensity.pointer)
  }

  // MARK: - Memory

  private func makeSlots(_ count: Int, rows: Int) {
    if slotRows < rows {
      for slot in slots { slot.loss.deallocate() }
      slots.removeAll()
      slotRows = rows
    }
    while slots.count < count { slots.append(makeSlot(slots.count, rows: slotRows)) }
  }

  private func makeSlot(_ index: Int, rows: Int) -> LikelihoodSlot {
    let kind = plan.kind
    func columns() -> Storage { Storage(Shape(rows, plan.dimension), kind) }
    func vector() -> Storage { Storage(Shape(rows), kind) }
    let sums = networks.map { $0.isPiecewise ? PieceSums($0) : nil }
    return LikelihoodSlot(
      values: plan.maps.map { _ in columns() },
      workspaces: plan.maps.map { step in
        guard case .coupling(let pass) = step else { return Storage(Shape(0), kind) }
        return Storage(Shape((pass.workspaceBytes(rows: rows) + 7) / 8), .float64)
      },
      gradients: (columns(), columns()), term: vector(), logDensity: vector(),
      weights: vector(),
      targets: zip(networks, sums).map { network, sums in
        NetworkGradient(
          parameters: network.gradient { gradients.addend(for: $0, slot: index) },
          sums: sums?.pointer)
      },
      sums: sums,
      locationGradient: gradients.addend(for: plan.location.pointer, slot: index),
      scaleGradient: gradients.addend(for: plan.logScale.pointer, slot: index),
      loss: .allocate(capacity: 1))
  }
}

/// What one slot works with.
private struct LikelihoodSlot {
  /// The output of each step, `[rows, dimension]`, and what it keeps for the way back.
  let values: [Storage]
  let workspaces: [Storage]
  /// Two gradients by the columns, `[rows, dimension]`.
  let gradients: (Storage, Storage)
  /// `[rows]` each: a term of the log-density, their sum, and the gradient by it.
  let term: Storage
  let logDensity: Storage
  let weights: Storage
  /// Where the gradients of each network go: those by parameters, and the sums by piece.
  let targets: [NetworkGradient]
  let sums: [PieceSums?]
  let locationGradient: UnsafeMutableRawPointer?
  let scaleGradient: UnsafeMutableRawPointer?
  let loss: UnsafeMutablePointer<Double>
}
