import Testing

@testable import Flows

@Suite("Gradients by a model and by rows")
struct RowGradientsTests {
  @Test(
    "are those of one recording, to rounding and for any number of threads",
    arguments: [1, 300, 1_100])
  func agreement(rows: Int) {
    var generator = PhiloxGenerator(seed: 2)
    let flow = NormalizingFlow<Double>.realNVP(
      dimension: 3, layers: 2, hidden: [8], using: &generator)
    let x = Tensor<Double>.normal([rows, 3], using: &generator)
    let weights = Tensor<Double>.uniform([rows], using: &generator)
    let results = [1, 3].map { threads in
      RowGradients(flow, threads: threads)([x, weights]) { flow, inputs, _ in
        -(flow.logDensity(of: inputs[0]) * inputs[1]).sum()
      }
    }
    let byX = Flows.gradient(at: x) { -(flow.logDensity(of: $0) * weights).sum() }
    let byFlow = Flows.gradient(at: flow) { -($0.logDensity(of: x) * weights).sum() }
    for result in results {
      #expect(abs(result.inputGradients[0] - byX).flattened().max(axis: 0).scalar < 1e-12)
      #expect(
        abs(result.inputGradients[1] + flow.logDensity(of: x)).flattened().max(axis: 0).scalar
          < 1e-12)
      for (a, b) in zip(result.gradient.flow.namedTensors, byFlow.flow.namedTensors) {
        #expect(abs(a.tensor - b.tensor).flattened().max(axis: 0).scalar < 1e-9, "\(a.name)")
      }
      #expect(result.inputGradients == results[0].inputGradients)
      #expect(result.value == results[0].value)
    }
  }

  @Test("are zero by rows that the loss does not look at")
  func unused() {
    let model = Tensor<Double>([2.0])
    let x = Tensor<Double>([1.0, 2, 3]).reshaped(to: [3, 1])
    let result = RowGradients(model)([x, x], tileRows: 1) { model, inputs, range in
      range.lowerBound == 1 ? Tensor(5) : (model * inputs[0]).sum()
    }
    #expect(result.value == 13)
    #expect(result.gradient.scalars == [4])
    #expect(result.inputGradients.map(\.scalars) == [[2, 0, 2], [0, 0, 0]])
  }
}
