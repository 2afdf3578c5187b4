internal import CFlowKernels

/// A masked network in the form that kernels read, with what they make once for given weights.
final class PreparedStaircase: PreparedForm, @unchecked Sendable {
  private let network: UnsafeMutablePointer<fk_staircase>
  private let prepared: UnsafeMutableRawPointer
  private let preparedBytes: Int
  private let extents: [IndexList]
  let memories: LayerMemories
  let kind: ScalarKind
  let widths: [Int]

  /// False where the activation has no fused kernel, or there are more layers than kernels take.
  static func takes(layers: Int, _ activation: Activation) -> Bool {
    activation.fused != nil && layers <= Int(FK_MAX_LAYERS)
  }

  /// Nil where kernels do not take such layers.
  init?<Scalar>(_ layers: [Linear<Scalar>], extents: [IndexList], activation: Activation) {
    guard let (code, slope) = activation.fused, Self.takes(layers: layers.count, activation) else {
      return nil
    }
    kind = Scalar.scalarKind
    self.extents = extents
    memories = LayerMemories(layers)
    let widths =
      layers.map { $0.weight.storage.shape[0] }
      + layers.suffix(1).map { $0.weight.storage.shape[1] }
    self.widths = widths
    network = .allocate(capacity: 1)
    network.initialize(to: fk_staircase())
    network.pointee.network.layers = Int64(layers.count)
    network.pointee.network.activation = code
    network.pointee.network.slope = slope
    func fill<Element>(_ slots: UnsafeMutableRawBufferPointer, _ values: [Element]) {
      let bound = slots.bindMemory(to: Element.self)
      for (index, value) in values.enumerated() { bound[index] = value }
    }
    withUnsafeMutableBytes(of: &network.pointee.network.widths) { fill($0, widths.map(Int64.init)) }
    withUnsafeMutableBytes(of: &network.pointee.network.weights) { slots in
      fill(slots, layers.map { Optional(UnsafeRawPointer($0.weight.storage.pointer)) })
    }
    withUnsafeMutableBytes(of: &network.pointee.network.biases) { slots in
      fill(slots, layers.map { ($0.bias?.storage.pointer).map { UnsafeRawPointer($0) } })
    }
    withUnsafeMutableBytes(of: &network.pointee.extents) { slots in
      fill(slots, extents.map { Optional($0.pointer) })
    }
    preparedBytes = Swift.max(1, Int(fk_staircase_prepared_count(network)) * kind.size)
    prepared = fk_allocate(preparedBytes)
    prepare()
  }

  deinit {
    fk_deallocate(prepared, preparedBytes)
    network.deallocate()
  }

  /// Makes anew what depends on the weights, which have changed in place.
  func prepare() {
    memories.note()
    fk_staircase_prepare(kind.kernelType, network, prepared)
  }

  /// Scalars that a forward pass of `stride` lanes keeps for the way back.
  func savedCount(stride: Int) -> Int { Int(fk_staircase_saved_count(network, Int64(stride))) }

  /// y `[outputs, stride]` of x `[inputs, stride]`.
  func forward(
    stride: Int, _ x: UnsafeRawPointer, saved: UnsafeMutableRawPointer, y: UnsafeMutableRawPointer
  ) {
    fk_staircase_forward(kind.kernelType, network, prepared, Int64(stride), x, saved, y)
  }

  /// The gradient by x, where it is wanted, and that by the parameters, added to `target`.
  func backward(
    stride: Int, _ x: UnsafeRawPointer, saved: UnsafeRawPointer, g: UnsafeRawPointer,
    gx: UnsafeMutableRawPointer?, target: fk_network_gradient?
  ) {
    if var target {
      fk_staircase_backward(
        kind.kernelType, network, prepared, Int64(stride), x, saved, g, gx, &target)
    } else {
      fk_staircase_backward(kind.kernelType, network, prepared, Int64(stride), x, saved, g, gx, nil)
    }
  }

  /// Some units of a layer, from all units before it that they see.
  func units(
    stride: Int, layer: Int, _ range: Range<Int>, input: UnsafeRawPointer,
    output: UnsafeMutableRawPointer
  ) {
    guard !range.isEmpty else { return }
    fk_staircase_units(
      kind.kernelType, network, prepared, Int64(stride), Int64(layer), Int64(range.lowerBound),
      Int64(range.upperBound), input, output)
  }
}

/// A masked network as one recorded operation: x `[rows, inputs]` → `[rows, outputs]`.
func staircasePass<Scalar>(
  _ x: Tensor<Scalar>, _ network: PreparedStaircase, _ layers: [Linear<Scalar>]
) -> Tensor<Scalar> {
  let input = x.storage
  let (rows, columns) = input.shape.matrix("the input of a network")
  let (inputs, outputs) = (network.widths[0], network.widths[network.widths.count - 1])
  precondition(
    columns == inputs, "the network takes rows of \(inputs) columns; got the shape \(x.shape)")
  let kind = input.kind
  let tapeX = input.activeTape
  let tape = Tape.recording(tapeX, recordingTape(layers))
  let y = Storage(Shape(rows, outputs), kind, tape: tape)
  let most = ColumnTile.stride(Swift.min(rows, ColumnTile.rows))
  let savedCount = network.savedCount(stride: most)
  let tiles = tape == nil ? 1 : (rows + ColumnTile.rows - 1) / ColumnTile.rows
  let saved = Storage(Shape(tiles * savedCount), kind)
  func kept(_ range: Range<Int>) -> UnsafeMutableRawPointer {
    saved.pointer + (tape == nil ? 0 : range.lowerBound / ColumnTile.rows * savedCount * kind.size)
  }
  ColumnTile.forEach(rows: rows) { range in
    let stride = ColumnTile.stride(range.count)
    let scratch = ColumnScratch(columns: inputs + outputs, stride: stride, kind)
    fk_to_columns(
      input.type, Int64(range.count), Int64(inputs), Int64(inputs), nil,
      input.pointer + range.lowerBound * inputs * kind.size, Int64(stride), scratch[0])
    network.forward(stride: stride, scratch[0], saved: kept(range), y: scratch[inputs])
    fk_to_rows(
      input.type, Int64(range.count), Int64(outputs), Int64(outputs), nil, scratch[inputs],
      Int64(stride), y.pointer + range.lowerBound * outputs * kind.size)
  }
  guard let tape else { return Tensor(y) }
  let tracksX = tapeX === tape
  tape.record { tape in
    guard let g = tape.takeGradient(of: y.node) else { return }
    let gx = tracksX ? Storage(input.shape, kind) : nil
    let target = tape.gradients(of: layers.map(LayerParameters.init))
    ColumnTile.forEach(rows: rows) { range in
      let stride = ColumnTile.stride(range.count)
      let scratch = ColumnScratch(columns: 2 * inputs + outputs, stride: stride, kind)
      fk_to_columns(
        input.type, Int64(range.count), Int64(inputs), Int64(inputs), nil,
        input.pointer + range.lowerBound * inputs * kind.size, Int64(stride), scratch[0])
      fk_to_columns(
        input.type, Int64(range.count), Int64(outputs), Int64(outputs), nil,
        g.pointer + range.lowerBound * outputs * kind.size, Int64(stride), scratch[2 * inputs])
      network.backward(
        stride: stride, scratch[0], saved: kept(range), g: scratch[2 * inputs],
        gx: gx == nil ? nil : scratch[inputs], target: target)
      if let gx {
        fk_to_rows(
          input.type, Int64(range.count), Int64(inputs), Int64(inputs), nil, scratch[inputs],
          Int64(stride), gx.pointer + range.lowerBound * inputs * kind.size)
      }
    }
    if let gx { tape.add(gx, to: input.node) }
  }
  return Tensor(y)
}
