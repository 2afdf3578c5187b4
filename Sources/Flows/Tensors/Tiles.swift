internal import CFlowKernels

/// How batches are cut.
///
/// These are recorded constants, not read from the machine, so that results do not depend on where
/// they were computed.
package enum Tiles {
  /// Rows of a tile in evaluation.
  package static let evaluationRows = 256

  /// Rows of a tile in training: large batches amortise the tape, small ones must still feed two
  /// or more threads.
  static func trainingRows(batch: Int) -> Int { batch >= 1_024 ? 256 : 128 }

  /// Gradient slots: tile i adds to slot i mod slots, and slots are summed in order.
  static let slots = 8

  /// Applies a function of rows tile by tile, in parallel.
  ///
  /// `columns` is nil for a result `[rows]`, else the columns of a result `[rows, columns]`. Where
  /// the result turns out to be tracked, the batch runs in one piece, since a tape belongs to one
  /// thread.
  static func map<Scalar>(
    _ x: Tensor<Scalar>, _ context: Tensor<Scalar>?, isTiled: Bool, columns: Int?,
    _ body: (Tensor<Scalar>, Tensor<Scalar>?) -> Tensor<Scalar>
  ) -> Tensor<Scalar> {
    let rows = x.storage.shape[0]
    let tileCount = (rows + evaluationRows - 1) / evaluationRows
    guard isTiled, tileCount > 1, !x.isTracked, !(context?.isTracked ?? false) else {
      return body(x, context)
    }
    func tile(_ index: Int) -> Tensor<Scalar> {
      let range = (index * evaluationRows)..<Swift.min(rows, (index + 1) * evaluationRows)
      return body(x[rows: range], context?[rows: range])
    }
    let first = tile(0)
    if first.isTracked { return body(x, context) }
    let shape = columns.map { Shape(rows, $0) } ?? Shape(rows)
    let result = Storage(shape, x.storage.kind)
    let rowBytes = (columns ?? 1) * x.storage.kind.size
    func put(_ part: Tensor<Scalar>, _ index: Int) {
      (result.pointer + index * evaluationRows * rowBytes).copyMemory(
        from: part.storage.pointer, byteCount: part.count * part.storage.kind.size)
    }
    put(first, 0)
    Workers.run(tileCount - 1, threads: Workers.count) { put(tile($0 + 1), $0 + 1) }
    return Tensor(result)
  }
}
