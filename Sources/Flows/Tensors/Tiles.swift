internal import CFlowKernels

/// How batches are cut.
///
/// These are recorded constants, not read from the machine, so that results do not depend on where
/// they were computed.
package enum Tiles {
  /// Rows of a tile: large batches amortise what a tile costs, small ones must still feed two or more
  /// threads.
  package static func rows(batch: Int) -> Int { batch >= 1_024 ? 256 : 128 }

  /// Rows that are tried within a recording: no fewer than those of a training step's tile.
  private static let triedRows = 256

  /// Gradient slots: tile i adds to slot i mod slots, and slots are summed in order.
  static let slots = 8

  /// The slots that a batch fills.
  static func slots(rows: Int, tileRows: Int) -> Int {
    Swift.min(slots, (rows + tileRows - 1) / tileRows)
  }

  /// Applies a function of rows tile by tile, in parallel.
  ///
  /// `columns` is nil for a result `[rows]`, else the columns of a result `[rows, columns]`.
  static func map<Scalar>(
    _ x: Tensor<Scalar>, _ context: Tensor<Scalar>?, isTiled: Bool, columns: Int?,
    _ body: (Tensor<Scalar>, Tensor<Scalar>?) -> Tensor<Scalar>
  ) -> Tensor<Scalar> {
    guard isTiled, !x.isTracked, !(context?.isTracked ?? false) else { return body(x, context) }
    return map(rows: x.storage.shape[0], columns: columns) { range in
      body(x[rows: range], context?[rows: range])
    }
  }

  /// A tensor `[rows, columns]`, or `[rows]` where `columns` is nil, whose tiles a function fills, in
  /// parallel.
  static func fill<Scalar>(
    rows: Int, columns: Int?, _ body: (Range<Int>, UnsafeMutableRawPointer) -> Void
  ) -> Tensor<Scalar> {
    let kind = Scalar.scalarKind
    let result = Storage(columns.map { Shape(rows, $0) } ?? Shape(rows), kind)
    let (tileRows, rowBytes) = (Tiles.rows(batch: rows), (columns ?? 1) * kind.size)
    Workers.run((rows + tileRows - 1) / tileRows, threads: Workers.count) { index in
      let start = index * tileRows
      body(start..<Swift.min(rows, start + tileRows), result.pointer + start * rowBytes)
    }
    return Tensor(result)
  }

  /// Calls a function for ranges of rows, in parallel, and puts its results together.
  ///
  /// Where the result turns out to be tracked, the batch runs in one piece, since a tape belongs to one
  /// thread; so within a recording the first tile is tried alone.
  static func map<Scalar>(
    rows: Int, columns: Int?, _ body: (Range<Int>) -> Tensor<Scalar>
  ) -> Tensor<Scalar> {
    let isRecording = isRecordingOperations
    let tileRows = isRecording ? triedRows : Tiles.rows(batch: rows)
    let tileCount = (rows + tileRows - 1) / tileRows
    guard tileCount > 1 else { return body(0..<rows) }
    func tile(_ index: Int) -> Tensor<Scalar> {
      body((index * tileRows)..<Swift.min(rows, (index + 1) * tileRows))
    }
    var first: Tensor<Scalar>?
    if isRecording {
      let result = tile(0)
      if result.isTracked { return body(0..<rows) }
      first = result
    }
    let kind = Scalar.scalarKind
    let result = Storage(columns.map { Shape(rows, $0) } ?? Shape(rows), kind)
    let rowBytes = (columns ?? 1) * kind.size
    func put(_ part: Tensor<Scalar>, _ index: Int) {
      (result.pointer + index * tileRows * rowBytes).copyMemory(
        from: part.storage.pointer, byteCount: part.count * kind.size)
    }
    var done = 0
    if let first {
      put(first, 0)
      done = 1
    }
    Workers.run(tileCount - done, threads: Workers.count) { put(tile($0 + done), $0 + done) }
    return Tensor(result)
  }
}
