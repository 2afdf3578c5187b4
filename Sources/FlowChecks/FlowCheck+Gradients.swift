import Flows

extension FlowCheck {
  /// Each trained tensor has a gradient, and scalars of it agree with central differences.
  public static let parameterGradients = FlowCheck("gradient by parameters") { subject in
    let rows = 16
    let (x, context) = (subject.points(rows), subject.context(rows))
    let model = subject.model
    func loss(_ model: NormalizingFlow<Double>) -> Tensor<Double> {
      model.logDensity(of: x, context: context).mean()
    }
    let trained = TrainedTensors(gradient(at: model, loss))
    var problems: [String?] = zip(trained.names, trained.tensors).map { name, tensor in
      tensor.scalars.allSatisfy { $0 == 0 } ? "\(name) has no gradient" : nil
    }
    let flat = trained.tensors.flatMap(\.scalars)
    guard !flat.isEmpty else { return problems }
    var generator = PhiloxGenerator(seed: 9)
    let places = (0..<12).map { _ in Int.random(in: flat.indices, using: &generator) }
    let differences = parameterDifferences(of: loss, at: model, places)
    problems.append(
      deviation(
        "scalars \(places)", found: places.map { flat[$0] }, expected: differences,
        tolerance: 1e-6))
    return problems
  }

  /// Draws and their log-densities follow the parameters where ``Distribution/isReparameterized``
  /// says so, and carry no derivatives where it does not.
  public static let drawGradients = FlowCheck("gradient through draws") { subject in
    let rows = 40
    let context = subject.context(rows)
    let model = subject.model
    // Grows slowly, so that heavy tails do no harm.
    func loss(_ model: NormalizingFlow<Double>) -> Tensor<Double> {
      var generator = PhiloxGenerator(seed: 34)
      let (x, logDensity) = model.sampleWithLogDensity(rows, context: context, using: &generator)
      return tanh(x).sum() + logDensity.sum()
    }
    let trained = TrainedTensors(gradient(at: model, loss))
    guard model.isReparameterized else {
      var base = Tensor<Double>(0)
      let byBase = TrainedTensors(
        gradient(at: model) { model in
          var generator = PhiloxGenerator(seed: 34)
          base = model.base.sample(rows, context: context, using: &generator).sum()
          return base
        })
      let moves = byBase.tensors.contains { $0.scalars.contains { $0 != 0 } }
      return [moves ? "the draws carry derivatives, which isReparameterized denies" : nil]
    }
    let flat = trained.tensors.flatMap(\.scalars)
    guard !flat.isEmpty else { return [] }
    var generator = PhiloxGenerator(seed: 9)
    let places = (0..<12).map { _ in Int.random(in: flat.indices, using: &generator) }
    return [
      deviation(
        "scalars \(places)", found: places.map { flat[$0] },
        expected: parameterDifferences(of: loss, at: model, places), tolerance: 1e-5)
    ]
  }

  /// Each component of the gradient of the log-density by x.
  public static let inputGradients = FlowCheck("gradient by x") { subject in
    try subject.requireIndependentRows()
    let rows = 16
    let (x, context) = (subject.points(rows), subject.context(rows))
    let logDensity = { subject.model.logDensity(of: $0, context: context) }
    let byX = gradient(at: x) { logDensity($0).sum() }
    let steps = subject.steps(at: x)
    return (0..<subject.dimension).map { column in
      deviation(
        "column \(column)", found: byX.columns([column]).squeezed(axis: 1),
        expected: centralDifference(of: logDensity, at: x, column: column, steps: steps),
        tolerance: 1e-6)
    }
  }

  /// Recording an evaluation does not change its bits.
  public static let training = FlowCheck("training equals evaluation") { subject in
    let rows = 200
    let (x, context) = (subject.points(rows), subject.context(rows))
    let model = subject.model
    let plain = model.logDensity(of: x, context: context)
    var byModel: Tensor<Double>?
    _ = gradient(at: model) { model in
      let logDensity = model.logDensity(of: x, context: context)
      byModel = logDensity.detached
      return logDensity.sum()
    }
    let (byX, _) = vectorJacobianProduct(at: x, vector: .ones([rows])) {
      model.logDensity(of: $0, context: context)
    }
    return [
      difference("recorded by parameters", found: byModel ?? .zeros([0]), expected: plain),
      difference("recorded by x", found: byX, expected: plain),
    ]
  }
}

/// Derivatives of a loss by some trained scalars, by central differences.
private func parameterDifferences(
  of loss: (NormalizingFlow<Double>) -> Tensor<Double>, at model: NormalizingFlow<Double>,
  _ places: [Int]
) -> [Double] {
  let step = 1e-6
  return places.map { place in
    let above = loss(Nudge.applied(to: model, place: place, by: step)).scalar
    let below = loss(Nudge.applied(to: model, place: place, by: -step)).scalar
    return (above - below) / (2 * step)
  }
}

/// Adds to one trained scalar of a model, counted through all tensors.
private struct Nudge: ParameterVisitor {
  private var place: Int
  private let delta: Double

  static func applied(
    to model: NormalizingFlow<Double>, place: Int, by delta: Double
  ) -> NormalizingFlow<Double> {
    var copy = model
    var nudge = Nudge(place: place, delta: delta)
    copy.visitParameters(&nudge)
    return copy
  }

  mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) {
    if parameter.withScalars(\.indices).contains(place) {
      parameter.withMutableScalars { $0[place] += delta }
    }
    place -= parameter.count
  }
}
