import Flows
import Testing

/// IEEE 754's corners, on every instruction set.
///
/// The sign of a zero is not promised.
@Suite("Special values")
struct SpecialValueTests {
  /// Compares a function at given points; NaN is expected by NaN.
  private func expect<S: TensorScalar>(
    _ name: String, _: S.Type, _ function: (Tensor<S>) -> Tensor<S>, _ pairs: [(S, S)],
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    for set in InstructionSet.available {
      // Repeated, so that both the vector loop and its remainder are met.
      let arguments = Tensor<S>((0..<37).flatMap { _ in pairs.map(\.0) })
      let found = InstructionSet.with(set) { function(arguments) }.scalars
      let wrong = found.indices.first { i in
        let expected = pairs[i % pairs.count].1
        return !(found[i] == expected || found[i].isNaN && expected.isNaN)
      }
      if let wrong {
        let (argument, expected) = pairs[wrong % pairs.count]
        Issue.record(
          "\(name)(\(argument)) on \(set): found \(found[wrong]), expected \(expected)",
          sourceLocation: sourceLocation)
      }
    }
  }

  @Test("exp and expMinusOne")
  func exponentials() {
    expect(
      "exp", Float.self, { exp($0) }, [(0, 1), (-0.0, 1), (.infinity, .infinity), (.nan, .nan)])
    expect(
      "exp", Float.self, { exp($0) },
      [(-.infinity, 0), (-200, 0), (89, .infinity), (1e30, .infinity)])
    expect(
      "exp", Float.self, { exp($0) }, [(.leastNonzeroMagnitude, 1), (-.leastNormalMagnitude, 1)])
    expect(
      "exp", Double.self, { exp($0) }, [(-.infinity, 0), (-800, 0), (710, .infinity), (.nan, .nan)])
    let m1 = { (x: Tensor<Float>) in expMinusOne(x) }
    expect(
      "expMinusOne", Float.self, m1, [(0, 0), (-0.0, 0), (-.infinity, -1), (.infinity, .infinity)])
    expect(
      "expMinusOne", Float.self, m1, [(.nan, .nan), (-1e20, -1), (89, .infinity), (1e-30, 1e-30)])
    expect("expMinusOne", Double.self, { expMinusOne($0) }, [(1e-300, 1e-300), (710, .infinity)])
  }

  @Test("exp is finite up to its limits and falls through the subnormals")
  func limits() {
    for set in InstructionSet.available {
      InstructionSet.with(set) {
        let single = exp(Tensor<Float>([88.72283, 88.72284, -103, -104])).scalars
        #expect(single[0] > 3.4e38 && single[0].isFinite && single[1] == .infinity, "\(set)")
        #expect(single[2].isSubnormal && single[3] == 0, "\(set)")
        let double = exp(Tensor<Double>([709.782712893384, 709.782712893385, -745, -746])).scalars
        #expect(double[0].isFinite && double[0] > 1.79e308 && double[1] == .infinity, "\(set)")
        #expect(double[2] == .leastNonzeroMagnitude && double[3] == 0, "\(set)")
      }
    }
  }

  @Test("logarithms")
  func logarithms() {
    expect(
      "log", Float.self, { log($0) }, [(0, -.infinity), (-0.0, -.infinity), (1, 0), (.nan, .nan)])
    expect(
      "log", Float.self, { log($0) }, [(-1, .nan), (-.infinity, .nan), (.infinity, .infinity)])
    expect(
      "log", Float.self, { log($0) }, [(-.leastNonzeroMagnitude, .nan), (0x1p-149, -103.27893)])
    expect("log", Double.self, { log($0) }, [(0, -.infinity), (0x1p-1074, -744.4400719213812)])
    let p1 = { (x: Tensor<Float>) in log(onePlus: x) }
    expect(
      "log1p", Float.self, p1, [(0, 0), (-1, -.infinity), (-1.5, .nan), (.infinity, .infinity)])
    expect(
      "log1p", Float.self, p1,
      [(.nan, .nan), (1e-30, 1e-30), (0x1p-149, 0x1p-149), (-1e-20, -1e-20)])
  }

  @Test("bounded functions")
  func bounded() {
    expect("tanh", Float.self, { tanh($0) }, [(.infinity, 1), (-.infinity, -1), (0, 0), (-0.0, 0)])
    expect("tanh", Float.self, { tanh($0) }, [(.nan, .nan), (50, 1), (-50, -1), (1e-30, 1e-30)])
    expect("sigmoid", Float.self, { sigmoid($0) }, [(.infinity, 1), (-.infinity, 0), (0, 0.5)])
    expect("sigmoid", Float.self, { sigmoid($0) }, [(.nan, .nan), (200, 1), (-200, 0)])
    expect("softplus", Float.self, { softplus($0) }, [(.infinity, .infinity), (-.infinity, 0)])
    expect("softplus", Float.self, { softplus($0) }, [(.nan, .nan), (200, 200), (-200, 0)])
    expect(
      "logSigmoid", Float.self, { logSigmoid($0) }, [(.infinity, 0), (-200, -200), (.nan, .nan)])
    expect(
      "erf", Float.self, { erf($0) }, [(.infinity, 1), (-.infinity, -1), (0, 0), (.nan, .nan)])
  }

  @Test("piecewise functions let NaN pass")
  func piecewise() {
    expect(
      "relu", Float.self, { relu($0) }, [(.nan, .nan), (-.infinity, 0), (.infinity, .infinity)])
    expect(
      "clipped", Float.self, { $0.clipped(to: -1...2) }, [(.nan, .nan), (-9, -1), (9, 2), (2, 2)])
    expect("abs", Float.self, { abs($0) }, [(.nan, .nan), (-.infinity, .infinity), (-3, 3)])
    expect("maximum", Float.self, { .maximum($0, Tensor(1)) }, [(.nan, .nan), (0, 1), (3, 3)])
    expect("maximum", Float.self, { .maximum(Tensor(1), $0) }, [(.nan, .nan), (0, 1), (3, 3)])
    expect("minimum", Float.self, { .minimum($0, Tensor(1)) }, [(.nan, .nan), (0, 0), (3, 1)])
    expect("minimum", Float.self, { .minimum(Tensor(1), $0) }, [(.nan, .nan), (0, 0), (3, 1)])
    expect("sqrt", Float.self, { sqrt($0) }, [(-1, .nan), (0, 0), (.infinity, .infinity), (4, 2)])
  }

  @Test("reductions keep infinities apart")
  func reductions() {
    let rows = Tensor<Double>([
      [-.infinity, -.infinity], [-.infinity, 3], [.infinity, 0], [1_000, 1_000], [.nan, 1],
    ])
    let found = rows.logSumExp(axis: 1).scalars
    #expect(found[0] == -.infinity && found[1] == 3 && found[2] == .infinity && found[4].isNaN)
    #expect((found[3] - 1_000.6931471805599).magnitude < 1e-12)
    #expect(rows.max(axis: 1).scalars[4].isNaN && rows.min(axis: 1).scalars[4].isNaN)
    #expect(Tensor<Float>([.nan, 1]).max(axis: 0).scalar.isNaN)
    #expect(Tensor<Float>([1, .nan]).max(axis: 0).scalar.isNaN)
  }

  @Test("long sums in Float keep their digits")
  func longSum() {
    let x = Tensor<Float>(repeating: 0.1, shape: [1_000_000])
    for set in InstructionSet.available {
      let sum = InstructionSet.with(set) { x.sum().scalar }
      #expect((sum / 100_000 - 1).magnitude < 1e-5, "\(sum) on \(set)")
    }
  }

  @Test("select gives no gradient to the side that was not taken")
  func selected() {
    let x = Tensor<Double>([-1, 4])
    let g = gradient(at: x) { x in
      let safe = Tensor.select(where: x .> 0, x, else: Tensor(1))
      return Tensor.select(where: x .> 0, sqrt(safe), else: x).sum()
    }
    #expect(g == Tensor([1, 0.25]))
  }
}
