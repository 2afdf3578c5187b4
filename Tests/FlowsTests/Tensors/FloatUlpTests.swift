import Foundation
import Testing

@testable import Flows

@Suite("Accuracy in Float")
struct FloatUlpTests {
  /// Steps through all bit patterns; both strides are prime.
  #if DEBUG
    static let step = 9_973
  #else
    static let step = 997
  #endif

  static let functions: [ElementaryFunction<Float, Double>] = [
    .init("exp", 1.1, { Flows.exp($0) }, { Foundation.exp($0) }),
    .init("expMinusOne", 1.9, { expMinusOne($0) }, { expm1($0) }),
    .init("log", 0.9, { Flows.log($0) }, { Foundation.log($0) }),
    .init("log(onePlus:)", 2.6, { log(onePlus: $0) }, { log1p($0) }),
    .init("tanh", 2.6, { Flows.tanh($0) }, { Foundation.tanh($0) }),
    .init(
      "sigmoid", 2.4, { sigmoid($0) },
      { $0 < 0 ? Foundation.exp($0) / (1 + Foundation.exp($0)) : 1 / (1 + Foundation.exp(-$0)) }),
    .init("softplus", 3.0, { softplus($0) }, { max($0, 0) + log1p(Foundation.exp(-$0.magnitude)) }),
    .init("erf", 1.1, { Flows.erf($0) }, { Foundation.erf($0) }),
    .init("sqrt", 0.5, { Flows.sqrt($0) }, { $0.squareRoot() }),
  ]

  @Test("lies within its bound of libm in Double, over all of Float", arguments: functions)
  func bound(_ function: ElementaryFunction<Float, Double>) {
    let arguments = stride(from: 0, through: UInt32.max, by: Self.step)
      .map { Float(bitPattern: $0) }.filter { !$0.isNaN }
    let expected = arguments.map { function.reference(Double($0)) }
    for set in InstructionSet.available {
      let found = InstructionSet.with(set) { function.function(Tensor(arguments)) }.scalars
      var worst = WorstUlp()
      for i in arguments.indices {
        let (exact, rounded) = (expected[i], Float(expected[i]))
        if rounded == found[i] && rounded.isInfinite || exact.isNaN && found[i].isNaN { continue }
        let unit = rounded.isFinite ? rounded.ulp : Float.greatestFiniteMagnitude.ulp
        let ulps = (Double(found[i]) - exact).magnitude / Double(unit)
        if !(ulps <= worst.ulps) {
          worst.note(ulps, Double(arguments[i]), Double(found[i]), exact)
        }
      }
      #expect(worst.ulps <= function.bound, "\(function.name) on \(set): \(worst)")
    }
  }
}
