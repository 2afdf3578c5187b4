import FlowChecks
import Testing

@testable import Flows

/// A sound flow with one fault.
private struct Faulty: Flow {
  typealias Scalar = Double

  enum Fault: String, CaseIterable, Sendable {
    /// log |det J| with the other sign, in both directions.
    case wrongSign
    /// log |det J| lacks a factor, in both directions: their sum is still 0.
    case missingFactor
    /// `inverse` is the inverse of a slightly different map.
    case wrongInverse
    /// The gradient of the log-determinant is lost.
    case lostGradient
    /// Each row depends on the mean of all rows, and the flow does not say so.
    case mixedRows
    /// Two parts have one name.
    case oneNameTwice
    /// The right values, with gradients of the other sign.
    case reversedGradient
    /// Recording changes the value.
    case otherWhenRecorded
    /// The flow says that it takes context and ignores it.
    case unusedContext
  }

  let fault: Fault
  var base: any Flow<Double>

  var dimension: Int { base.dimension }
  var contextDimension: Int { fault == .unusedContext ? 1 : 0 }

  private func spoiled(_ result: Transformed<Double>) -> Transformed<Double> {
    var result = result
    switch fault {
    case .wrongSign: result.logDet = -result.logDet
    case .missingFactor: result.logDet = result.logDet * 0.5
    case .lostGradient: result.logDet = result.logDet.detached
    case .mixedRows: result.value += 0.01 * result.value.mean(axis: 0, keepingAxis: true)
    case .reversedGradient:
      result.value = 2 * result.value.detached - result.value
      result.logDet = 2 * result.logDet.detached - result.logDet
    case .otherWhenRecorded:
      if result.value.isTracked { result.value = result.value + 1e-10 }
    case .wrongInverse, .oneNameTwice, .unusedContext: break
    }
    return result
  }

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    spoiled(base.forward(z, context: nil))
  }

  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    var result = spoiled(base.inverse(x, context: nil))
    if fault == .wrongInverse { result.value = result.value * 1.01 }
    return result
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {
    base.visitParameters(&visitor)
    if fault == .oneNameTwice { base.visitParameters(&visitor) }
  }
}

/// x = z + z³ in one column, evaluated so that derivatives miss the part of z²; the log-determinant
/// agrees with those derivatives.
private struct WrongDerivative: Flow {
  typealias Scalar = Double
  var dimension: Int { 1 }

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    let slope = (z.squared() + 1).detached
    return Transformed(value: z * slope, logDet: log(slope).sum(axis: 1))
  }

  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    var z = x.detached
    for _ in 0..<100 { z -= (z * (z.squared() + 1) - x.detached) / (3 * z.squared() + 1) }
    let slope = z.squared() + 1
    return Transformed(value: x / slope, logDet: -log(slope).sum(axis: 1))
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}

/// x = z · exp(logScale) · factor + shift, which forgets something.
private struct Forgetful<Scalar: TensorScalar>: StorableFlow {
  struct Configuration: Codable, Sendable {}

  enum Fault: Sendable {
    /// The shift is a parameter that no visitor sees.
    case unvisitedParameter
    /// The factor is a number of its own, in no tensor and not in the configuration.
    case lostState
    /// The log-scale is in an object that copies share.
    case sharedStorage
    /// Visitors get a copy of the log-scale.
    case unwritten
  }

  private final class Box: @unchecked Sendable { var tensor = Tensor<Scalar>([0.3, -0.2]) }

  static var identifier: String { "org.example.Forgetful" }

  var fault: Fault?
  private let box = Box()
  private var logScale = Tensor<Scalar>([0.3, -0.2])
  private var shift = Tensor<Scalar>([0, 0])
  private var factor = Tensor<Scalar>(1)

  init(_ fault: Fault?) {
    self.fault = fault
    if fault == .unvisitedParameter { shift = Tensor([1, 2]) }
    if fault == .lostState { factor = Tensor(2) }
  }

  init(configuration: Configuration) { self.init(nil) }

  var configuration: Configuration { Configuration() }
  var dimension: Int { 2 }

  private var logFactors: Tensor<Scalar> {
    (fault == .sharedStorage ? box.tensor : logScale) + log(factor)
  }

  private func logDet(_ rows: Int) -> Tensor<Scalar> { logFactors.sum().broadcast(to: [rows]) }

  func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    Transformed(value: z * exp(logFactors) + shift, logDet: logDet(z.shape[0]))
  }

  func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    Transformed(value: (x - shift) * exp(-logFactors), logDet: -logDet(x.shape[0]))
  }

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    switch fault {
    case .sharedStorage: visitor.visit("logScale", &box.tensor)
    case .unwritten:
      var copy = logScale
      visitor.visit("logScale", &copy)
    case .unvisitedParameter: visitor.visit("logScale", &logScale)
    case .lostState, nil:
      visitor.visit("logScale", &logScale)
      visitor.visit("shift", &shift)
    }
    if fault == .sharedStorage || fault == .unwritten { visitor.visit("shift", &shift) }
  }
}

@Suite("Power of the checks of flows")
struct FlowCheckPowerTests {
  private func isCaught(_ fault: Faulty.Fault, by check: FlowCheck, dimension: Int) -> Bool {
    let row = FlowCase("\(fault)") { generator in
      var scale = ActNorm<Double>(dimension: dimension)
      scale.logScale = Tensor(repeating: 0.4, shape: [dimension])
      let coupling = AffineCoupling<Double>(
        dimension: dimension, mask: .half(0), hidden: [8], scale: .soft(), using: &generator)
      return Faulty(fault: fault, base: Composition(dimension: dimension, [coupling, scale]))
    }
    return !row.report([check]).problems.isEmpty
  }

  @Test("a wrong sign of the log-determinant is caught", arguments: [2, 3])
  func sign(dimension: Int) {
    for check in [FlowCheck.logDeterminant, .integral, .samples] {
      #expect(isCaught(.wrongSign, by: check, dimension: dimension), "\(check.name)")
    }
  }

  @Test("a log-determinant without a factor is caught", arguments: [2, 3])
  func factor(dimension: Int) {
    for check in [FlowCheck.logDeterminant, .integral, .samples] {
      #expect(isCaught(.missingFactor, by: check, dimension: dimension), "\(check.name)")
    }
  }

  @Test("a wrong inverse is caught", arguments: [2, 3])
  func inverse(dimension: Int) {
    for check in [FlowCheck.roundTrip, .logDeterminant, .sampleDensities] {
      #expect(isCaught(.wrongInverse, by: check, dimension: dimension), "\(check.name)")
    }
    #expect(isCaught(.wrongInverse, by: .integral, dimension: 2))
  }

  @Test("a lost gradient is caught")
  func gradient() {
    for check in [FlowCheck.parameterGradients, .inputGradients] {
      #expect(isCaught(.lostGradient, by: check, dimension: 3), "\(check.name)")
    }
  }

  @Test("rows that depend on each other are caught")
  func mixedRows() {
    #expect(isCaught(.mixedRows, by: .tiles, dimension: 3))
  }

  @Test("gradients of the other sign are caught")
  func reversedGradient() {
    for check in [FlowCheck.parameterGradients, .inputGradients, .fit] {
      #expect(isCaught(.reversedGradient, by: check, dimension: 3), "\(check.name)")
    }
  }

  @Test("values that depend on recording are caught")
  func recording() {
    #expect(isCaught(.otherWhenRecorded, by: .training, dimension: 3))
  }

  @Test("context that is not used is caught")
  func context() {
    #expect(isCaught(.unusedContext, by: .context, dimension: 3))
  }

  @Test("values that overflow far out are caught")
  func extremes() {
    for check in [FlowCheck.extremes, .floatExtremes] {
      let report = FlowCase("free") {
        AffineCoupling<Double>(dimension: 2, mask: .half(0), hidden: [8], scale: .free, using: &$0)
      }.report([check])
      #expect(!report.problems.isEmpty, "\(check.name)")
    }
  }

  @Test("tensors of one name are caught")
  func names() {
    #expect(isCaught(.oneNameTwice, by: .names, dimension: 2))
  }

  @Test("derivatives are not trusted")
  func wrongDerivative() {
    let report = FlowCase("cubic") { _ in WrongDerivative() }.report([.logDeterminant])
    #expect(report.problems.contains { $0.contains("forward against central differences") })
    #expect(!report.problems.contains { $0.contains("forward against derivatives") })
  }

  @Test("what a flow forgets is caught")
  func forgetful() {
    func isCaught(_ fault: Forgetful<Double>.Fault?, by check: FlowCheck) -> Bool {
      let types = StorableTypes(
        flows: [Forgetful<Double>.self], floatFlows: [Forgetful<Float>.self])
      let report = FlowCase("forgetful", types: types) { _ in Forgetful<Double>(fault) }
        .report([check])
      #expect(report.skipped.isEmpty)
      return !report.problems.isEmpty
    }
    for check in FlowCheck.all { #expect(!isCaught(nil, by: check), "\(check)") }
    #expect(isCaught(.unvisitedParameter, by: .files))
    #expect(isCaught(.lostState, by: .files))
    #expect(isCaught(.sharedStorage, by: .values))
    #expect(isCaught(.unwritten, by: .values))
    #expect(isCaught(.unwritten, by: .parameterGradients))
  }

  @Test("the determinant of the checks is right")
  func determinant() {
    let matrix = [[0.0, 2, 1], [1, -3, 0.5], [4, 0, 2]]
    #expect(Swift.abs(logAbsoluteDeterminant(matrix) - 2.484_906_649_788_000_4) < 1e-14)
  }
}

/// A flow of `Double` alone, written without generics, and storable.
private struct Doubling: StorableFlow {
  typealias Scalar = Double
  struct Configuration: Codable, Sendable {}

  static var identifier: String { "org.example.Doubling" }
  init() {}
  init(configuration: Configuration) {}
  var configuration: Configuration { Configuration() }
  var dimension: Int { 2 }

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(
      value: z * 2, logDet: Tensor(repeating: 2 * 0.693_147_180_559_945_3, shape: [z.shape[0]]))
  }
  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(
      value: x / 2, logDet: Tensor(repeating: -2 * 0.693_147_180_559_945_3, shape: [x.shape[0]]))
  }
  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}

/// A sound flow whose rows depend on each other, and that says so.
private struct Centering: Flow {
  typealias Scalar = Double
  var dimension: Int { 2 }
  var mixesRows: Bool { true }

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(value: z + z.mean(), logDet: .zeros([z.shape[0]]))
  }
  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(value: x - x.mean() * 0.5, logDet: .zeros([x.shape[0]]))
  }
  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}

/// x = exp(z), onto (0, ∞).
private struct Exponential: Flow {
  typealias Scalar = Double
  let dimension: Int

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(value: exp(z), logDet: z.sum(axis: 1))
  }
  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(value: log(x), logDet: -log(x).sum(axis: 1))
  }
  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}

/// x = sigmoid(z), onto (0, 1).
private struct Sigmoid: Flow {
  typealias Scalar = Double
  let dimension: Int

  private func logSlope(_ z: Tensor<Double>) -> Tensor<Double> {
    (logSigmoid(z) + logSigmoid(-z)).sum(axis: 1)
  }
  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(value: sigmoid(z), logDet: logSlope(z))
  }
  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    let z = log(x) - log(onePlus: -x)
    return Transformed(value: z, logDet: -logSlope(z))
  }
  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}

@Suite("Flows onto a part of the line")
struct BoundedFlowTests {
  @Test("pass the checks with their support", arguments: 1...3)
  func supports(dimension: Int) {
    let cases = [
      FlowCase("exp", roundTrip: 1e-12, staysFinite: false, support: .positive) { _ in
        Exponential(dimension: dimension)
      },
      FlowCase("sigmoid", roundTrip: 1e-12, staysFinite: false, support: .interval(0, 1)) { _ in
        Sigmoid(dimension: dimension)
      },
    ]
    for flow in cases {
      let report = flow.report()
      #expect(report.problems.isEmpty, "\(report)")
    }
  }
}

@Suite("What cannot be checked")
struct SkippedCheckTests {
  private let needFiles = [
    "round trip in Float", "extreme inputs in Float", "save and load in Float",
  ]

  @Test("is reported for a flow that no file holds")
  func unstorable() {
    let report = FlowCase("shear") { _ in Shear<Double>(slope: Tensor(0.7)) }.report()
    #expect(report.problems.isEmpty, "\(report)")
    #expect(report.skipped.count == 4)
    for name in needFiles + ["save and load"] {
      #expect(report.skipped.contains { $0.hasPrefix("shear, \(name): the file holds a flow of") })
    }
    #expect(report.description.hasPrefix("skipped: shear, round trip in Float: "))
  }

  @Test("is reported for a flow of Double alone")
  func doubleOnly() {
    let types = StorableTypes(flows: [Doubling.self])
    let report = FlowCase("doubling", types: types) { _ in Doubling() }.report()
    #expect(report.problems.isEmpty, "\(report)")
    #expect(report.skipped.count == 3)
  }

  @Test("is reported for rows that depend on each other")
  func mixedRows() {
    let report = FlowCase("centering") { _ in Centering() }
      .report([.tiles, .logDeterminant, .inputGradients, .roundTrip])
    #expect(report.problems.isEmpty, "\(report)")
    #expect(report.skipped.count == 3)
  }

  @Test("is reported for a density that is no flow")
  func density() {
    let report = DensityCase("gauss") { _ in Gaussian<Double>(dimension: 1) }.report([.roundTrip])
    #expect(report.skipped == ["gauss, round trip: a density is no flow"])
  }
}
