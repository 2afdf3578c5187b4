// Only x86-64 has a floating-point type, and outside Windows a libm, that is wider than Double.
#if arch(x86_64) && os(Linux)
  import Foundation
  import Testing

  @testable import Flows

  @Suite("Accuracy in Double")
  struct DoubleUlpTests {
    static let functions: [ElementaryFunction<Double, Float80>] = [
      .init("exp", 1.1, { Flows.exp($0) }, { Foundation.exp($0) }),
      .init("expMinusOne", 2.2, { expMinusOne($0) }, { expm1($0) }),
      .init("log", 0.9, { Flows.log($0) }, { Foundation.log($0) }),
      .init("log(onePlus:)", 2.6, { log(onePlus: $0) }, { log1p($0) }),
      .init("tanh", 2.8, { Flows.tanh($0) }, { Foundation.tanh($0) }),
      .init(
        "sigmoid", 2.6, { sigmoid($0) },
        { $0 < 0 ? Foundation.exp($0) / (1 + Foundation.exp($0)) : 1 / (1 + Foundation.exp(-$0)) }),
      .init(
        "softplus", 3.1, { softplus($0) }, { max($0, 0) + log1p(Foundation.exp(-$0.magnitude)) }),
      .init("erf", 1.3, { Flows.erf($0) }, { Foundation.erf($0) }),
      .init("sqrt", 0.5, { Flows.sqrt($0) }, { $0.squareRoot() }),
    ]

    @Test("lies within its bound of libm in Float80, at random points", arguments: functions)
    func bound(_ function: ElementaryFunction<Double, Float80>) {
      var generator = PhiloxGenerator(seed: 8)
      // Any bit pattern; then where the functions bend.
      var arguments = (0..<20_000).map { _ in Double(bitPattern: generator.next()) }
        .filter { !$0.isNaN }
      for range in [-40.0..<40, -750..<750, -1..<1, 0.9..<1.1, -0.01..<0.01] {
        // On one set, because others round the step to the range differently.
        arguments += InstructionSet.with(.baseline) {
          Tensor<Double>.uniform([8_000], in: range, using: &generator).scalars
        }
      }
      let expected = arguments.map { function.reference(Float80($0)) }
      for set in InstructionSet.available {
        let found = InstructionSet.with(set) { function.function(Tensor(arguments)) }.scalars
        var worst = WorstUlp()
        for i in arguments.indices {
          let (exact, rounded) = (expected[i], Double(expected[i]))
          if rounded == found[i] && rounded.isInfinite || exact.isNaN && found[i].isNaN { continue }
          let unit = rounded.isFinite ? rounded.ulp : Double.greatestFiniteMagnitude.ulp
          let ulps = Double((Float80(found[i]) - exact).magnitude / Float80(unit))
          if !(ulps <= worst.ulps) { worst.note(ulps, arguments[i], found[i], rounded) }
        }
        #expect(worst.ulps <= function.bound, "\(function.name) on \(set): \(worst)")
      }
    }
  }
#endif
