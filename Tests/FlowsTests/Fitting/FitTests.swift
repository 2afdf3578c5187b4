import FlowChecks
import Foundation
import Testing

@testable import Flows

/// A correlated Gaussian in uneven units, with its own mean negative log-density.
struct GaussianRows {
  let rows: Tensor<Float>
  /// Of the true density over these rows, in nats.
  let meanNLL: Double

  init(_ count: Int, seed: UInt64) {
    var generator = PhiloxGenerator(seed: seed)
    let z = Tensor<Float>.normal([count, 2], using: &generator)
    let (a, b) = (z.columns([0]), z.columns([1]))
    rows = .concatenated([a * 2 + 10, (a * 0.8 + b * 0.6) * 0.05 - 3], axis: 1)
    meanNLL =
      Double(z.squared().mean().scalar) + Foundation.log(2 * Double.pi)
      + Foundation.log(2 * 0.05 * 0.6)
  }
}

func smallFlow(_ seed: UInt64 = 41, contextDimension: Int = 0) -> NormalizingFlow<Float> {
  var generator = PhiloxGenerator(seed: seed)
  return .realNVP(
    dimension: 2, contextDimension: contextDimension, layers: 4, hidden: [16], using: &generator)
}

func allTensors(_ model: NormalizingFlow<Float>) -> [Tensor<Float>] {
  model.namedTensors.map(\.tensor)
}

@Suite("Fit")
struct FitTests {
  private func options(_ steps: Int, _ change: (inout FitOptions) -> Void = { _ in }) -> FitOptions
  {
    FitOptions {
      $0.steps = steps
      $0.batchSize = 256
      $0.validationInterval = 20
      $0.learningRate = .cosine(5e-3).warmingUp(over: 10)
      $0.averageDecay = 0.95
      change(&$0)
    }
  }

  @Test("comes within 0.02 nats of a correlated Gaussian")
  func accuracy() throws {
    let (data, fresh) = (GaussianRows(4_000, seed: 42), GaussianRows(4_000, seed: 43))
    var flow = smallFlow()
    let report = try flow.fit(data.rows, options: options(400) { $0.patience = nil })
    #expect(report.stopReason == .finished)
    #expect(report.steps == 400)
    #expect(report.skippedSteps == 0)
    #expect(report.trainingRows == 3_600)
    #expect(report.validationRows == 400)
    #expect(report.validationCurve.map(\.step) == Array(stride(from: 20, through: 400, by: 20)))
    let found = -Double(flow.logDensity(of: fresh.rows).mean().scalar)
    #expect(found - fresh.meanNLL < 0.02, "found \(found), truth \(fresh.meanNLL)")
    let units = try #require(flow.standardization)
    #expect(Swift.abs(units.shift[0] - 10) < 0.2)
    #expect(Swift.abs(units.scale[1] - 0.05) < 0.005)
  }

  @Test("returns the weights with the best validation loss")
  func bestWeights() throws {
    let data = GaussianRows(300, seed: 44)
    let options = options(300) {
      $0.patience = nil
      $0.learningRate = .constant(0.02)
    }
    var flow = smallFlow()
    let report = try flow.fit(data.rows, options: options)
    let best = try #require(report.validationCurve.min { $0.loss < $1.loss })
    #expect(report.bestValidationLoss == best.loss)
    #expect(report.bestStep == best.step)
    #expect(report.bestStep < 300, "the data overfit, or the test shows nothing")
    let held = FitInput(data: data.rows, context: nil, weights: nil).split(options).validation
    let loss = -Double(flow.logDensity(of: data.rows.rows(held)).mean().scalar)
    #expect(Swift.abs(loss - best.loss) < 1e-5)
  }

  @Test("stops early where validation does not improve")
  func earlyStopping() throws {
    var flow = smallFlow()
    let report = try flow.fit(
      GaussianRows(80, seed: 45).rows,
      options: options(5_000) {
        $0.patience = 3
        $0.validationInterval = 10
        $0.learningRate = .constant(0.02)
      })
    #expect(report.stopReason == .earlyStopping)
    #expect(report.steps < 5_000)
    #expect(report.steps == report.bestStep + 30)
  }

  @Test("stops where the callback says so")
  func callback() throws {
    var flow = smallFlow()
    let seen = SharedList<Int>()
    let report = try flow.fit(GaussianRows(500, seed: 46).rows, options: options(400)) { progress in
      seen.append(progress.step)
      return progress.step < 37
    }
    #expect(report.stopReason == .cancelled)
    #expect(report.steps == 37)
    #expect(seen.all == Array(1...37))
    #expect(report.validationCurve.last?.step == 37)
    #expect(allTensors(flow) != allTensors(smallFlow()))
  }

  @Test("stops where its task is cancelled")
  func cancellation() async throws {
    let data = GaussianRows(500, seed: 47).rows
    let (started, start) = AsyncStream<Void>.makeStream()
    let options = options(10_000_000) { $0.patience = nil }
    let task = Task {
      var flow = smallFlow()
      let report = try await flow.fit(data, options: options) { _ in
        start.yield()
        return true
      }
      return (flow, report)
    }
    for await _ in started { break }
    task.cancel()
    let (flow, report) = try await task.value
    #expect(report.stopReason == .cancelled)
    #expect(report.steps < 10_000_000)
    #expect(flow.standardization != nil)
  }

  @Test("gives the same weights in its asynchronous form")
  func asynchronous() async throws {
    let data = GaussianRows(500, seed: 48).rows
    let options = options(40)
    let expected = try fitted(data, options)
    var flow = smallFlow()
    _ = try await flow.fit(data, options: options)
    #expect(allTensors(flow) == allTensors(expected))
  }

  private func fitted(
    _ data: Tensor<Float>, weights: Tensor<Float>? = nil, _ options: FitOptions
  ) throws -> NormalizingFlow<Float> {
    var flow = smallFlow()
    try flow.fit(data, weights: weights, options: options)
    return flow
  }

  @Test("depends on its seed and on nothing else")
  func determinism() throws {
    let data = GaussianRows(600, seed: 49).rows
    let first = allTensors(try fitted(data, options(60)))
    #expect(allTensors(try fitted(data, options(60) { $0.threads = 1 })) == first)
    #expect(allTensors(try fitted(data, options(60) { $0.threads = 3 })) == first)
    #expect(allTensors(try fitted(data, options(60) { $0.seed = 1 })) != first)
  }

  @Test("does not change where every weight is 2")
  func equalWeights() throws {
    let data = GaussianRows(600, seed: 50).rows
    let plain = try fitted(data, options(60))
    let weighted = try fitted(
      data, weights: Tensor(repeating: 2, shape: [600]), options(60))
    let x = GaussianRows(50, seed: 51).rows
    #expect(
      deviation(
        "log-density", found: weighted.logDensity(of: x), expected: plain.logDensity(of: x),
        tolerance: 1e-5) == nil)
  }

  @Test("follows the weights of its rows")
  func unequalWeights() throws {
    let data = GaussianRows(1_000, seed: 52).rows
    let moved = Tensor<Float>.concatenated([data, data + 100])
    let weights = Tensor<Float>.concatenated([.ones([1_000]), .zeros([1_000])])
    let flow = try fitted(moved, weights: weights, options(40))
    let units = try #require(flow.standardization)
    #expect(Swift.abs(units.shift[0] - 10) < 0.3, "rows of weight 0 do not count")
  }

  @Test("learns a conditional mean")
  func context() throws {
    var generator = PhiloxGenerator(seed: 53)
    let context = Tensor<Float>.uniform([3_000, 1], in: 5..<7, using: &generator)
    let noise = Tensor<Float>.normal([3_000, 2], using: &generator)
    let data = Tensor<Float>.concatenated([context * 2, context * -1], axis: 1) + noise * 0.3
    var flow = smallFlow(contextDimension: 1)
    try flow.fit(data, context: context, options: options(300))
    for value in [Float(5.2), 6.6] {
      let given = Tensor<Float>(repeating: value, shape: [2_000, 1])
      let mean = flow.sample(2_000, context: given, using: &generator).mean(axis: 0)
      #expect(Swift.abs(mean[0] - 2 * value) < 0.1, "mean \(mean) at \(value)")
      #expect(Swift.abs(mean[1] + value) < 0.1, "mean \(mean) at \(value)")
    }
  }

  @Test("keeps its units when it goes on with other data")
  func refit() throws {
    var flow = try fitted(GaussianRows(400, seed: 54).rows, options(20))
    let units = try #require(flow.standardization)
    try flow.fit(GaussianRows(400, seed: 55).rows * 3 + 1, options: options(20))
    #expect(flow.standardization?.scale == units.scale)
    #expect(flow.standardization?.shift == units.shift)
    var plain = smallFlow()
    try plain.fit(GaussianRows(400, seed: 54).rows, options: options(5) { $0.standardizes = false })
    #expect(plain.standardization == nil)
  }

  @Test("starts layers from its data before it trains")
  func preparation() throws {
    var generator = PhiloxGenerator(seed: 56)
    var flow = NormalizingFlow<Float>.nice(
      dimension: 2, layers: 2, hidden: [8], using: &generator)
    try flow.fit(
      GaussianRows(400, seed: 57).rows, options: options(1) { $0.standardizes = false })
    let norm = try #require(flow.flow.flows.last as? ActNorm<Float>)
    #expect(norm.isInitialized)
    #expect(Swift.abs(norm.shift[0] - 10) < 0.3)
  }
}
