import Flows

/// The models and inputs that the checks of a case share.
struct CheckSubject {
  let name: String
  /// The flow's case; nil for a density.
  let flowCase: FlowCase?
  let staysFinite: Bool
  let nodes: Int
  let types: StorableTypes
  /// As it was made; a density is the base of a flow that does nothing.
  let fresh: NormalizingFlow<Double>
  /// With noise on every trained tensor, so that no part of it is the identity.
  let model: NormalizingFlow<Double>
  /// Where each column of the density can be positive.
  let support: [Support]
  /// Where each column of the density is not smooth.
  let kinks: [[Double]]

  init(_ flowCase: FlowCase) {
    name = flowCase.name
    self.flowCase = flowCase
    staysFinite = flowCase.staysFinite
    nodes = flowCase.nodes
    types = flowCase.types
    fresh = flowCase.fresh
    model = WeightNoise.disturbed(fresh, size: flowCase.noise)
    let declared = model.flow.support
    support =
      declared.allSatisfy { $0 == .real }
      ? Array(repeating: flowCase.support, count: model.dimension) : declared
    kinks = Array(repeating: [], count: model.dimension)
  }

  init(_ densityCase: DensityCase) {
    name = densityCase.name
    flowCase = nil
    staysFinite = densityCase.staysFinite
    nodes = densityCase.nodes
    types = densityCase.types
    fresh = densityCase.fresh
    model = WeightNoise.disturbed(fresh, size: densityCase.noise)
    support = model.base.support
    kinks = model.base.kinks
  }

  var dimension: Int { model.dimension }
  var contextDimension: Int { model.contextDimension }

  /// The case as a flow, for checks that densities have no part in.
  func requireFlow() throws -> FlowCase {
    guard let flowCase else { throw NotChecked("a density is no flow") }
    return flowCase
  }

  /// Refuses subjects that say that their rows depend on each other.
  func requireIndependentRows() throws {
    if model.mixesRows { throw NotChecked("the rows depend on each other, as mixesRows says") }
  }

  // MARK: - Inputs

  /// Data-side rows: uniform for a flow, or images of latent rows, and draws of a density.
  func points(_ count: Int) -> Tensor<Double> {
    guard let flowCase else { return draws(count, seed: 3) }
    switch flowCase.points {
    case .even: return uniform(count, in: support.map(\.dataRange))
    case .images: return images(count, within: 3)
    }
  }

  /// Latent rows of a flow.
  func latentPoints(_ count: Int) -> Tensor<Double> {
    // Latent angles are angles.
    uniform(count, in: support.map { $0 == .circle ? -3..<3 : -5..<5 })
  }

  /// Rows to train on: for a density those of its fresh form, which the noise has moved it from.
  func trainingRows(_ count: Int, context: Tensor<Double>?) -> Tensor<Double> {
    switch flowCase?.points {
    case .even:
      return uniform(
        count,
        in: support.map(\.dataRange).map { range in
          let quarter = (range.upperBound - range.lowerBound) / 4
          return range.lowerBound + quarter..<range.upperBound - quarter
        })
    case .images: return images(count, within: 1.5)
    case nil:
      var generator = PhiloxGenerator(seed: 3)
      return fresh.sample(count, context: context, using: &generator)
    }
  }

  private func images(_ count: Int, within size: Double) -> Tensor<Double> {
    let z = uniform(count, in: support.map { _ in -size..<size })
    return model.flow.forward(z, context: context(count)).value
  }

  private func uniform(_ count: Int, in ranges: [Range<Double>]) -> Tensor<Double> {
    var generator = PhiloxGenerator(seed: 3)
    guard let first = ranges.first, ranges.contains(where: { $0 != first }) else {
      return .uniform([count, dimension], in: ranges.first ?? 0..<1, using: &generator)
    }
    let unit = Tensor<Double>.uniform([count, dimension], using: &generator)
    return unit * Tensor(ranges.map { $0.upperBound - $0.lowerBound })
      + Tensor(ranges.map(\.lowerBound))
  }

  /// Context rows, where some are taken.
  func context(_ count: Int, seed: UInt64 = 4) -> Tensor<Double>? {
    guard contextDimension > 0 else { return nil }
    var generator = PhiloxGenerator(seed: seed)
    return .normal([count, contextDimension], using: &generator)
  }

  /// One context row, repeated.
  func fixedContext(_ count: Int) -> Tensor<Double>? {
    context(1)?.broadcast(to: [count, contextDimension])
  }

  /// Draws under the fixed context.
  func draws(_ count: Int, seed: UInt64) -> Tensor<Double> {
    var generator = PhiloxGenerator(seed: seed)
    return model.sample(count, context: fixedContext(count), using: &generator)
  }

  /// Log-densities under the fixed context.
  func logDensity(_ x: Tensor<Double>) -> Tensor<Double> {
    model.logDensity(of: x, context: fixedContext(x.shape[0]))
  }

  // MARK: - Other scalar type

  func floatFresh() throws -> NormalizingFlow<Float> { try asFloat(fresh) }
  func floatModel() throws -> NormalizingFlow<Float> { try asFloat(model) }

  private func asFloat(_ model: NormalizingFlow<Double>) throws -> NormalizingFlow<Float> {
    try whereStorable {
      try NormalizingFlow(converting: model, types: types.floatFlows, bases: types.floatBases)
    }
  }

  /// What cannot be described in a file, or is of no type that was given, is not checked.
  func whereStorable<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as FlowsError where error.kind == .unsupported {
      throw NotChecked(error.message)
    }
  }
}

/// Adds noise to every trained tensor.
private struct WeightNoise: ParameterVisitor {
  let size: Double
  var generator = PhiloxGenerator(seed: 2)

  static func disturbed(_ model: NormalizingFlow<Double>, size: Double) -> NormalizingFlow<Double> {
    var noise = WeightNoise(size: size)
    var copy = model
    copy.visitParameters(&noise)
    return copy
  }

  mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) {
    let fanIn = parameter.rank == 2 ? parameter.shape[0] : 4
    let noise = Tensor<Double>.normal(parameter.shape, using: &generator)
    parameter += noise * (size / Double(fanIn).squareRoot())
  }
}
