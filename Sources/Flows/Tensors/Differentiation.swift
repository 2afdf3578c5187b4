// Derivatives are values: the gradient of a model is a value of the model's own shape.

/// Replaces every trained tensor by one whose operations are recorded.
private struct Watcher<Scalar: TensorScalar>: ParameterVisitor {
  let tape: Tape
  var watched: [Storage] = []

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    let storage = parameter.storage
    let alias = Storage(viewing: storage, shape: storage.shape, tape: tape)
    watched.append(alias)
    parameter = Tensor(alias)
  }
}

/// Replaces every trained tensor by its gradient.
private struct GradientCollector<Scalar: TensorScalar>: ParameterVisitor {
  let tape: Tape
  let watched: [Storage]
  var next = 0

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    let storage = watched[next]
    next += 1
    parameter = Tensor(
      tape.gradient(of: storage.node) ?? Storage.zeros(storage.shape, storage.kind))
  }
}

/// The value of a loss and its gradient by every trained tensor of a model.
///
/// The gradient is a value of the model's own type that holds, in place of each parameter, the
/// derivative of the loss by it; tensors that are not trained are copied as they are. Derivatives
/// are of first order: the gradient is a constant.
///
/// - Parameters:
///   - model: where to take the derivative.
///   - loss: a function of the model that returns a single scalar. The tensors that it makes must
///     not be used after it returns, nor on another thread.
public func valueAndGradient<Model: Parameterized>(
  at model: Model, _ loss: (Model) throws -> Tensor<Model.Scalar>
) rethrows -> (value: Model.Scalar, gradient: Model) {
  let tape = Tape()
  defer { tape.close() }
  var tracked = model
  var watcher = Watcher<Model.Scalar>(tape: tape)
  tracked.visitParameters(&watcher)
  tape.setLeaves()
  let value = try tape.recording { try loss(tracked) }
  precondition(
    value.count == 1, "a loss is a single scalar; got a tensor of shape \(value.shape)")
  if value.storage.activeTape === tape {
    tape.backward(
      from: value.storage.node,
      seed: Storage.filled(value.storage.shape, value.storage.kind, with: 1))
  }
  var collector = GradientCollector<Model.Scalar>(tape: tape, watched: watcher.watched)
  var gradient = model
  gradient.visitParameters(&collector)
  return (value.scalar, gradient)
}

/// The gradient of a loss by every trained tensor of a model.
public func gradient<Model: Parameterized>(
  at model: Model, _ loss: (Model) throws -> Tensor<Model.Scalar>
) rethrows -> Model {
  try valueAndGradient(at: model, loss).gradient
}

/// f(x) and the product of a row vector with the Jacobian of f: vᵀ ∂f/∂x.
///
/// - Parameters:
///   - x: where to take the derivative.
///   - vector: of the shape of f(x).
///   - f: any function of tensor operations.
public func vectorJacobianProduct<Model: Parameterized>(
  at x: Model, vector: Tensor<Model.Scalar>, _ f: (Model) throws -> Tensor<Model.Scalar>
) rethrows -> (value: Tensor<Model.Scalar>, product: Model) {
  var result: Tensor<Model.Scalar>?
  let product = try gradient(at: x) { x in
    let y = try f(x)
    precondition(
      y.shape == vector.shape,
      "the vector has the shape of the function's value \(y.shape); got \(vector.shape)")
    result = y.detached
    return (y * vector).sum()
  }
  guard let result else { preconditionFailure("the function was called") }
  return (result, product)
}

/// f(x) and the Jacobian ∂f_i/∂x_j `[m, n]` of a function of a vector `[n]` to a vector `[m]`.
public func jacobian<Scalar>(
  at x: Tensor<Scalar>, _ f: (Tensor<Scalar>) throws -> Tensor<Scalar>
) rethrows -> (value: Tensor<Scalar>, jacobian: Tensor<Scalar>) {
  precondition(x.rank == 1, "a Jacobian is taken at a vector; got the shape \(x.shape)")
  let (value, rows) = try rowJacobians(at: x.expanded(axis: 0)) { x in
    try f(x.squeezed(axis: 0)).expanded(axis: 0)
  }
  return (value.squeezed(axis: 0), rows.squeezed(axis: 0))
}

/// f(x) `[n, m]` and, for each row on its own, the Jacobian `[n, m, d]`, for a function of rows
/// `[n, d]` in which no row depends on another.
///
/// One recording, run backwards once for each of the m outputs.
public func rowJacobians<Scalar>(
  at x: Tensor<Scalar>, _ f: (Tensor<Scalar>) throws -> Tensor<Scalar>
) rethrows -> (value: Tensor<Scalar>, jacobians: Tensor<Scalar>) {
  let tape = Tape()
  defer { tape.close() }
  let input = Storage(viewing: x.storage, shape: x.storage.shape, tape: tape)
  let y = try tape.recording { try f(Tensor(input)) }
  let (rows, outputs) = y.storage.shape.matrix("the value of a function of rows")
  var slices: [Tensor<Scalar>] = []
  for output in 0..<outputs {
    tape.clearGradients()
    var seed = Tensor<Scalar>.zeros([rows, outputs])
    seed.withMutableScalars { scalars in
      for row in 0..<rows { scalars[row * outputs + output] = 1 }
    }
    if y.storage.activeTape === tape {
      tape.backwardKeeping(from: y.storage.node, seed: seed.storage)
    }
    let gradient = tape.gradient(of: input.node) ?? Storage.zeros(input.shape, input.kind)
    slices.append(Tensor(gradient).detached)
  }
  return (y.detached, Tensor.stacked(slices, axis: 1))
}
