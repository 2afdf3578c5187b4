import Flows

/// The trained tensors of a model, in order.
package struct TrainedTensors<Scalar: TensorScalar>: ParameterVisitor {
  /// Their full names.
  package private(set) var names: [String] = []
  /// The tensors.
  package private(set) var tensors: [Tensor<Scalar>] = []
  private var path: [String] = []

  /// Those of a model.
  package init(_ model: some Parameterized<Scalar>) {
    var copy = model
    copy.visitParameters(&self)
  }

  /// Keeps a tensor.
  package mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    names.append((path + [name]).joined(separator: "."))
    tensors.append(parameter)
  }
  /// Keeps the name of a part.
  package mutating func enter(_ name: String) { path.append(name) }
  /// Leaves a part.
  package mutating func leave() { path.removeLast() }
}
