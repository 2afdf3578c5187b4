/// The rows of a `.npy` file in shuffled batches, without reading the file whole.
///
/// Each pass shuffles the file's blocks of neighbouring rows, reads a window of several blocks and
/// shuffles its rows. Which rows a step sees is a function of seed and step. Memory holds a window,
/// three times while it is read.
public final class NumPyRowStream<Scalar: TensorScalar>: BatchStream, @unchecked Sendable {
  /// Rows of a batch.
  public let batchSize: Int
  /// Rows of the file.
  public let rowCount: Int
  /// Columns of the file.
  public let dimension: Int
  /// Size, shape and path of the file, and the order of its rows.
  public let identity: String

  private let file: RandomAccessFile
  private let header: NumPyHeader
  private let start: Int
  private let generator: PhiloxGenerator
  private let lock = Lock()
  private var window: (key: WindowKey, rows: Tensor<Scalar>)?
  /// Blocks of one window: enough for a batch.
  private let blocksPerWindow: Int
  // The last block of the file may be short; it is kept last, so that every pass has the same number
  // of batches.
  private let batchesOfWindows: [Int]

  private struct WindowKey: Equatable {
    let pass: Int
    let index: Int
  }

  /// Rows that lie side by side in the file, and blocks that are in memory at the same time.
  private static var blockRows: Int { 1_024 }
  private static var windowBlocks: Int { 32 }

  /// A stream of the rows of a file.
  ///
  /// - Parameters:
  ///   - path: a `.npy` file of shape `[rows, columns]` in row-major order.
  ///   - batchSize: rows of a batch; a last, smaller batch of a window is left out in that pass,
  ///     except where a file has no other.
  ///   - seed: of the order of the rows.
  /// - Throws: ``FlowsError`` for a file that cannot be read, is malformed or is no such table.
  public init(_ path: String, batchSize: Int = 512, seed: UInt64 = 0) throws {
    precondition(batchSize > 0, "a batch has at least one row; got \(batchSize)")
    file = try RandomAccessFile(path)
    let file = file
    (header, start) = try namingFile(path) {
      let (header, start) = try NumPyHeader.read(
        try file.read(0..<Swift.min(file.count, 1 << 20))[...])
      guard header.shape.count == 2, header.shape[0] > 0, header.shape[1] > 0 else {
        throw FlowsError(.invalidData, "expected rows and columns, found the shape \(header.shape)")
      }
      guard !header.columnMajor else {
        throw FlowsError(.unsupported, "rows can be streamed only from a file in row-major order")
      }
      guard header.elementType.byteCount(shape: header.shape) == file.count - start else {
        throw FlowsError(
          .malformedFile,
          "the shape \(header.shape) does not fit \(counted(file.count - start, "byte")) of data")
      }
      return (header, start)
    }
    rowCount = header.shape[0]
    dimension = header.shape[1]
    self.batchSize = Swift.min(batchSize, rowCount)
    generator = PhiloxGenerator(seed: seed, stream: 0x57e4)
    blocksPerWindow = Swift.max(
      Self.windowBlocks, (self.batchSize + Self.blockRows - 1) / Self.blockRows + 1)
    let windowRows = blocksPerWindow * Self.blockRows
    let (rowCount, size) = (rowCount, self.batchSize)
    // A short last window would leave the same rows out in every pass, so it joins the one before.
    let isLong = rowCount % windowRows >= Swift.max(size, windowRows / 2)
    let windows = Swift.max(1, rowCount / windowRows + (isLong ? 1 : 0))
    batchesOfWindows = (0..<windows).map { index in
      let end = index + 1 == windows ? rowCount : (index + 1) * windowRows
      return (end - index * windowRows) / size
    }
    identity =
      "\(path), \(header.elementType) \(header.shape), modified \(file.modificationTime), "
      + "batches of \(self.batchSize), seed \(seed)"
  }

  /// The batch of a step.
  public func batch(at step: Int) throws -> Batch<Scalar> {
    let perPass = batchesOfWindows.reduce(0, +)
    let pass = step / perPass
    var place = step % perPass
    var index = 0
    while place >= batchesOfWindows[index] {
      place -= batchesOfWindows[index]
      index += 1
    }
    let rows = try lock.held { try windowRows(WindowKey(pass: pass, index: index)) }
    return Batch(data: rows[rows: place * batchSize..<(place + 1) * batchSize])
  }

  private var blockCount: Int { (rowCount + Self.blockRows - 1) / Self.blockRows }

  private func windowRows(_ key: WindowKey) throws -> Tensor<Scalar> {
    if let window, window.key == key { return window.rows }
    window = nil
    var own = generator.forked(UInt64(key.pass))
    let full = rowCount / Self.blockRows
    let order = Array(0..<full).shuffled(portably: &own) + (full < blockCount ? [full] : [])
    let first = key.index * blocksPerWindow
    let isLast = key.index + 1 == batchesOfWindows.count
    let blocks = order[first..<(isLast ? order.count : first + blocksPerWindow)]
    let rowBytes = header.elementType.byteCount * dimension
    var scalars: [Scalar] = []
    for block in blocks {
      let rows = block * Self.blockRows..<Swift.min(rowCount, (block + 1) * Self.blockRows)
      let bytes = try file.read(
        start + rows.lowerBound * rowBytes..<start + rows.upperBound * rowBytes)
      scalars += header.elementType.decode(bytes[...], bigEndian: header.bigEndian, as: Scalar.self)
    }
    let count = scalars.count / dimension
    var inner = own.forked(UInt64(key.index))
    let rows = Tensor(shape: [count, dimension], scalars: scalars)
      .rows(Array(0..<count).shuffled(portably: &inner))
    window = (key, rows)
    return rows
  }
}
