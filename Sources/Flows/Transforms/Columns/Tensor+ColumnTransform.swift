internal import CFlowKernels

/// Rows that are worked on at a time, column by column: what a row needs stays in cache.
enum ColumnTile {
  static let rows = 256

  /// Lanes of a column of so many rows.
  static func stride(_ rows: Int) -> Int { (rows + 15) / 16 * 16 }

  /// Calls a function for ranges of rows.
  static func forEach(rows: Int, _ body: (Range<Int>) -> Void) {
    var start = 0
    while start < rows {
      body(start..<Swift.min(rows, start + ColumnTile.rows))
      start += ColumnTile.rows
    }
  }
}

/// Scratch memory for columns of a tile, given back at the end of a scope.
struct ColumnScratch: ~Copyable {
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int
  private let columnBytes: Int

  /// Room for so many columns of `stride` scalars.
  init(columns: Int, stride: Int, _ kind: ScalarKind) {
    columnBytes = stride * kind.size
    bytes = Swift.max(1, columns * columnBytes)
    memory = fk_allocate(bytes)
  }

  deinit { fk_deallocate(memory, bytes) }

  /// Where a column begins.
  subscript(_ column: Int) -> UnsafeMutableRawPointer { memory + column * columnBytes }
}

/// Increasing maps of some columns with given parameters, with their log-determinant, as one recorded
/// operation.
///
/// - Parameters:
///   - x: `[rows, dimension]`; columns that are not named pass through.
///   - columns: the columns that are mapped.
///   - parameters: `[rows, Σ parameters]`, those of the first column first.
///   - transforms: the map of each column.
///   - direction: toward data or toward latent.
func columnTransform<Scalar>(
  _ x: Tensor<Scalar>, columns: IndexList, parameters: Tensor<Scalar>,
  _ transforms: ColumnTransforms, _ direction: CouplingDirection
) -> Transformed<Scalar> {
  let (input, theta) = (x.storage, parameters.storage)
  let (rows, dimension) = input.shape.matrix("the rows of a transform")
  let (parameterRows, width) = theta.shape.matrix("the parameters of a transform")
  precondition(
    parameterRows == rows && width == transforms.parameterCount,
    "the transform of \(columns.count) columns takes parameters of the shape "
      + "[\(rows), \(transforms.parameterCount)]; got \(parameters.shape)")
  let (tapeX, tapeTheta) = (input.activeTape, theta.activeTape)
  let tape = Tape.recording(tapeX, tapeTheta)
  let value = Storage(input.shape, input.kind, tape: tape)
  let logDet = Storage(Shape(rows), input.kind, tape: tape)
  let pass = ColumnPass(
    kind: input.kind, dimension: dimension, columns: columns, transforms: transforms,
    toData: direction == .toData)
  pass.forward(
    rows: rows, input.pointer, theta.pointer, value: value.pointer, logDet: logDet.pointer)
  guard let tape else { return Transformed(value: Tensor(value), logDet: Tensor(logDet)) }
  let (tracksX, tracksTheta) = (tapeX === tape, tapeTheta === tape)
  tape.record { tape in
    let gv = tape.takeGradient(of: value.node)
    let gl = tape.takeGradient(of: logDet.node)
    guard gv != nil || gl != nil else { return }
    let gx = Storage(input.shape, input.kind)
    let gTheta = Storage(theta.shape, theta.kind)
    pass.backward(
      rows: rows, input.pointer, theta.pointer, value: value.pointer, gv: gv?.pointer,
      gl: gl?.pointer, gx: gx.pointer, gTheta: gTheta.pointer)
    if tracksX { tape.add(gx, to: input.node) }
    if tracksTheta { tape.add(gTheta, to: theta.node) }
  }
  return Transformed(value: Tensor(value), logDet: Tensor(logDet))
}

/// The kernel calls of increasing maps on rows and row-major parameters.
private struct ColumnPass {
  let kind: ScalarKind
  let dimension: Int
  let columns: IndexList
  let transforms: ColumnTransforms
  let toData: Bool

  private var type: fk_type { kind.kernelType }

  /// Columns of rows in the order of `indices`.
  private func take(
    _ rows: Range<Int>, of matrix: UnsafeRawPointer, _ width: Int, _ indices: IndexList?,
    stride: Int, into columns: UnsafeMutableRawPointer
  ) {
    fk_to_columns(
      type, Int64(rows.count), Int64(width), Int64(indices?.count ?? width), indices?.pointer,
      matrix + rows.lowerBound * width * kind.size, Int64(stride), columns)
  }

  private func put(
    _ columns: UnsafeRawPointer, stride: Int, _ rows: Range<Int>,
    into matrix: UnsafeMutableRawPointer, _ width: Int, _ indices: IndexList?
  ) {
    fk_to_rows(
      type, Int64(rows.count), Int64(width), Int64(indices?.count ?? width), indices?.pointer,
      columns, Int64(stride), matrix + rows.lowerBound * width * kind.size)
  }

  func forward(
    rows: Int, _ x: UnsafeRawPointer, _ theta: UnsafeRawPointer, value: UnsafeMutableRawPointer,
    logDet: UnsafeMutableRawPointer
  ) {
    let (count, width) = (columns.count, transforms.parameterCount)
    if count < dimension { value.copyMemory(from: x, byteCount: rows * dimension * kind.size) }
    ColumnTile.forEach(rows: rows) { range in
      let stride = ColumnTile.stride(range.count)
      let scratch = ColumnScratch(columns: 2 * count + width + 1, stride: stride, kind)
      let (xs, ys, thetas, total) = (0, count, 2 * count, 2 * count + width)
      take(range, of: x, dimension, columns, stride: stride, into: scratch[xs])
      take(range, of: theta, width, nil, stride: stride, into: scratch[thetas])
      fk_fill(type, Int64(stride), 0, scratch[total])
      for column in 0..<count {
        var map = transforms.maps[column]
        fk_map(
          type, &map, toData, Int64(stride), scratch[xs + column],
          scratch[thetas + transforms.starts[column]], scratch[ys + column], scratch[total])
      }
      put(scratch[ys], stride: stride, range, into: value, dimension, columns)
      (logDet + range.lowerBound * kind.size).copyMemory(
        from: scratch[total], byteCount: range.count * kind.size)
    }
  }

  func backward(
    rows: Int, _ x: UnsafeRawPointer, _ theta: UnsafeRawPointer, value: UnsafeRawPointer,
    gv: UnsafeRawPointer?, gl: UnsafeRawPointer?, gx: UnsafeMutableRawPointer,
    gTheta: UnsafeMutableRawPointer
  ) {
    let (count, width) = (columns.count, transforms.parameterCount)
    if let gv {
      gx.copyMemory(from: gv, byteCount: rows * dimension * kind.size)
    } else {
      fk_fill(type, Int64(rows * dimension), 0, gx)
    }
    ColumnTile.forEach(rows: rows) { range in
      let stride = ColumnTile.stride(range.count)
      let scratch = ColumnScratch(columns: 4 * count + 2 * width + 1, stride: stride, kind)
      let (xs, ys, gys, gxs) = (0, count, 2 * count, 3 * count)
      let (thetas, gThetas, gLog) = (4 * count, 4 * count + width, 4 * count + 2 * width)
      take(range, of: x, dimension, columns, stride: stride, into: scratch[xs])
      take(range, of: value, dimension, columns, stride: stride, into: scratch[ys])
      if let gv { take(range, of: gv, dimension, columns, stride: stride, into: scratch[gys]) }
      take(range, of: theta, width, nil, stride: stride, into: scratch[thetas])
      if let gl { take(range, of: gl, 1, nil, stride: stride, into: scratch[gLog]) }
      for column in 0..<count {
        var map = transforms.maps[column]
        let start = transforms.starts[column]
        fk_map_backward(
          type, &map, toData, Int64(stride), scratch[xs + column], scratch[ys + column],
          scratch[thetas + start], gv == nil ? nil : scratch[gys + column],
          gl == nil ? nil : scratch[gLog], scratch[gxs + column], scratch[gThetas + start])
      }
      put(scratch[gxs], stride: stride, range, into: gx, dimension, columns)
      put(scratch[gThetas], stride: stride, range, into: gTheta, width, nil)
    }
  }
}
