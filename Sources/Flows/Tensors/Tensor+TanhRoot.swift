internal import CFlowKernels

/// The root y of y + p · tanh(q · y + e) = t, elementwise; all broadcast to the shape of t.
///
/// Where p · q > −1 the left side grows with y, so that there is one root. It is found in `Double`, by
/// Newton's method held in a bracket, to the rounding of the equation; its derivatives are those of
/// the implicit function, so that they do not depend on how it was found.
func rootOfTanhEquation<Scalar>(
  _ t: Tensor<Scalar>, p: Tensor<Scalar>, q: Tensor<Scalar>, e: Tensor<Scalar>
) -> Tensor<Scalar> {
  let shape = t.storage.shape
  let arguments = [t, p, q, e].map { $0.broadcast(to: shape).storage }
  let tape = arguments.reduce(nil) { Tape.recording($0, $1.activeTape) }
  let tracked = arguments.map { tape != nil && $0.activeTape === tape }
  let y = Storage(shape, t.storage.kind, tape: tape)
  fk_tanh_root(
    y.type, Int64(y.count), arguments[0].pointer, arguments[1].pointer, arguments[2].pointer,
    arguments[3].pointer, y.pointer)
  tape?.record { tape in
    guard let g = tape.takeGradient(of: y.node) else { return }
    let gradients = tracked.map { $0 ? Storage(shape, y.kind) : nil }
    let pointers = gradients.map { $0?.pointer }
    fk_tanh_root_backward(
      y.type, Int64(y.count), y.pointer, arguments[1].pointer, arguments[2].pointer,
      arguments[3].pointer, g.pointer, pointers)
    for (argument, gradient) in zip(arguments, gradients) {
      if let gradient { tape.add(gradient, to: argument.node) }
    }
  }
  return Tensor(y)
}
