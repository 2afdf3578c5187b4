extension Parameterized {
  /// The tensors that are part of the model but not trained, in visiting order.
  var states: [Tensor<Scalar>] {
    var collector = StateCollector<Scalar>()
    var copy = self
    copy.visitParameters(&collector)
    return collector.states
  }

  /// The model with untrained tensors in memory of their own, so that a change in place of these
  /// reaches no other model.
  func copyingStates() -> Self {
    replacingStates(with: states.map { Tensor($0.storage.copied()) })
  }

  /// The model with these untrained tensors, in visiting order.
  func replacingStates(with states: [Tensor<Scalar>]) -> Self {
    guard !states.isEmpty else { return self }
    var replacer = StateReplacer<Scalar>(states: states)
    var copy = self
    copy.visitParameters(&replacer)
    return copy
  }
}

private struct StateCollector<Scalar: TensorScalar>: ParameterVisitor {
  var states: [Tensor<Scalar>] = []
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {}
  mutating func visit(_ name: String, state: inout Tensor<Scalar>) { states.append(state) }
}

private struct StateReplacer<Scalar: TensorScalar>: ParameterVisitor {
  let states: [Tensor<Scalar>]
  var next = 0
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {}
  mutating func visit(_ name: String, state: inout Tensor<Scalar>) {
    state = states[next]
    next += 1
  }
}
