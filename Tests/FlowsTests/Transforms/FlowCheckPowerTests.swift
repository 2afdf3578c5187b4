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
  }

  let fault: Fault
  var base: any Flow<Double>

  var dimension: Int { base.dimension }

  private func spoiled(_ result: Transformed<Double>) -> Transformed<Double> {
    var result = result
    switch fault {
    case .wrongSign: result.logDet = -result.logDet
    case .missingFactor: result.logDet = result.logDet * 0.5
    case .wrongInverse: break
    case .lostGradient: result.logDet = result.logDet.detached
    }
    return result
  }

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    spoiled(base.forward(z, context: context))
  }

  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    var result = spoiled(base.inverse(x, context: context))
    if fault == .wrongInverse { result.value = result.value * 1.01 }
    return result
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {
    base.visitParameters(&visitor)
  }
}

@Suite("Power of the checks of flows")
struct FlowCheckPowerTests {
  private func row(_ fault: Faulty.Fault, dimension: Int) -> FlowRow {
    FlowRow("\(fault)") { generator in
      var scale = ActNorm<Double>(dimension: dimension)
      scale.logScale = Tensor(repeating: 0.4, shape: [dimension])
      let coupling = AffineCoupling<Double>(
        dimension: dimension, mask: .half(0), hidden: [8], scale: .soft(), using: &generator)
      return Faulty(fault: fault, base: Composition(dimension: dimension, [coupling, scale]))
    }
  }

  private func isCaught(_ fault: Faulty.Fault, by check: FlowCheck, dimension: Int) throws -> Bool {
    try !check.problems(of: row(fault, dimension: dimension)).isEmpty
  }

  @Test("a wrong sign of the log-determinant is caught", arguments: [2, 3])
  func sign(dimension: Int) throws {
    for check in [FlowCheck.logDeterminant, .integral] {
      #expect(try isCaught(.wrongSign, by: check, dimension: dimension), "\(check.name)")
    }
    #expect(try isCaught(.wrongSign, by: .samples, dimension: 2))
  }

  @Test("a log-determinant without a factor is caught", arguments: [2, 3])
  func factor(dimension: Int) throws {
    for check in [FlowCheck.logDeterminant, .integral] {
      #expect(try isCaught(.missingFactor, by: check, dimension: dimension), "\(check.name)")
    }
    #expect(try isCaught(.missingFactor, by: .samples, dimension: 2))
  }

  @Test("a wrong inverse is caught", arguments: [2, 3])
  func inverse(dimension: Int) throws {
    for check in [FlowCheck.roundTrip, .logDeterminant] {
      #expect(try isCaught(.wrongInverse, by: check, dimension: dimension), "\(check.name)")
    }
    #expect(try isCaught(.wrongInverse, by: .integral, dimension: 2))
  }

  @Test("a lost gradient is caught")
  func gradient() throws {
    for check in [FlowCheck.parameterGradients, .inputGradients] {
      #expect(try isCaught(.lostGradient, by: check, dimension: 3), "\(check.name)")
    }
  }

  @Test("the determinant of the checks is right")
  func determinant() {
    let matrix = [[0.0, 2, 1], [1, -3, 0.5], [4, 0, 2]]
    #expect(Swift.abs(logAbsoluteDeterminant(matrix) - 2.484_906_649_788_000_4) < 1e-14)
  }
}
