import Flows

/// Replaces every tensor of a model by the one of its name in a file.
struct TensorReader<Scalar: TensorScalar>: ParameterVisitor {
  let content: any NamedTensors
  var path: [String] = []
  var problem: PoseError?

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    read(name, &parameter)
  }
  mutating func visit(_ name: String, state: inout Tensor<Scalar>) { read(name, &state) }
  mutating func enter(_ name: String) { path.append(name) }
  mutating func leave() { path.removeLast() }

  private mutating func read(_ name: String, _ tensor: inout Tensor<Scalar>) {
    let name = (path + [name]).joined(separator: ".")
    guard problem == nil else { return }
    do {
      let shape = try content.shape(of: name)
      guard shape == tensor.shape else {
        problem = PoseError(
          .modelMismatch, "expected the shape \(tensor.shape), found \(shape)", path: name)
        return
      }
      let found: Tensor<Scalar> = try content.tensor(name, as: Scalar.self)
      guard found.isFinite else {
        problem = PoseError(.modelMismatch, "expected finite numbers, found others", path: name)
        return
      }
      if name.hasSuffix(".runningVariance"), found.withScalars({ $0.contains { $0 < 0 } }) {
        problem = PoseError(
          .modelMismatch, "expected variances, found negative numbers", path: name)
        return
      }
      tensor = found
    } catch let error as FlowsError {
      problem = PoseError(.modelMismatch, error.message, path: error.field ?? name)
    } catch {
      problem = PoseError(.modelMismatch, "\(error)", path: name)
    }
  }
}
