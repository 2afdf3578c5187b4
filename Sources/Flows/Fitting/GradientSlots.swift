internal import CFlowKernels

/// The gradient of a loss that is a sum over rows, tile by tile on all workers.
///
/// Tile i adds to slot i mod S, and each slot has a recording and a gradient of its own, so that the
/// result is the same to the last bit for any number of threads. The parameters lie in one block that
/// the recordings watch.
final class GradientSlots<Model: Parameterized> {
  typealias Loss = (Model, [Tensor<Model.Scalar>], Range<Int>) -> Tensor<Model.Scalar>

  let original: Model
  let layout: ParameterLayout
  /// Where the parameters are.
  let parameters: Storage
  private var lanes: [Lane] = []
  private let losses: UnsafeMutablePointer<Double>

  /// One gradient slot with a recording of its own.
  private final class Lane {
    let tape = Tape()
    let model: Model
    let gradient: Storage

    init(_ layout: ParameterLayout, _ model: Model, parameters: Storage) {
      self.model = layout.watchedModel(model, block: parameters, tape: tape)
      gradient = layout.makeBlock()
      tape.defersPieceSums = true
      tape.setMark()
      for (node, shape) in layout.shapes.enumerated() {
        let view = Storage(viewing: gradient, shape: shape, offset: layout.offsets[node])
        tape.setAccumulator(view, for: Int32(node))
      }
    }
  }

  init(_ model: Model) {
    original = model
    layout = ParameterLayout(of: model)
    parameters = layout.block(of: model)
    losses = .allocate(capacity: Tiles.slots)
  }

  deinit {
    for lane in lanes { lane.tape.close() }
    losses.deallocate()
  }

  /// The gradient of a slot, in the layout of the parameters.
  func gradient(_ slot: Int) -> Storage { lanes[slot].gradient }

  /// Where a slot's gradient by the parameter at a place goes; nil for what is not a parameter.
  func addend(for parameter: UnsafeRawPointer, slot: Int) -> UnsafeMutableRawPointer? {
    let offset = parameter - UnsafeRawPointer(parameters.pointer)
    guard offset >= 0, offset < parameters.count * parameters.kind.size else { return nil }
    return gradient(slot).pointer + offset
  }

  /// Makes at least so many slots.
  func makeLanes(_ count: Int) {
    while lanes.count < count { lanes.append(Lane(layout, original, parameters: parameters)) }
  }

  /// Sets the gradient of a slot to zero.
  func clear(_ slot: Int) {
    let gradient = lanes[slot].gradient
    fk_fill(gradient.type, Int64(layout.count), 0, gradient.pointer)
  }

  /// Runs all tiles forward and backward.
  ///
  /// - Parameters:
  ///   - rows: the number of rows.
  ///   - tileRows: rows of a tile.
  ///   - threads: threads to work with.
  ///   - inputs: tensors of so many rows, of which each tile sees its own.
  ///   - inputGradients: where the derivatives by the inputs go; empty where none are wanted.
  ///   - loss: the sum of the losses of a range of rows.
  /// - Returns: how many slots hold a part of the gradient, and the sum of the losses.
  func run(
    rows: Int, tileRows: Int, threads: Int, inputs: [Tensor<Model.Scalar>] = [],
    inputGradients: [Storage] = [], loss: Loss
  ) -> (slots: Int, sum: Double) {
    let slots = Tiles.slots(rows: rows, tileRows: tileRows)
    makeLanes(slots)
    prepareNetworks(threads)
    Workers.run(slots, threads: threads) { slot in
      let lane = lanes[slot]
      clear(slot)
      var sum = 0.0
      for start in stride(from: slot * tileRows, to: rows, by: slots * tileRows) {
        let range = start..<Swift.min(rows, start + tileRows)
        sum += run(lane, range, inputs, inputGradients, loss)
      }
      losses[slot] = sum
    }
    finishPieceSums(slots, threads)
    var total = 0.0
    for slot in 0..<slots { total += losses[slot] }
    return (slots, total)
  }

  /// The networks of the last run, for the weights as they are now: all at once, rather than when the
  /// first tile needs each.
  private func prepareNetworks(_ threads: Int) {
    let networks = lanes[0].tape.pieceSums.map(\.network).filter(\.isOutdated)
    guard Set(networks.map(ObjectIdentifier.init)).count == networks.count else { return }
    Workers.run(networks.count, threads: threads) { networks[$0].prepare() }
  }

  /// The sums of all slots, in their order, become gradients in the first slot that has any.
  private func finishPieceSums(_ slots: Int, _ threads: Int) {
    var parts: [[(tape: Tape, sums: PieceSums)]] = []
    for lane in lanes.prefix(slots) {
      for sums in lane.tape.takeUsedPieceSums() {
        if let place = parts.firstIndex(where: { $0[0].sums.agree(with: sums) }) {
          parts[place].append((lane.tape, sums))
        } else {
          parts.append([(lane.tape, sums)])
        }
      }
    }
    // Networks that share a parameter add to the same gradient, so they take turns.
    let nodes = parts.flatMap { $0[0].sums.parameters.flatMap(\.nodes) }.filter { $0 >= 0 }
    let threads = Set(nodes).count == nodes.count ? threads : 1
    Workers.run(parts.count, threads: threads) { index in
      let (tape, sums) = parts[index][0]
      for part in parts[index].dropFirst() { sums.add(part.sums) }
      sums.finish(on: tape)
    }
  }

  private func run(
    _ lane: Lane, _ range: Range<Int>, _ inputs: [Tensor<Model.Scalar>],
    _ inputGradients: [Storage], _ loss: Loss
  ) -> Double {
    let tape = lane.tape
    let tile =
      inputs.isEmpty
      ? inputs
      : inputs.map { input in
        let storage = input.storage
        return Tensor(
          Storage(
            viewing: storage, shape: storage.shape.replacing(axis: 0, with: range.count),
            offset: range.lowerBound * storage.shape.strides[0],
            tape: inputGradients.isEmpty ? nil : tape))
      }
    let value = tape.recording { loss(lane.model, tile, range) }
    precondition(
      value.count == 1, "a loss is a single scalar; got a tensor of shape \(value.shape)")
    let result = Double(value.scalar)
    if value.storage.activeTape === tape {
      tape.backward(
        from: value.storage.node,
        seed: Storage.filled(value.storage.shape, value.storage.kind, with: 1))
    }
    for (part, target) in zip(tile, inputGradients) {
      let bytes = part.count * part.storage.kind.size
      let place =
        target.pointer + range.lowerBound * part.storage.shape.strides[0] * part.storage.kind.size
      if let gradient = tape.gradient(of: part.storage.node) {
        place.copyMemory(from: gradient.pointer, byteCount: bytes)
      } else {
        fk_fill(target.type, Int64(part.count), 0, place)
      }
    }
    tape.rewind()
    return result
  }
}
