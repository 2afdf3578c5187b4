import Flows

extension FlowCheck {
  /// Each tensor has a name of its own, the same in each visit, and parts are left as often as
  /// entered.
  public static let names = FlowCheck("names of tensors") { subject in
    let first = NameCollector(subject.model)
    var problems: [String?] = [
      first.depth == 0 ? nil : "a part was entered and not left, or left and not entered",
      NameCollector(subject.model).names == first.names ? nil : "a second visit gives other names",
      NameCollector(subject.fresh).names == first.names
        ? nil : "other values of the tensors give other names",
    ]
    var seen: Set<String> = []
    for name in first.names {
      if name.hasSuffix(".") { problems.append("a tensor of \(name) has no name") }
      if !seen.insert(name).inserted { problems.append("two tensors are called \(name)") }
    }
    return problems
  }

  /// Changing a copy through a visitor changes that copy, and not the original.
  public static let values = FlowCheck("value semantics") { subject in
    let model = subject.model
    let x = subject.points(8)
    let context = subject.context(8)
    let (tensors, density) = (model.namedTensors, model.logDensity(of: x, context: context))
    var copy = model
    var shift = TensorShift()
    copy.visitParameters(&shift)
    return [
      difference(
        "the original's log-density after a copy was changed",
        found: model.logDensity(of: x, context: context), expected: density)
    ]
      + zip(tensors, zip(model.namedTensors, copy.namedTensors)).flatMap { before, after in
        [
          difference(
            "\(before.name) after a copy was changed", found: after.0.tensor,
            expected: before.tensor),
          difference(
            "\(before.name) after a visitor replaced it", found: after.1.tensor,
            expected: before.tensor + 1),
        ]
      }
  }
}

/// Names with their kind, in visiting order.
private struct NameCollector: ParameterVisitor {
  private(set) var names: [String] = []
  private var path: [String] = []
  private var strayLeaves = 0

  init(_ model: NormalizingFlow<Double>) {
    var copy = model
    copy.visitParameters(&self)
  }

  /// Parts that were not left, or left without being entered.
  var depth: Int { path.count + strayLeaves }

  mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) {
    names.append((path + [name]).joined(separator: "."))
  }
  mutating func visit(_ name: String, state: inout Tensor<Double>) { visit(name, &state) }
  mutating func enter(_ name: String) { path.append(name) }
  mutating func leave() { if path.popLast() == nil { strayLeaves += 1 } }
}

/// Adds 1 to every tensor.
private struct TensorShift: ParameterVisitor {
  mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) { parameter += Tensor(1) }
  mutating func visit(_ name: String, state: inout Tensor<Double>) { visit(name, &state) }
}
