/// Rows of one training step.
public struct Batch<Scalar: TensorScalar>: Sendable {
  /// `[rows, dimension]`.
  public var data: Tensor<Scalar>
  /// `[rows, contextDimension]`, for a conditional density.
  public var context: Tensor<Scalar>?
  /// One weight per row `[rows]`, not negative; nil where rows count alike.
  public var weights: Tensor<Scalar>?

  /// A batch from its tensors.
  public init(
    data: Tensor<Scalar>, context: Tensor<Scalar>? = nil, weights: Tensor<Scalar>? = nil
  ) {
    self.data = data
    self.context = context
    self.weights = weights
  }
}

extension Batch {
  /// Some of the rows.
  func rows(_ rows: [Int]) -> Batch {
    Batch(data: data.rows(rows), context: context?.rows(rows), weights: weights?.rows(rows))
  }

  /// All rows of batches that have the same parts.
  init(concatenating batches: [Batch]) {
    func joined(_ part: (Batch) -> Tensor<Scalar>?) -> Tensor<Scalar>? {
      let parts = batches.compactMap(part)
      return parts.count == batches.count ? .concatenated(parts) : nil
    }
    self.init(
      data: .concatenated(batches.map(\.data)), context: joined(\.context),
      weights: joined(\.weights))
  }
}

/// Rows that need not fit memory: batches in one order, any of which can be found again.
///
/// The batch of a step must depend on the step alone, so that a resumed fit sees the rows that an
/// undisturbed one would have seen. ``NumPyRowStream`` reads a `.npy` file so;
/// ``SequentialBatchStream`` makes a stream of any sequence.
public protocol BatchStream<Scalar>: Sendable {
  /// The scalar type of the rows.
  associatedtype Scalar: TensorScalar

  /// A text that changes when the rows do: a checkpoint of a fit to another stream is refused.
  var identity: String { get }

  /// The batch of a step, counted from 0; it is asked for steps in ascending order, except that
  /// after a resumption the first is not 0, and that the first few are asked twice.
  ///
  /// - Throws: whatever ends the fit; the best weights so far are kept.
  func batch(at step: Int) throws -> Batch<Scalar>
}

/// The batches of a sequence, from its beginning again after its end.
///
/// To find the place of a step it is read from the beginning.
public final class SequentialBatchStream<Scalar: TensorScalar>: BatchStream, @unchecked Sendable {
  /// A text that changes when the rows do.
  public let identity: String
  private let makeIterator: @Sendable () throws -> AnyIterator<Batch<Scalar>>
  private let lock = Lock()
  private var iterator: AnyIterator<Batch<Scalar>>?
  private var next = 0
  private var last: Batch<Scalar>?

  /// - Parameters:
  ///   - identity: a text that changes when the rows do.
  ///   - makeIterator: begins a pass; every pass must give the same batches.
  public init(
    identity: String, _ makeIterator: @escaping @Sendable () throws -> AnyIterator<Batch<Scalar>>
  ) {
    self.identity = identity
    self.makeIterator = makeIterator
  }

  /// The batch of a step.
  public func batch(at step: Int) throws -> Batch<Scalar> {
    try lock.held {
      if step + 1 == next, let last { return last }
      if step < next {
        iterator = nil
        next = 0
      }
      last = nil
      while true {
        let batch = try advance()
        if next == step + 1 {
          last = batch
          return batch
        }
      }
    }
  }

  private func advance() throws -> Batch<Scalar> {
    if let batch = iterator?.next() {
      next += 1
      return batch
    }
    let pass = try makeIterator()
    iterator = pass
    guard let batch = pass.next() else {
      throw FlowsError(.invalidData, "expected at least one batch, found an empty sequence")
    }
    next += 1
    return batch
  }
}
