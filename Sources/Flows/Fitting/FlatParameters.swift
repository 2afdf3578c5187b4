internal import CFlowKernels

/// Where each trained tensor of a model lies in one contiguous block.
///
/// Parameters of a model in training live side by side, so that an optimizer step, a moving average
/// or a snapshot is one pass over memory. Each tensor starts on a 64-byte boundary.
struct ParameterLayout: Sendable {
  private(set) var shapes: [Shape] = []
  private(set) var offsets: [Int] = []
  private(set) var count = 0
  let kind: ScalarKind

  init<Model: Parameterized>(of model: Model) {
    kind = Model.Scalar.scalarKind
    var collector = ShapeCollector<Model.Scalar>()
    var copy = model
    copy.visitParameters(&collector)
    let unit = 64 / kind.size
    for shape in collector.shapes {
      shapes.append(shape)
      offsets.append(count)
      count += (shape.count + unit - 1) / unit * unit
    }
  }

  /// A zeroed block of this layout.
  func makeBlock() -> Storage { Storage.zeros(Shape(count), kind) }

  /// The parameters of a model, copied into a new block.
  func block<Model: Parameterized>(of model: Model) -> Storage {
    let block = makeBlock()
    var writer = BlockWriter<Model.Scalar>(layout: self, block: block)
    var copy = model
    copy.visitParameters(&writer)
    return block
  }

  /// The model with its parameters copied out of a block.
  func model<Model: Parameterized>(_ model: Model, from block: Storage) -> Model {
    var reader = BlockReader<Model.Scalar>(layout: self, block: block)
    var copy = model
    copy.visitParameters(&reader)
    return copy
  }

  /// The number of trained scalars.
  var packedCount: Int { shapes.reduce(0) { $0 + $1.count } }

  /// A block without the gaps between its tensors.
  func packed<Scalar>(_ block: Storage) -> Tensor<Scalar> {
    let result = Storage(Shape(packedCount), kind)
    forEachRun { offset, place, bytes in
      (result.pointer + place).copyMemory(from: block.pointer + offset, byteCount: bytes)
    }
    return Tensor(result)
  }

  /// Fills a block from its packed form.
  func unpack<Scalar>(_ packed: Tensor<Scalar>, into block: Storage) {
    forEachRun { offset, place, bytes in
      (block.pointer + offset).copyMemory(from: packed.storage.pointer + place, byteCount: bytes)
    }
  }

  /// For each tensor its place in bytes in a block and in the packed form, and its length.
  private func forEachRun(_ body: (_ offset: Int, _ place: Int, _ bytes: Int) -> Void) {
    var place = 0
    for (shape, offset) in zip(shapes, offsets) {
      body(offset * kind.size, place, shape.count * kind.size)
      place += shape.count * kind.size
    }
  }

  /// The model with its parameters replaced by views of a block.
  func sharedModel<Model: Parameterized>(_ model: Model, block: Storage) -> Model {
    var reader = BlockReader<Model.Scalar>(layout: self, block: block, copies: false)
    var copy = model
    copy.visitParameters(&reader)
    return copy
  }

  /// The model with its parameters replaced by views of a block that a tape watches.
  func watchedModel<Model: Parameterized>(_ model: Model, block: Storage, tape: Tape) -> Model {
    var watcher = BlockWatcher<Model.Scalar>(layout: self, block: block, tape: tape)
    var copy = model
    copy.visitParameters(&watcher)
    return copy
  }
}

private struct ShapeCollector<Scalar: TensorScalar>: ParameterVisitor {
  var shapes: [Shape] = []
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    shapes.append(parameter.storage.shape)
  }
}

private struct BlockWriter<Scalar: TensorScalar>: ParameterVisitor {
  let layout: ParameterLayout
  let block: Storage
  var next = 0
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    let size = layout.kind.size
    (block.pointer + layout.offsets[next] * size).copyMemory(
      from: parameter.storage.pointer, byteCount: parameter.count * size)
    next += 1
  }
}

private struct BlockReader<Scalar: TensorScalar>: ParameterVisitor {
  let layout: ParameterLayout
  let block: Storage
  var copies = true
  var next = 0
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    let view = Storage(viewing: block, shape: layout.shapes[next], offset: layout.offsets[next])
    parameter = Tensor(copies ? view.copied() : view)
    next += 1
  }
}

private struct BlockWatcher<Scalar: TensorScalar>: ParameterVisitor {
  let layout: ParameterLayout
  let block: Storage
  let tape: Tape
  var next = 0
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    parameter = Tensor(
      Storage(
        viewing: block, shape: layout.shapes[next], offset: layout.offsets[next], tape: tape,
        permanent: true))
    next += 1
  }
}
