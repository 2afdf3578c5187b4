import Flows
import Testing

/// A normalisation behind a linear layer.
private struct Network: Parameterized {
  typealias Scalar = Double
  var linear: Linear<Double>
  var normalization = BatchNormalization<Double>(channels: 3)

  init() {
    var generator = PhiloxGenerator(seed: 5)
    linear = Linear(inputs: 2, outputs: 3, using: &generator)
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {
    visitor.visit("linear", &linear)
    visitor.visit("normalization", &normalization)
  }
}

@Suite("Running averages of normalisations")
struct BatchStatisticsTests {
  private let x = sample([11, 2])

  private func step(_ trainer: Trainer<Network>) {
    let statistics = BatchStatistics<Double>()
    let x = x
    let result = trainer.step(rows: 11, learningRate: 0.01, mixesRows: true) { model, _ in
      statistics.removeAll()
      return model.normalization(model.linear(x), statistics: statistics).squared().sum()
    }
    #expect(result.wasTaken)
    trainer.update(with: statistics)
  }

  @Test("follow mean and unbiased variance of the batch as in PyTorch")
  func average() {
    let network = Network()
    let trainer = Trainer(network)
    let y = network.linear(x)
    let before = trainer.model
    step(trainer)
    let model = trainer.model
    let mean = y.mean(axis: 0)
    let variance = (y - mean).squared().sum(axis: 0) / 10
    #expect(
      abs(model.normalization.runningMean - mean * 0.1).reshaped(to: [-1]).max(axis: 0).scalar
        < 1e-13)
    #expect(
      abs(model.normalization.runningVariance - (variance * 0.1 + 0.9)).reshaped(to: [-1]).max(
        axis: 0
      ).scalar < 1e-13)
    // Values that were taken before stay what they were.
    #expect(before.normalization.runningMean == .zeros([3]))
    #expect(network.normalization.runningVariance == .ones([3]))
  }

  @Test("are part of the state that a trainer goes on from")
  func state() throws {
    let first = Trainer(Network(), averageDecay: 0.9)
    for _ in 0..<3 { step(first) }
    var file = SafetensorsFile()
    try first.state.add(to: &file)
    let second = Trainer(Network(), averageDecay: 0.9)
    try second.restore(TrainerState(from: file))
    for _ in 0..<2 {
      step(first)
      step(second)
    }
    for (a, b) in [(first.model, second.model), (first.averagedModel, second.averagedModel)] {
      #expect(a.normalization.runningMean == b.normalization.runningMean)
      #expect(a.normalization.runningVariance == b.normalization.runningVariance)
      #expect(a.linear.weight == b.linear.weight)
    }
    #expect(first.model.normalization.runningMean != first.averagedModel.normalization.runningMean)
  }
}
