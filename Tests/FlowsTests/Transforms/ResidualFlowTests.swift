import FlowChecks
import Testing

@testable import Flows

@Suite("Planar, radial and Sylvester flows")
struct ResidualFlowTests {
  private func disturbed<F: Flow>(_ flow: F, by size: Double) -> F where F.Scalar == Double {
    var (copy, noise) = (flow, Disturbance(size: size))
    copy.visitParameters(&noise)
    return copy
  }

  private struct Disturbance: ParameterVisitor {
    let size: Double
    var generator = PhiloxGenerator(seed: 8)
    mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) {
      parameter += Tensor<Double>.normal(parameter.shape, using: &generator) * size
    }
  }

  private func flows(_ dimension: Int) -> [any Flow<Double>] {
    var generator = PhiloxGenerator(seed: 5)
    return [
      Planar<Double>(dimension: dimension, using: &generator),
      Radial<Double>(dimension: dimension, using: &generator),
      Sylvester<Double>(dimension: dimension, using: &generator),
    ]
  }

  @Test("start as the identity", arguments: [1, 2, 5])
  func identity(dimension: Int) {
    var generator = PhiloxGenerator(seed: 6)
    let z = Tensor<Double>.normal([40, dimension], using: &generator) * 3
    for flow in flows(dimension) {
      let result = flow.forward(z)
      #expect(deviation("value", found: result.value, expected: z, tolerance: 1e-14) == nil)
      #expect(
        deviation("log-det", found: result.logDet, expected: .zeros([40]), tolerance: 1e-14) == nil)
    }
  }

  @Test("are inverted to 1e-10, and where they are very steep to the rounding of their image")
  func steep() {
    var generator = PhiloxGenerator(seed: 7)
    for (size, tolerance) in [(1.0, 1e-10), (3.0, 1e-8)] {
      for dimension in [1, 3, 8] {
        let z = Tensor<Double>.normal([500, dimension], using: &generator) * 3
        for flow in flows(dimension) {
          let flow = disturbed(flow, by: size)
          let there = flow.forward(z)
          let back = flow.inverse(there.value)
          let again = flow.forward(back.value).value
          let problems = [
            deviation("z", found: back.value, expected: z, tolerance: tolerance),
            deviation("x", found: again, expected: there.value, tolerance: 1e-12),
            deviation(
              "log-det", found: back.logDet + there.logDet, expected: .zeros([500]),
              tolerance: 100 * tolerance),
          ].compactMap(\.self)
          #expect(problems == [], "\(type(of: flow)), D \(dimension), noise \(size)")
        }
      }
    }
  }

  @Test("roots are those of the equation over the whole range of its coefficients")
  func roots() {
    var generator = PhiloxGenerator(seed: 9)
    let shape = [4_000]
    let t =
      Tensor<Double>.normal(shape, using: &generator)
      * exp(
        Tensor<Double>.uniform(shape, in: -5..<9, using: &generator))
    let q = Tensor<Double>.uniform(shape, in: -3..<3, using: &generator)
    let product =
      exp(Tensor<Double>.uniform(shape, in: -14..<5, using: &generator)) - 1
    let (p, e) = (product / q, Tensor<Double>.uniform(shape, in: -4..<4, using: &generator))
    let y = rootOfTanhEquation(t, p: p, q: q, e: e)
    let size = abs(t) + abs(p) + 1
    let residual = (y + p * tanh(q * y + e) - t) / size
    #expect(abs(residual).max(axis: 0).scalar < 1e-13)
    let flat = rootOfTanhEquation(
      Tensor<Double>([2, 0, .nan, .infinity]), p: Tensor(0.5), q: Tensor(0), e: Tensor(0))
    #expect(flat.scalars[0] == 2 && flat.scalars[1] == 0)
    #expect(flat.scalars[2].isNaN && flat.scalars[3].isNaN)
  }

  @Test("planar: given vectors are those of the formula")
  func planarVectors() {
    let (w, u) = (Tensor<Double>([0.8, -1.1, 0.3]), Tensor<Double>([-0.5, 0.4, 0.2]))
    let flow = Planar(normal: w, displacement: u, bias: 0.7)
    var generator = PhiloxGenerator(seed: 10)
    let z = Tensor<Double>.normal([20, 3], using: &generator)
    let h = tanh((z * w).sum(axis: 1, keepingAxis: true) + 0.7)
    let result = flow.forward(z)
    #expect(deviation("value", found: result.value, expected: z + u * h, tolerance: 1e-14) == nil)
    let slope = 1 + (w * u).sum().scalar * (1 - h.squared())
    #expect(
      deviation(
        "log-det", found: result.logDet, expected: log(slope).squeezed(axis: 1), tolerance: 1e-13)
        == nil)
  }

  @Test("planar: a displacement against the normal is refused")
  func notInvertible() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = Planar<Double>(normal: Tensor([1, 0]), displacement: Tensor([-1.5, 0]), bias: 0)
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("invertible where the normal times the displacement exceeds -1"))
  }

  @Test("context of another width is refused in a sentence")
  func context() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var generator = PhiloxGenerator(seed: 1)
      let flow = Sylvester<Double>(dimension: 2, contextDimension: 3, using: &generator)
      _ = flow.inverse(.zeros([4, 2]), context: .zeros([4, 2]))
    }
    let message = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(message.contains("the context has the shape [4, 3]; got [4, 2]"))
  }
}
