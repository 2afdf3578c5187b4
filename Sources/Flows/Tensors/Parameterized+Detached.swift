/// Replaces every tensor by one whose operations are not recorded.
private struct Detacher<Scalar: TensorScalar>: ParameterVisitor {
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    parameter = parameter.detached
  }
  mutating func visit(_ name: String, state: inout Tensor<Scalar>) { state = state.detached }
}

extension Parameterized {
  /// The same value with constants for parameters: nothing that it computes is recorded.
  var withoutRecording: Self {
    var visitor = Detacher<Scalar>()
    var copy = self
    copy.visitParameters(&visitor)
    return copy
  }
}
