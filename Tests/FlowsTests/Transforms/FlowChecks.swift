import Testing

@testable import Flows

/// A property that every flow has; what speaks against it comes back as sentences.
struct FlowCheck: Sendable, CustomTestStringConvertible {
  let name: String
  private let body: @Sendable (FlowSubject) throws -> [String]

  /// A check that runs on every instruction set.
  init(_ name: String, _ body: @escaping @Sendable (FlowSubject) throws -> [String?]) {
    self.init(name, preparing: { _ in }, { subject, _ in try body(subject) })
  }

  /// The same, with a part that is the same on all of them.
  init<Prepared>(
    _ name: String, preparing prepare: @escaping @Sendable (FlowSubject) throws -> Prepared,
    _ body: @escaping @Sendable (FlowSubject, Prepared) throws -> [String?]
  ) {
    self.name = name
    self.body = { subject in
      let prepared = try prepare(subject)
      return try InstructionSet.available.flatMap { set in
        let found = try InstructionSet.with(set) { try body(subject, prepared) }
        return found.compactMap(\.self).map { "\(subject.row.name), \(name), \(set): \($0)" }
      }
    }
  }

  var testDescription: String { name }

  static let all: [FlowCheck] = [
    .roundTrip, .floatRoundTrip, .logDeterminant, .integral, .extremes, .parameterGradients,
    .inputGradients, .files, .samples, .context, .tiles, .training,
  ]

  /// What is wrong with a row; each sentence names row, check and instruction set.
  func problems(of row: FlowRow) throws -> [String] { try body(FlowSubject(row)) }
}

/// The models and inputs that checks of a row share.
struct FlowSubject {
  let row: FlowRow
  let fresh: NormalizingFlow<Double>
  /// With noise on the weights.
  let model: NormalizingFlow<Double>

  init(_ row: FlowRow) {
    self.row = row
    fresh = row.fresh
    model = row.disturbed
  }

  var dimension: Int { model.dimension }
  var contextDimension: Int { model.contextDimension }

  /// Rows with |x| ≤ 5.
  func points(_ count: Int, seed: UInt64 = 3) -> Tensor<Double> {
    var generator = PhiloxGenerator(seed: seed)
    return .uniform([count, dimension], in: -5..<5, using: &generator)
  }

  /// Context rows, where the flow takes some.
  func context(_ count: Int, seed: UInt64 = 4) -> Tensor<Double>? {
    guard contextDimension > 0 else { return nil }
    var generator = PhiloxGenerator(seed: seed)
    return .normal([count, contextDimension], using: &generator)
  }

  /// One context row, repeated.
  func fixedContext(_ count: Int, seed: UInt64 = 4) -> Tensor<Double>? {
    context(1, seed: seed)?.broadcast(to: [count, contextDimension])
  }

  static func floatFresh(_ subject: FlowSubject) throws -> NormalizingFlow<Float> {
    try NormalizingFlow(converting: subject.fresh, types: FlowTable.types(Float.self))
  }

  static func floatModel(_ subject: FlowSubject) throws -> NormalizingFlow<Float> {
    try NormalizingFlow(converting: subject.model, types: FlowTable.types(Float.self))
  }
}

/// A sentence about the worst difference, relative to max(1, |expected|), where it is too large.
func deviation(
  _ what: String, found: [Double], expected: [Double], tolerance: Double
) -> String? {
  guard found.count == expected.count else {
    return "\(what): found \(found.count) values, expected \(expected.count)"
  }
  var worst = (index: 0, error: 0.0)
  for index in found.indices {
    let error = abs(found[index] - expected[index]) / max(1, abs(expected[index]))
    if !(error <= worst.error) { worst = (index, error.isNaN ? .infinity : error) }
  }
  if worst.error <= tolerance { return nil }
  return "\(what), index \(worst.index): found \(found[worst.index]), "
    + "expected \(expected[worst.index]), error \(worst.error) > \(tolerance)"
}

/// The same for tensors of either scalar type.
func deviation<S: TensorScalar>(
  _ what: String, found: Tensor<S>, expected: Tensor<S>, tolerance: Double
) -> String? {
  if found.shape != expected.shape {
    return "\(what): found the shape \(found.shape), expected \(expected.shape)"
  }
  return deviation(
    what, found: Tensor<Double>(found).scalars, expected: Tensor<Double>(expected).scalars,
    tolerance: tolerance)
}

/// A sentence about the first difference in bits.
func difference<S: TensorScalar>(_ what: String, found: Tensor<S>, expected: Tensor<S>) -> String? {
  if found == expected { return nil }
  return deviation(what, found: found, expected: expected, tolerance: 0)
    ?? "\(what): not equal, or not a number"
}

/// A sentence where a tensor holds infinities or NaN.
func unlessFinite<S: TensorScalar>(_ what: String, _ tensor: Tensor<S>) -> String? {
  guard let index = tensor.scalars.firstIndex(where: { !$0.isFinite }) else { return nil }
  return "\(what), index \(index) of \(tensor.shape): found \(tensor.scalars[index])"
}

/// The trained tensors of a model, in order.
struct TrainedTensors<Scalar: TensorScalar>: ParameterVisitor {
  private(set) var names: [String] = []
  private(set) var tensors: [Tensor<Scalar>] = []
  private var path = NamePath()

  init(_ model: some Parameterized<Scalar>) {
    var copy = model
    copy.visitParameters(&self)
  }

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    names.append(path.name(name))
    tensors.append(parameter)
  }
  mutating func enter(_ name: String) { path.enter(name) }
  mutating func leave() { path.leave() }
}

@Suite("Every flow")
struct FlowChecks {
  @Test("passes every check on every instruction set", arguments: FlowTable.rows, FlowCheck.all)
  func check(_ row: FlowRow, _ check: FlowCheck) throws {
    let problems = try check.problems(of: row)
    #expect(problems.isEmpty, "\(problems.joined(separator: "\n"))")
  }

  @Test("has a name of its own in the table")
  func names() {
    #expect(Set(FlowTable.rows.map(\.name)).count == FlowTable.rows.count)
  }
}
