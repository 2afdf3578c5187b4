internal import CFlowKernels

/// The value and the gradient of a loss that is a sum over rows, by a model and by the rows of some
/// inputs, tile by tile on all workers.
///
/// This is the form for a loss whose inputs come from elsewhere: a network of another framework, say,
/// which goes on backwards from the gradients of its outputs. What it keeps between calls is memory.
/// The results are the same to the last bit for any number of threads. It is used by one thread at a
/// time.
///
/// ```swift
/// let gradients = RowGradients(flow)
/// let (value, byFlow, byRows) = gradients([x]) { flow, inputs, _ in
///   -flow.logDensity(of: inputs[0]).sum()
/// }
/// ```
public final class RowGradients<Model: Parameterized> {
  private let slots: GradientSlots<Model>
  /// Threads that work at the same time.
  public var threads: Int

  /// Gradients at a model, whose parameters are copied.
  public init(_ model: Model, threads: Int = Workers.count) {
    slots = GradientSlots(model)
    self.threads = threads
  }

  /// Moves to other trained parameters; all else stays that of the first model.
  public func move(to model: Model) {
    precondition(
      ParameterLayout(of: model).shapes == slots.layout.shapes,
      "the parameters have the shapes of those that the gradients were made for")
    let block = slots.layout.block(of: model)
    slots.parameters.pointer.copyMemory(
      from: block.pointer, byteCount: block.count * block.kind.size)
    slots.parameters.didChange()
  }

  /// The value and the gradients.
  ///
  /// - Parameters:
  ///   - inputs: tensors whose first axes are rows, equally many in each.
  ///   - tileRows: rows of a tile; 128, or 256 from 1,024 rows on, where nil.
  ///   - loss: the *sum* of the losses of some rows, a single scalar, from the model, the rows of each
  ///     input, and their place in the batch. It is called on several threads at the same time and
  ///     must not keep tensors.
  /// - Returns: the sum over all rows, its gradient by the model, a value of the model's own shape, and
  ///   by each input.
  public func callAsFunction(
    _ inputs: [Tensor<Model.Scalar>], tileRows: Int? = nil,
    loss: @Sendable (Model, [Tensor<Model.Scalar>], Range<Int>) -> Tensor<Model.Scalar>
  ) -> (value: Double, gradient: Model, inputGradients: [Tensor<Model.Scalar>]) {
    let rows = inputs.first?.storage.shape[0] ?? 0
    precondition(
      !inputs.isEmpty && inputs.allSatisfy { $0.rank > 0 && $0.storage.shape[0] == rows },
      "there is at least one input, and all have as many rows; got the shapes "
        + "\(inputs.map(\.shape))")
    precondition(tileRows.map { $0 > 0 } ?? true, "a tile has at least one row")
    let inputGradients = inputs.map { Storage($0.storage.shape, $0.storage.kind) }
    let total = Storage.zeros(Shape(slots.layout.count), slots.layout.kind)
    guard rows > 0 else {
      return (0, slots.layout.model(slots.original, from: total), inputGradients.map(Tensor.init))
    }
    let (count, value) = slots.run(
      rows: rows, tileRows: tileRows ?? Tiles.rows(batch: rows), threads: threads,
      inputs: inputs.map(\.detached), inputGradients: inputGradients, loss: loss)
    let pointers = (0..<count).map { Optional(UnsafeRawPointer(slots.gradient($0).pointer)) }
    pointers.withUnsafeBufferPointer { pointers in
      fk_add_slots(
        total.type, Int64(slots.layout.count), Int64(count), pointers.baseAddress, total.pointer)
    }
    return (
      value, slots.layout.model(slots.original, from: total), inputGradients.map(Tensor.init)
    )
  }
}
