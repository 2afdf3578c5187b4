internal import CFlowKernels

/// The rows of a training step, which workers ask for tile by tile.
struct StepRows<Scalar: TensorScalar>: Sendable {
  let count: Int
  /// The sum of the weights; nil where rows count alike.
  let totalWeight: Double?
  /// What the mean loss in the data's units exceeds the one in standard units by, beside what is the
  /// same in every row.
  let offset: Double
  /// A tile: rows, context, weights.
  let tile: @Sendable (Range<Int>) -> Batch<Scalar>
}

/// Where the rows of a fit come from, in the units in which the density is trained.
protocol FitRows<Scalar> {
  associatedtype Scalar: TensorScalar

  /// A text that changes when the rows do.
  var identity: String { get }

  /// The rows of a step.
  func rows(at step: Int) throws -> StepRows<Scalar>
}

/// Rows in memory, standardised once.
struct TableRows<Scalar: TensorScalar>: FitRows {
  let identity: String
  let order: RowOrder
  let table: Batch<Scalar>
  /// For each row, as ``Units/offsets(of:)``.
  let offsets: Tensor<Scalar>?

  func rows(at step: Int) -> StepRows<Scalar> {
    let chosen = ChosenRows(order.batch(of: step))
    let (count, table) = (order.batchRows, table)
    let weights = table.weights?.gatheringRows(chosen, 0..<count)
    return StepRows(
      count: count, totalWeight: weights.map { Double($0.sum().scalar) },
      offset: meanOffset(offsets?.gatheringRows(chosen, 0..<count), weights)
    ) { range in
      Batch(
        data: table.data.gatheringRows(chosen, range),
        context: table.context?.gatheringRows(chosen, range),
        weights: table.weights?.gatheringRows(chosen, range))
    }
  }
}

/// Rows of a stream, checked and standardised as they come.
struct StreamRows<Scalar: TensorScalar>: FitRows {
  let stream: any BatchStream<Scalar>
  let units: Units<Scalar>
  /// A text that changes when the rows held out do.
  let validationIdentity: String
  /// Throws where rows cannot be used.
  let validate: (Batch<Scalar>) throws -> Void

  var identity: String { "stream \(stream.identity), validated on \(validationIdentity)" }

  func rows(at step: Int) throws -> StepRows<Scalar> {
    let batch = try stream.batch(at: step)
    do {
      try validate(batch)
    } catch let error as FlowsError {
      throw FlowsError(
        error.kind, "the batch of step \(step + 1): \(error.message)", file: error.file,
        row: error.row, column: error.column, field: error.field)
    }
    let units = units
    return StepRows(
      count: batch.data.shape[0],
      totalWeight: batch.weights.map { Double($0.sum().scalar) },
      offset: meanOffset(units.offsets(of: batch.data), batch.weights)
    ) { range in
      Batch(
        data: units.standardized(batch.data[rows: range]),
        context: units.standardized(context: batch.context?[rows: range]),
        weights: batch.weights?.slice(range, axis: 0))
    }
  }
}

/// The mean over rows, weighted where weights are given; 0 where there are no offsets.
private func meanOffset<Scalar>(_ offsets: Tensor<Scalar>?, _ weights: Tensor<Scalar>?) -> Double {
  guard let offsets else { return 0 }
  guard let weights else { return Double(offsets.mean().scalar) }
  return Double((offsets * weights).sum().scalar) / Double(weights.sum().scalar)
}

/// Row numbers that live as long as a step, shared with its workers.
struct ChosenRows: @unchecked Sendable {
  fileprivate let pointer: UnsafePointer<Int64>
  init(_ pointer: UnsafePointer<Int64>) { self.pointer = pointer }
}

extension Tensor {
  /// Constant rows (of any rank) by a range of a list of row numbers.
  fileprivate func gatheringRows(_ rows: ChosenRows, _ range: Range<Int>) -> Tensor {
    let x = storage
    let (_, length, inner) = x.shape.around(axis: 0)
    let result = Storage(x.shape.replacing(axis: 0, with: range.count), x.kind)
    fk_gather(
      x.type, 1, Int64(length), Int64(inner), Int64(range.count), rows.pointer + range.lowerBound,
      x.pointer, result.pointer)
    return Tensor(result)
  }
}
