/// A value that holds tensors: a layer, a flow, a distribution, a whole model.
///
/// The one requirement names every tensor, always in the same order. From it follow derivatives,
/// optimizers, files, moving averages and conversion; nothing is found by reflection.
public protocol Parameterized<Scalar>: Sendable {
  /// The scalar type of the tensors.
  associatedtype Scalar: TensorScalar

  /// Shows every tensor to the visitor, which may replace it.
  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V)
}

/// Something that looks at, or replaces, the tensors of a model one by one.
public protocol ParameterVisitor<Scalar> {
  /// The scalar type of the tensors.
  associatedtype Scalar: TensorScalar

  /// A trained tensor.
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>)

  /// A tensor that is part of the model, and saved with it, but not trained.
  mutating func visit(_ name: String, state: inout Tensor<Scalar>)

  /// What follows belongs to a part of this name, until `leave`.
  mutating func enter(_ name: String)

  /// Ends the part entered last.
  mutating func leave()
}

extension ParameterVisitor {
  /// By default names are not needed.
  public mutating func enter(_ name: String) {}
  /// By default names are not needed.
  public mutating func leave() {}
  /// By default untrained tensors are passed over.
  public mutating func visit(_ name: String, state: inout Tensor<Scalar>) {}

  /// A tensor that is trained or not.
  mutating func visit(_ name: String, _ tensor: inout Tensor<Scalar>, isLearnable: Bool) {
    if isLearnable { visit(name, &tensor) } else { visit(name, state: &tensor) }
  }

  /// A part that is parameterized itself.
  public mutating func visit<P: Parameterized>(_ name: String, _ part: inout P)
  where P.Scalar == Scalar {
    enter(name)
    part.visitParameters(&self)
    leave()
  }
}

extension Tensor: Parameterized {
  /// A tensor is the simplest model: one parameter.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("tensor", &self)
  }
}

/// Counts trained scalars.
private struct ParameterCounter<Scalar: TensorScalar>: ParameterVisitor {
  var count = 0
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    count += parameter.count
  }
}

extension Parameterized {
  /// The number of trained scalars.
  public var parameterCount: Int {
    var counter = ParameterCounter<Scalar>()
    var copy = self
    copy.visitParameters(&counter)
    return counter.count
  }

  /// All tensors, trained and not, by their full names, in visiting order.
  public var namedTensors: [(name: String, tensor: Tensor<Scalar>)] {
    var collector = TensorCollector<Scalar>()
    var copy = self
    copy.visitParameters(&collector)
    return collector.found
  }
}

/// The path of names that leads to a tensor, joined by dots.
struct NamePath {
  private var parts: [String] = []

  mutating func enter(_ name: String) { parts.append(name) }
  mutating func leave() { parts.removeLast() }
  func name(_ last: String) -> String { (parts + [last]).joined(separator: ".") }
}

private struct TensorCollector<Scalar: TensorScalar>: ParameterVisitor {
  var path = NamePath()
  var found: [(name: String, tensor: Tensor<Scalar>)] = []

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    found.append((path.name(name), parameter))
  }
  mutating func visit(_ name: String, state: inout Tensor<Scalar>) {
    found.append((path.name(name), state))
  }
  mutating func enter(_ name: String) { path.enter(name) }
  mutating func leave() { path.leave() }
}
