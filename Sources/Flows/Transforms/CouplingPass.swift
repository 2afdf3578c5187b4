internal import CFlowKernels

/// The kernel calls of an affine or additive coupling, forward and backward, on given memory.
///
/// The first network gives raw log-scales, and shifts beside them where it is the only one; the
/// second gives shifts. An additive coupling has one network, of shifts. A pass is pointers and numbers;
/// who makes it keeps networks and columns alive.
struct CouplingPass {
  let kind: ScalarKind
  let scale: fk_scale
  let bound: Double
  let direction: CouplingDirection
  let dimension: Int
  let contextDimension: Int
  let passed: ColumnList
  let transformed: ColumnList
  let first: NetworkView
  let second: NetworkView?

  /// Indices of columns.
  struct ColumnList {
    let count: Int
    let pointer: UnsafePointer<Int64>

    init(_ list: IndexList) {
      count = list.count
      pointer = list.pointer
    }
  }

  /// - Precondition: the networks take the passed columns with the context, and give one number, or as
  ///   the only one of an affine coupling two, for each transformed column.
  init(
    kind: ScalarKind, scale: fk_scale, bound: Double, direction: CouplingDirection,
    dimension: Int, contextDimension: Int, columns: CouplingColumns, first: PreparedNetwork,
    second: PreparedNetwork?
  ) {
    let (inputs, count) = (columns.passed.count + contextDimension, columns.transformed.count)
    let outputs = second == nil && scale != FK_SCALE_NONE ? 2 * count : count
    precondition(
      first.inputs == inputs && (second?.inputs ?? inputs) == inputs,
      "the networks of this coupling take \(inputs) columns; they have \(first.inputs) and "
        + "\(second?.inputs ?? first.inputs) inputs")
    precondition(
      first.outputs == outputs && (second?.outputs ?? count) == count,
      "the networks of this coupling give \(outputs) columns; they have \(first.outputs) and "
        + "\(second?.outputs ?? first.outputs) outputs")
    self.kind = kind
    self.scale = scale
    self.bound = bound
    self.direction = direction
    self.dimension = dimension
    self.contextDimension = contextDimension
    passed = ColumnList(columns.passed)
    transformed = ColumnList(columns.transformed)
    self.first = first.view
    self.second = second?.view
  }

  private var seenColumns: Int { passed.count + contextDimension }
  private var isAdditive: Bool { scale == FK_SCALE_NONE }
  private var type: fk_type { kind.kernelType }

  /// Where the parts of a workspace start, in bytes.
  private struct Layout {
    var seen = 0, first = 0, second = 0, firstSaved = 0, secondSaved = 0, end = 0
  }

  private func layout(rows: Int, keeps: Bool) -> Layout {
    var result = Layout()
    var place = 0
    func take(_ bytes: Int) -> Int {
      defer { place += (bytes + 63) / 64 * 64 }
      return place
    }
    result.seen = take(rows * seenColumns * kind.size)
    result.first = take(rows * first.outputs * kind.size)
    result.firstSaved = keeps ? take(first.savedBytes(rows: rows)) : place
    if let second {
      result.second = take(rows * second.outputs * kind.size)
      result.secondSaved = keeps ? take(second.savedBytes(rows: rows)) : place
    }
    result.end = place
    return result
  }

  /// Memory that the forward pass works in; it keeps there what a backward pass needs, if one follows.
  func workspaceBytes(rows: Int, keeps: Bool = true) -> Int {
    layout(rows: rows, keeps: keeps).end
  }

  /// The places of raw log-scales and shifts, in the networks' outputs or in their gradients.
  private func parts(_ first: UnsafeMutableRawPointer, _ second: UnsafeMutableRawPointer)
    -> (raw: UnsafeMutableRawPointer, shift: UnsafeMutableRawPointer, stride: Int64)
  {
    let count = transformed.count
    if isAdditive { return (first, first, Int64(count)) }
    if self.second != nil { return (first, second, Int64(count)) }
    return (first, first + count * kind.size, Int64(2 * count))
  }

  func forward(
    rows: Int, _ x: UnsafeRawPointer, context: UnsafeRawPointer?,
    workspace: UnsafeMutableRawPointer, keeps: Bool = true, value: UnsafeMutableRawPointer,
    logDet: UnsafeMutableRawPointer
  ) {
    let places = layout(rows: rows, keeps: keeps)
    let seen = workspace + places.seen
    fk_take_columns(
      type, Int64(rows), Int64(passed.count), Int64(dimension), passed.pointer, x,
      Int64(seenColumns), seen)
    if let context {
      fk_take_columns(
        type, Int64(rows), Int64(contextDimension), Int64(contextDimension), nil, context,
        Int64(seenColumns), seen + passed.count * kind.size)
    }
    first.forward(
      rows: rows, seen, saved: keeps ? workspace + places.firstSaved : nil,
      y: workspace + places.first)
    second?.forward(
      rows: rows, seen, saved: keeps ? workspace + places.secondSaved : nil,
      y: workspace + places.second)
    let (raw, shift, stride) = parts(workspace + places.first, workspace + places.second)
    fk_coupling(
      type, direction == .toData, scale, bound, Int64(rows), Int64(dimension),
      Int64(transformed.count), transformed.pointer, x, raw, stride, shift, stride, value, logDet)
  }

  /// - Parameters:
  ///   - workspace: what the forward pass left.
  ///   - value: its result.
  ///   - gv: the gradient by the value; nil for zero.
  ///   - gl: the gradient by the log-determinant; nil for zero.
  ///   - gx: becomes the gradient by x, where it is wanted.
  ///   - gContext: becomes the gradient by the context, where it is wanted.
  ///   - firstGradient: where that of the first network's parameters is added, if anywhere.
  ///   - secondGradient: the same of the second.
  func backward(
    rows: Int, _ x: UnsafeRawPointer, workspace: UnsafeRawPointer, value: UnsafeRawPointer,
    gv: UnsafeRawPointer?, gl: UnsafeRawPointer?, gx: UnsafeMutableRawPointer?,
    gContext: UnsafeMutableRawPointer?, firstGradient: NetworkGradient?,
    secondGradient: NetworkGradient?
  ) {
    let places = layout(rows: rows, keeps: true)
    let seenBytes = rows * seenColumns * kind.size
    let firstBytes = rows * first.outputs * kind.size
    let secondBytes = rows * (second?.outputs ?? 0) * kind.size
    let xBytes = gx == nil ? rows * dimension * kind.size : 0
    let bytes = 2 * seenBytes + firstBytes + secondBytes + xBytes + 1
    guard let scratch = fk_allocate(bytes) else { preconditionFailure("there is memory or an end") }
    defer { fk_deallocate(scratch, bytes) }
    let (gSeen, gSeenSecond) = (scratch, scratch + seenBytes)
    let (gFirst, gSecond) = (scratch + 2 * seenBytes, scratch + 2 * seenBytes + firstBytes)
    let gX = gx ?? scratch + (bytes - 1 - xBytes)
    let outputs = UnsafeMutableRawPointer(mutating: workspace)
    let (raw, _, stride) = parts(outputs + places.first, outputs + places.second)
    let (gRaw, gShift, _) = parts(gFirst, gSecond)
    fk_coupling_backward(
      type, direction == .toData, scale, bound, Int64(rows), Int64(dimension),
      Int64(transformed.count), transformed.pointer, x, raw, stride, value, gv, gl, gX, gRaw,
      gShift, stride)
    let seen = workspace + places.seen
    let needsSeen = gx != nil || gContext != nil
    first.backward(
      rows: rows, seen, saved: workspace + places.firstSaved, g: gFirst,
      gx: needsSeen ? gSeen : nil,
      target: firstGradient)
    if let second {
      second.backward(
        rows: rows, seen, saved: workspace + places.secondSaved, g: gSecond,
        gx: needsSeen ? gSeenSecond : nil, target: secondGradient)
      if needsSeen { fk_add_scaled(type, Int64(rows * seenColumns), 1, gSeenSecond, gSeen) }
    }
    if let gx {
      fk_add_columns(
        type, Int64(rows), Int64(passed.count), Int64(seenColumns), gSeen, Int64(dimension),
        passed.pointer, gx)
    }
    if let gContext {
      fk_take_columns(
        type, Int64(rows), Int64(contextDimension), Int64(seenColumns), nil,
        gSeen + passed.count * kind.size, Int64(contextDimension), gContext)
    }
  }
}

/// A network of a coupling, with what a recording needs of it.
struct CouplingNetwork<Scalar: TensorScalar> {
  let prepared: PreparedNetwork
  let layers: [Linear<Scalar>]

  /// Nil where the network has no prepared form.
  init?(_ network: MLP<Scalar>) {
    guard let prepared = network.prepared else { return nil }
    self.prepared = prepared
    layers = network.layers
  }
}

/// A coupling as one recorded operation.
///
/// - Parameters:
///   - x: `[rows, dimension]`.
///   - context: `[rows, contextDimension]`, for a coupling that takes one.
///   - pass: what the kernels do.
///   - networks: the first one of the pass with its layers, and the second where there is one.
///   - columns: those of the pass.
func coupling<Scalar>(
  _ x: Tensor<Scalar>, _ context: Tensor<Scalar>?, _ pass: CouplingPass,
  _ networks: (first: CouplingNetwork<Scalar>, second: CouplingNetwork<Scalar>?),
  _ columns: CouplingColumns
) -> Transformed<Scalar> {
  let (input, extra) = (x.storage, context?.storage)
  let rows = input.shape[0]
  let (tapeX, tapeContext) = (input.activeTape, extra?.activeTape)
  let tapeFirst = recordingTape(networks.first.layers)
  let tapeSecond = networks.second.flatMap { recordingTape($0.layers) }
  let tape = Tape.recording(
    Tape.recording(tapeX, tapeContext), Tape.recording(tapeFirst, tapeSecond))
  let value = Storage(input.shape, input.kind, tape: tape)
  let logDet = Storage(Shape(rows), input.kind, tape: tape)
  let keeps = tape != nil
  let bytes = pass.workspaceBytes(rows: rows, keeps: keeps)
  let workspace = Storage(Shape((bytes + 7) / 8), .float64)
  withExtendedLifetime((networks, columns)) {
    pass.forward(
      rows: rows, input.pointer, context: extra?.pointer, workspace: workspace.pointer,
      keeps: keeps, value: value.pointer, logDet: logDet.pointer)
  }
  guard let tape else { return Transformed(value: Tensor(value), logDet: Tensor(logDet)) }
  let (tracksX, tracksContext) = (tapeX === tape, tapeContext === tape)
  tape.record { tape in
    let gv = tape.takeGradient(of: value.node)
    let gl = tape.takeGradient(of: logDet.node)
    guard gv != nil || gl != nil else { return }
    let gx = Storage(input.shape, input.kind)
    let gContext = tracksContext ? extra.map { Storage($0.shape, $0.kind) } : nil
    tape.runBackward(networks.first.prepared, networks.first.layers) { first in
      func run(_ second: NetworkGradient?) {
        pass.backward(
          rows: rows, input.pointer, workspace: workspace.pointer, value: value.pointer,
          gv: gv?.pointer, gl: gl?.pointer, gx: gx.pointer, gContext: gContext?.pointer,
          firstGradient: first, secondGradient: second)
      }
      guard let second = networks.second else { return run(nil) }
      tape.runBackward(second.prepared, second.layers, run)
    }
    withExtendedLifetime(columns) {}
    if tracksX { tape.add(gx, to: input.node) }
    if let gContext, let extra { tape.add(gContext, to: extra.node) }
  }
  return Transformed(value: Tensor(value), logDet: Tensor(logDet))
}
