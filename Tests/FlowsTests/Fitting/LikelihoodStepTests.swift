import FlowChecks
import Testing

@testable import Flows

/// The built-in step of maximum likelihood against the same step on a tape.
@Suite("Built-in likelihood step")
struct LikelihoodStepTests {
  struct Row: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var contextDimension = 0
    let make: @Sendable (inout PhiloxGenerator) -> NormalizingFlow<Double>
  }

  static let rows = [
    Row(testDescription: "RLE, 2-D") { .rle(using: &$0) },
    Row(testDescription: "RLE, 3-D") { .rle(dimension: 3, using: &$0) },
    Row(testDescription: "joint networks, 5-D, permutations") { generator in
      let flow = NormalizingFlow<Double>.realNVP(dimension: 5, layers: 5, using: &generator)
      return perturbed(flow, using: &generator)
    },
    Row(testDescription: "context", contextDimension: 3) { generator in
      let flow = NormalizingFlow<Double>.realNVP(
        dimension: 2, contextDimension: 3, layers: 4, hidden: [16, 16], activation: .tanh,
        using: &generator)
      return perturbed(flow, using: &generator)
    },
    Row(testDescription: "additive couplings over a base that learns") { generator in
      NormalizingFlow(base: Laplace<Double>(dimension: 4, isLearnable: true)) {
        AdditiveCoupling(dimension: 4, mask: .half(0), hidden: [24], using: &generator)
        Permutation.reversed(dimension: 4)
        AdditiveCoupling(
          dimension: 4, mask: .given([true, false, false, false]), hidden: [12, 8],
          using: &generator)
      }
    },
  ]

  private static func perturbed(
    _ flow: NormalizingFlow<Double>, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow<Double> {
    var noise = Noise(generator: generator)
    var copy = flow
    copy.visitParameters(&noise)
    return copy
  }

  private struct Noise: ParameterVisitor {
    var generator: PhiloxGenerator
    mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) {
      parameter += Tensor<Double>.normal(parameter.shape, using: &generator) * 0.1
    }
  }

  @Test("takes the step of the tape", arguments: rows, [1, 300, 2_500])
  func agreement(row: Row, count: Int) throws {
    var generator = PhiloxGenerator(seed: 7)
    let flow = row.make(&generator)
    #expect(Trainer(flow).hasBuiltInLikelihood)
    let x = Tensor<Double>.normal([count, flow.dimension], using: &generator)
    let context: Tensor<Double>? =
      row.contextDimension > 0
      ? .normal([count, row.contextDimension], using: &generator) : nil
    for weights in [nil, Tensor<Double>.uniform([count], using: &generator) + 0.1] {
      // Two steps: the second one starts from weights that changed in place.
      let (builtIn, taped) = (Trainer(flow, threads: 2), Trainer(flow, threads: 2))
      for step in 0..<2 {
        let found = builtIn.step(on: x, context: context, weights: weights, learningRate: 0.01)
        let expected = taped.step(
          rows: count, totalWeight: weights.map { $0.sum().scalar }, learningRate: 0.01
        ) { model, range in
          negativeSum(
            model.logDensity(of: x[rows: range], context: context?[rows: range]),
            weights?.slice(range, axis: 0))
        }
        #expect(abs(found.loss - expected.loss) < 1e-11 * max(1, abs(expected.loss)), "\(step)")
        #expect(
          abs(found.gradientNorm - expected.gradientNorm) < 1e-9 * expected.gradientNorm,
          "\(step)")
      }
      let worst = zip(
        builtIn.model.namedTensors.map(\.tensor), taped.model.namedTensors.map(\.tensor)
      ).map { abs($0 - $1).flattened().max(axis: 0).scalar }.max()
      // Adam's first steps are signs of the gradient: those near zero may differ.
      #expect(try #require(worst) < 0.021)
    }
  }

  @Test("gives the gradient of the tape", arguments: rows)
  func gradients(row: Row) {
    var generator = PhiloxGenerator(seed: 8)
    let flow = row.make(&generator)
    let x = Tensor<Double>.normal([200, flow.dimension], using: &generator)
    let context: Tensor<Double>? =
      row.contextDimension > 0 ? .normal([200, row.contextDimension], using: &generator) : nil
    for weights in [nil, Tensor<Double>.uniform([200], using: &generator)] {
      let trainer = Trainer(flow, optimizer: .sgd(), threads: 1)
      _ = trainer.step(on: x, context: context, weights: weights, learningRate: 1)
      let expected = gradient(at: flow) { flow in
        let logDensity = flow.logDensity(of: x, context: context)
        guard let weights else { return -logDensity.mean() }
        return -(logDensity * weights).sum() / weights.sum()
      }
      let (before, after) = (flow.namedTensors, trainer.model.namedTensors)
      for (index, wanted) in expected.namedTensors.enumerated()
      where TrainedTensors(flow).names.contains(wanted.name) {
        let found = before[index].tensor - after[index].tensor
        let scale = max(1e-3, abs(wanted.tensor).flattened().max(axis: 0).scalar)
        let error = abs(found - wanted.tensor).flattened().max(axis: 0).scalar / scale
        #expect(error < 1e-10, "\(wanted.name): \(error)")
      }
    }
  }

  @Test("mixes with steps on the tape, batches of any size, and states taken over")
  func mixed() throws {
    var generator = PhiloxGenerator(seed: 12)
    let flow = NormalizingFlow<Double>.rle(using: &generator)
    let x = Tensor<Double>.normal([1_500, 2], using: &generator)
    func trained(_ isBuiltIn: (Int) -> Bool) throws -> [Tensor<Double>] {
      var trainer = Trainer(flow, optimizer: .sgd(), threads: 2)
      for (index, count) in [1, 1_500, 300, 7, 1_200].enumerated() {
        let rows = x[rows: 0..<count]
        if isBuiltIn(index) {
          _ = trainer.step(on: rows, learningRate: 0.01)
        } else {
          _ = trainer.step(rows: count, learningRate: 0.01) { model, range in
            -model.logDensity(of: rows[rows: range]).sum()
          }
        }
        if index == 2 {
          let next = Trainer(flow, optimizer: .sgd(), threads: 1)
          try next.restore(trainer.state)
          trainer = next
        }
      }
      return trainer.model.namedTensors.map(\.tensor)
    }
    let onTape = try trained { _ in false }
    for choice in [{ $0 % 2 == 0 }, { $0 % 2 == 1 }, { _ in true }] as [(Int) -> Bool] {
      for (found, expected) in zip(try trained(choice), onTape) {
        #expect(abs(found - expected).flattened().max(axis: 0).scalar < 1e-12)
      }
    }
  }

  @Test("a coupling's networks fit its columns")
  func misfits() async {
    await #expect(processExitsWith: .failure) {
      var generator = PhiloxGenerator(seed: 1)
      var coupling = AffineCoupling<Float>(dimension: 2, mask: .alternating(0), using: &generator)
      coupling.scaleNetwork = MLP(inputs: 5, hidden: [4, 4], outputs: 1, using: &generator)
      _ = coupling.inverse(.zeros([3, 2]), context: nil)
    }
  }

  @Test("gives the same bits for any number of threads", arguments: [2, 8], [300, 2_500])
  func threads(dimension: Int, batch: Int) {
    var generator = PhiloxGenerator(seed: 9)
    let start =
      dimension == 2
      ? NormalizingFlow<Float>.rle(using: &generator)
      : .realNVP(dimension: dimension, layers: 4, using: &generator)
    let x = Tensor<Float>.normal([batch, dimension], using: &generator)
    let runs = (1...3).map { threads in
      let trainer = Trainer(start, clipping: .norm(5), threads: threads)
      let losses = (0..<50).map { _ in trainer.step(on: x, learningRate: 1e-3).loss }
      return (losses, trainer.model.namedTensors.map(\.tensor))
    }
    for (losses, weights) in runs.dropFirst() {
      #expect(losses == runs[0].0 && weights == runs[0].1)
    }
    #expect(runs[0].0[49] < runs[0].0[0])
  }

  @Test("other densities take the way of the tape")
  func others() {
    var generator = PhiloxGenerator(seed: 10)
    let flow = NormalizingFlow<Float>.nice(dimension: 3, using: &generator)
    let trainer = Trainer(flow, threads: 2)
    #expect(!trainer.hasBuiltInLikelihood)
    let x = Tensor<Float>.normal([200, 3], using: &generator) * 2
    let first = trainer.step(on: x, learningRate: 1e-2).loss
    for _ in 0..<20 { _ = trainer.step(on: x, learningRate: 1e-2) }
    #expect(trainer.step(on: x, learningRate: 1e-2).loss < first - 0.1)
  }

  @Test("leaves out a step whose loss is not a number")
  func notFinite() {
    var generator = PhiloxGenerator(seed: 11)
    let trainer = Trainer(NormalizingFlow<Float>.rle(using: &generator), threads: 2)
    let before = trainer.model.namedTensors.map(\.tensor)
    let result = trainer.step(on: Tensor([[1, 2], [.nan, 0]]), learningRate: 0.1)
    #expect(!result.wasTaken && trainer.step == 0)
    #expect(trainer.model.namedTensors.map(\.tensor) == before)
    #expect(trainer.step(on: Tensor([[1, 2]]), learningRate: 0.1).wasTaken)
  }
}
