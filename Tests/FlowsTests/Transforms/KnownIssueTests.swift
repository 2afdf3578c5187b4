import FlowChecks
import Testing

@testable import Flows

/// Each test's name carries the thread in which users of another library reported the fault.
@Suite("Reports from users of other libraries")
struct KnownIssueTests {
  private func rows(seed: UInt64) -> Tensor<Double> {
    var generator = PhiloxGenerator(seed: seed)
    return Tensor<Double>.normal([300, 2], using: &generator) * Tensor([0.5, 4]) + Tensor([3, -1])
  }

  private func reloaded(_ model: NormalizingFlow<Double>) throws -> NormalizingFlow<Double> {
    try NormalizingFlow(SafetensorsFile(bytes: model.safetensors().bytes()))
  }

  @Test(
    "nflows#4, normflows PR#2, glow-pytorch#6: a loaded ActNorm or normalisation does not start again"
  )
  func startIsSaved() throws {
    let x = rows(seed: 1)
    var model = NormalizingFlow(base: Gaussian<Double>(dimension: 2)) {
      ActNorm<Double>(dimension: 2)
      BatchNormalizationFlow<Double>(dimension: 2)
    }
    model.prepare(with: x, context: nil)
    var loaded = try reloaded(model)
    let expected = model.logDensity(of: x)
    #expect(loaded.logDensity(of: x) == expected)
    // Other data, which must not set anything once more.
    loaded.prepare(with: rows(seed: 2) * 3 + 10, context: nil)
    #expect(loaded.logDensity(of: x) == expected)
    #expect(loaded.namedTensors.map(\.tensor) == model.namedTensors.map(\.tensor))

    var again = try reloaded(model)
    let options = FitOptions {
      $0.steps = 1
      $0.learningRate = .constant(1e-12)
      $0.standardizes = false
    }
    try again.fit(x * 2, options: options)
    let change =
      again.flow.flows[0].namedTensors[0].tensor - model.flow.flows[0].namedTensors[0].tensor
    #expect(abs(change).max(axis: 0).scalar < 1e-10, "a fit of a loaded model goes on from it")
  }

  @Test("FrEIA#121: a constant column gives no NaN", arguments: [false, true])
  func constantColumn(inverted: Bool) {
    var generator = PhiloxGenerator(seed: 3)
    let noise = Tensor<Double>.normal([100, 1], using: &generator)
    let x = Tensor.concatenated([noise, Tensor(repeating: 7, shape: [100, 1])], axis: 1)
    for flow in [ActNorm<Double>(dimension: 2), BatchNormalizationFlow<Double>(dimension: 2)]
      as [any Flow<Double>]
    {
      var model = NormalizingFlow(
        base: Gaussian<Double>(dimension: 2),
        flow: Composition(dimension: 2, [inverted ? flow.inverted : flow]))
      model.prepare(with: x, context: nil)
      #expect(model.namedTensors.allSatisfy { $0.tensor.isFinite })
      let latent = model.toLatent(x)
      #expect(latent.value.isFinite && latent.logDet.isFinite)
      let back = model.toData(latent.value).value
      #expect(deviation("round trip", found: back, expected: x, tolerance: 1e-9) == nil)
      let byModel = gradient(at: model) { $0.logDensity(of: x).sum() }
      #expect(byModel.namedTensors.allSatisfy { $0.tensor.isFinite })
    }
  }

  @Test("normflows#58, #62: one column and odd numbers of columns", arguments: [1, 3, 7])
  func oddColumns(dimension: Int) {
    var generator = PhiloxGenerator(seed: 4)
    let model = NormalizingFlow(base: Gaussian<Double>(dimension: dimension)) {
      Planar<Double>(dimension: dimension, contextDimension: 1, hidden: [4], using: &generator)
      LULinear<Double>.permuting(dimension: dimension, using: &generator)
      Householder<Double>(dimension: dimension, using: &generator)
      BatchNormalizationFlow<Double>(dimension: dimension)
      Sylvester<Double>(dimension: dimension, using: &generator)
      Radial<Double>(dimension: dimension, using: &generator)
    }
    let c = Tensor<Double>.normal([50, 1], using: &generator)
    let x = model.sample(50, context: c, using: &generator)
    #expect(x.shape == [50, dimension] && model.logDensity(of: x, context: c).isFinite)
  }

  @Test("nflows' BatchNorm: the running variance starts at 1, and there is an inverse in training")
  func batchNormalization() {
    let layer = BatchNormalizationFlow<Double>(dimension: 2)
    let x = rows(seed: 5)
    #expect(layer.runningVariance == .ones([2]))
    let (value, _) = valueAndGradient(at: layer) { layer in
      layer.forward(layer.inverse(x).value).value.sum()
    }
    #expect(Swift.abs(value - x.sum().scalar) < 1e-9)
  }
}
