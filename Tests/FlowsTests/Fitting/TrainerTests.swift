import FlowChecks
import Foundation
import Testing

@testable import Flows

/// Rows `[count, 2]` that bend.
func bentRows<S: TensorScalar>(_ count: Int, seed: UInt64 = 31) -> Tensor<S> {
  var generator = PhiloxGenerator(seed: seed)
  let z = Tensor<S>.normal([count, 2], using: &generator)
  let first = z.columns([0])
  return .concatenated(
    [first, z.columns([1]) * S(0.4) + first.squared() * S(0.5)], axis: 1)
}

/// A list that several threads may add to.
final class SharedList<Element: Sendable>: @unchecked Sendable {
  private let lock = NSLock()
  private var items: [Element] = []

  var all: [Element] { lock.withLock { items } }
  func append(_ item: Element) { lock.withLock { items.append(item) } }
}

@Suite("Trainer", .serialized)
struct TrainerTests {
  private func coupling(_ seed: UInt64 = 32) -> NormalizingFlow<Double> {
    var generator = PhiloxGenerator(seed: seed)
    return NormalizingFlow(base: Gaussian<Double>(dimension: 2, isLearnable: true)) {
      AffineCoupling(dimension: 2, mask: .alternating(0), hidden: [8], using: &generator)
      AffineCoupling(dimension: 2, mask: .alternating(1), hidden: [8], using: &generator)
    }
  }

  /// Negative gradient of the mean loss: what a step of rate 1 without momentum adds.
  private func descent(
    _ model: NormalizingFlow<Double>, rows: Int, totalWeight: Double? = nil,
    loss: @escaping @Sendable (NormalizingFlow<Double>, Range<Int>) -> Tensor<Double>
  ) -> (loss: Double, step: [Double]) {
    let trainer = Trainer(model, optimizer: .sgd(), threads: 2)
    let result = trainer.step(
      rows: rows, totalWeight: totalWeight, learningRate: 1, loss: loss)
    let before = TrainedTensors(model).tensors.flatMap(\.scalars)
    let after = TrainedTensors(trainer.model).tensors.flatMap(\.scalars)
    return (result.loss, zip(after, before).map { $0 - $1 })
  }

  @Test("gives the same bits for any number of threads", arguments: [1_024, 300])
  func threads(batch: Int) {
    var generator = PhiloxGenerator(seed: 33)
    let start = NormalizingFlow<Float>.rle(using: &generator)
    let data: Tensor<Float> = bentRows(batch)
    let runs = (1...3).map { threads in
      let trainer = Trainer(
        start, clipping: .norm(5), averageDecay: 0.99, threads: threads)
      var losses: [Double] = []
      for _ in 0..<200 {
        let result = trainer.step(rows: batch, learningRate: 1e-3) { model, range in
          -model.logDensity(of: data[rows: range]).sum()
        }
        losses.append(result.loss)
      }
      return (losses, TrainedTensors(trainer.model), TrainedTensors(trainer.averagedModel))
    }
    for (losses, weights, average) in runs.dropFirst() {
      #expect(losses == runs[0].0)
      #expect(weights.tensors == runs[0].1.tensors)
      #expect(average.tensors == runs[0].2.tensors)
    }
    #expect(runs[0].0[199] < runs[0].0[0] - 0.1, "200 steps lower the loss")
  }

  @Test("sums tiles to the gradient of the whole batch", arguments: [1, 128, 300, 1_024, 2_500])
  func tiles(rows: Int) {
    let model = coupling()
    let data: Tensor<Double> = bentRows(rows)
    let found = descent(model, rows: rows) { model, range in
      -model.logDensity(of: data[rows: range]).sum()
    }
    let (value, gradient) = valueAndGradient(at: model) { -$0.logDensity(of: data).mean() }
    let expected = TrainedTensors(gradient).tensors.flatMap(\.scalars)
    #expect(Swift.abs(found.loss - value) < 1e-12)
    #expect(
      deviation(
        "\(rows) rows", found: found.step, expected: expected.map { -$0 }, tolerance: 1e-12)
        == nil)
  }

  @Test("counts a row of weight 2 as two rows")
  func weights() {
    let model = coupling()
    let data: Tensor<Double> = bentRows(200)
    let doubled = Tensor.concatenated([data, data[rows: 0..<50]])
    let weights = Tensor<Double>.concatenated([
      Tensor(repeating: 2, shape: [50]), Tensor(repeating: 1, shape: [150]),
    ])
    let byWeight = descent(model, rows: 200, totalWeight: 250) { model, range in
      -(model.logDensity(of: data[rows: range]) * weights[rows: range]).sum()
    }
    let byRows = descent(model, rows: 250) { model, range in
      -model.logDensity(of: doubled[rows: range]).sum()
    }
    #expect(Swift.abs(byWeight.loss - byRows.loss) < 1e-12)
    #expect(
      deviation("step", found: byWeight.step, expected: byRows.step, tolerance: 1e-12) == nil)
  }

  @Test("cuts a batch into tiles, unless its rows mix")
  func ranges() {
    let trainer = Trainer(Tensor<Double>([1, 2]), optimizer: .sgd(), threads: 2)
    func ranges(_ rows: Int, mixesRows: Bool) -> [Range<Int>] {
      let seen = SharedList<Range<Int>>()
      _ = trainer.step(rows: rows, learningRate: 0, mixesRows: mixesRows) { model, range in
        seen.append(range)
        return model.sum()
      }
      return seen.all.sorted { $0.lowerBound < $1.lowerBound }
    }
    #expect(ranges(300, mixesRows: false) == [0..<128, 128..<256, 256..<300])
    #expect(ranges(1_100, mixesRows: false).map(\.count) == [256, 256, 256, 256, 76])
    #expect(ranges(5_000, mixesRows: true) == [0..<5_000])
  }

  @Test("leaves out steps that are not finite")
  func nonFinite() {
    let data: Tensor<Double> = bentRows(150)
    let spoiled = Trainer(coupling(), averageDecay: 0.9)
    let clean = Trainer(coupling(), averageDecay: 0.9)
    for index in 0..<6 {
      let before = TrainedTensors(spoiled.model).tensors
      let isBad = index % 2 == 1
      let result = spoiled.step(rows: 150, learningRate: 0.01) { model, range in
        let loss = -model.logDensity(of: data[rows: range]).sum()
        return isBad && range.lowerBound > 0 ? loss * .nan : loss
      }
      #expect(result.wasTaken != isBad)
      if isBad {
        #expect(TrainedTensors(spoiled.model).tensors == before)
      } else {
        _ = clean.step(rows: 150, learningRate: 0.01) { model, range in
          -model.logDensity(of: data[rows: range]).sum()
        }
      }
    }
    #expect(spoiled.step == 3)
    #expect(TrainedTensors(spoiled.model).tensors == TrainedTensors(clean.model).tensors)
    #expect(
      TrainedTensors(spoiled.averagedModel).tensors == TrainedTensors(clean.averagedModel).tensors)

    let infinite = Trainer(Tensor<Double>([0, 1]), optimizer: .sgd())
    let result = infinite.step(rows: 1, learningRate: 1) { model, _ in sqrt(model).sum() }
    #expect(result.loss == 1)
    #expect(!result.wasTaken, "a finite loss with an infinite gradient is not taken")
    #expect(infinite.model == Tensor([0, 1]))
  }

  @Test("averages weights with a decay that grows to its limit")
  func movingAverage() {
    let trainer = Trainer(Tensor<Double>([1, -2]), optimizer: .sgd(), averageDecay: 0.5)
    var (weights, average) = ([1.0, -2], [1.0, -2])
    #expect(trainer.averagedModel.scalars == average)
    for step in 1...20 {
      _ = trainer.step(rows: 4, learningRate: 0.1) { model, range in
        (model * Tensor([1, 3])).sum() * Double(range.count)
      }
      weights = [weights[0] - 0.1, weights[1] - 0.3]
      let decay = min(0.5, Double(1 + step) / Double(10 + step))
      average = zip(average, weights).map { decay * $0 + (1 - decay) * $1 }
      let problem = deviation(
        "step \(step)", found: trainer.averagedModel.scalars, expected: average, tolerance: 1e-13)
      #expect(problem == nil)
    }
    let plain = Trainer(Tensor<Double>([1]), optimizer: .sgd())
    #expect(plain.averagedModel == plain.model)
  }

  @Test("clips the gradient by its norm or its components")
  func clipping() {
    func move(_ clipping: GradientClipping) -> [Double] {
      let trainer = Trainer(Tensor<Double>([0, 0]), optimizer: .sgd(), clipping: clipping)
      let result = trainer.step(rows: 2, learningRate: 1) { model, range in
        (model * Tensor([3, -4])).sum() * Double(range.count)
      }
      #expect(Swift.abs(result.gradientNorm - 5) < 1e-12)
      return trainer.model.scalars
    }
    func isClose(_ found: [Double], _ expected: [Double]) -> Bool {
      deviation("", found: found, expected: expected, tolerance: 1e-13) == nil
    }
    #expect(isClose(move(.none), [-3, 4]))
    #expect(isClose(move(.norm(10)), [-3, 4]))
    #expect(isClose(move(.norm(1)), [-0.6, 0.8]))
    #expect(isClose(move(.value(3.5)), [-3, 3.5]))
  }
}
