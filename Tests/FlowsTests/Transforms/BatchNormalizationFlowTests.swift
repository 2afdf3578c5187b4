import FlowChecks
import Testing

@testable import Flows

@Suite("Batch normalisation as a flow")
struct BatchNormalizationFlowTests {
  private let data: Tensor<Double> = {
    var generator = PhiloxGenerator(seed: 1)
    return Tensor<Double>.normal([600, 2], using: &generator) * Tensor([0.4, 5]) + Tensor([2, -30])
  }()

  private func model() -> NormalizingFlow<Double> {
    var generator = PhiloxGenerator(seed: 2)
    return NormalizingFlow(base: Gaussian<Double>(dimension: 2)) {
      AffineCoupling<Double>(dimension: 2, mask: .half(0), hidden: [8], using: &generator)
      BatchNormalizationFlow<Double>(dimension: 2)
      AffineCoupling<Double>(dimension: 2, mask: .half(1), hidden: [8], using: &generator)
      BatchNormalizationFlow<Double>(dimension: 2)
    }
  }

  private func layers(_ model: NormalizingFlow<Double>) -> [BatchNormalizationFlow<Double>] {
    model.flow.flows.compactMap { $0 as? BatchNormalizationFlow<Double> }
  }

  private let options = FitOptions {
    $0.steps = 30
    $0.batchSize = 64
    $0.validationInterval = 10
    $0.learningRate = .constant(3e-3)
  }

  @Test("the first data are brought to mean 0 and variance 1, at either side")
  func start() {
    for flow in [
      BatchNormalizationFlow<Double>(dimension: 2),
      BatchNormalizationFlow<Double>(dimension: 2).inverted,
    ] as [any Flow<Double>] {
      var flow = flow
      flow.prepare(with: data, context: nil)
      let latent = flow.inverse(data).value
      #expect(
        deviation(
          "mean", found: latent.mean(axis: 0), expected: .zeros([2]), tolerance: 1e-10) == nil)
      #expect(
        deviation(
          "variance", found: latent.variance(axis: 0), expected: .ones([2]), tolerance: 1e-3) == nil
      )
    }
  }

  @Test("statistics follow the rows by a moving average, and the first rows set them")
  func movingAverage() {
    var layer = BatchNormalizationFlow<Double>(dimension: 2, momentum: 0.25)
    layer.updateStatistics(with: data, context: nil)
    let (mean, variance) = (data.mean(axis: 0), data.variance(axis: 0))
    #expect(layer.runningMean == mean && layer.runningVariance == variance)
    layer.updateStatistics(with: data * 3, context: nil)
    #expect(
      deviation("mean", found: layer.runningMean, expected: mean * 1.5, tolerance: 1e-12) == nil)
    #expect(
      deviation("variance", found: layer.runningVariance, expected: variance * 3, tolerance: 1e-12)
        == nil)
    let before = layer
    layer.updateStatistics(with: data[rows: 0..<1], context: nil)
    layer.updateStatistics(with: data / 0, context: nil)
    #expect(layer.runningMean == before.runningMean, "one row, or infinite ones, change nothing")
  }

  @Test("a composition gives each part what reaches it")
  func composition() {
    var flow = model().flow
    flow.updateStatistics(with: data, context: nil)
    let inner = flow.flows[2].inverse(flow.flows[3].inverse(data).value).value
    let deeper = flow.flows[1] as? BatchNormalizationFlow<Double>
    #expect(deeper?.runningMean == inner.mean(axis: 0))
    #expect(flow.hasRunningStatistics)
    #expect(
      !Composition<Double>(dimension: 2, [ActNorm<Double>(dimension: 2)]).hasRunningStatistics)
  }

  @Test("a fit moves them, and keeps those of the best weights", arguments: [nil, 0.9])
  func fit(averageDecay: Double?) throws {
    var (start, fitted, options) = (model(), model(), options)
    options.averageDecay = averageDecay
    start.standardization = try Standardization(data, rows: Array(0..<600), weights: nil)
    start.prepare(with: data, context: nil)
    let report = try fitted.fit(data, validation: data[rows: 0..<100], options: options)
    for (before, after) in zip(layers(start), layers(fitted)) {
      #expect(before.runningVariance != after.runningVariance)
    }
    let best = try #require(report.bestValidationLoss)
    let again = -fitted.logDensity(of: data[rows: 0..<100]).mean().scalar
    #expect(Swift.abs(again - best) < 1e-9, "\(again) of the model, \(best) of the report")
  }

  @Test("the weights of an earlier validation come with their own statistics")
  func bestIsNotLast() throws {
    var (model, options) = (model(), options)
    // So fast that the loss grows again.
    options.learningRate = .constant(0.5)
    options.averageDecay = nil
    let report = try model.fit(data, validation: data[rows: 0..<100], options: options)
    let best = try #require(report.bestValidationLoss)
    let again = -model.logDensity(of: data[rows: 0..<100]).mean().scalar
    #expect(Swift.abs(again - best) < 1e-9, "\(again) of the model, \(best) of the report")
  }

  @Test("a fit that is interrupted ends with the weights and statistics of one that was not")
  func resumed() throws {
    try withTemporaryFolder { folder in
      var options = options
      var (whole, part) = (model(), model())
      try whole.fit(data, options: options)
      options.checkpoint = FitCheckpoint(path: folder + "/fit.safetensors")
      try part.fit(data, options: options) { $0.step < 17 }
      var rest = model()
      let report = try rest.fit(data, options: options)
      #expect(report.resumedAtStep == 17)
      for (one, other) in zip(whole.namedTensors, rest.namedTensors) {
        #expect(one.tensor == other.tensor, "\(one.name)")
      }
    }
  }

  @Test("a trainer moves statistics of its own")
  func trainer() {
    var start = model()
    start.prepare(with: data, context: nil)
    let trainer = Trainer(start)
    let before = trainer.model
    let result = trainer.step(on: data, learningRate: 1e-3)
    #expect(result.wasTaken)
    trainer.updateStatistics(with: data * 2)
    #expect(layers(before)[1].runningMean == layers(start)[1].runningMean)
    #expect(layers(trainer.model)[1].runningMean != layers(start)[1].runningMean)
    #expect(trainer.state.states.count == start.states.count)
  }
}
