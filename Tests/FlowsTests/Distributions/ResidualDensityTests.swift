import FlowChecks
import Foundation
import Testing

@testable import Flows

/// A density that counts the rows it is asked about.
private struct Counting: Distribution {
  typealias Scalar = Double
  let inner = Gaussian<Double>(location: Tensor([1, -0.5]), scale: Tensor([0.7, 1.2]))
  let rows = SharedList<Int>()
  var dimension: Int { 2 }

  func logDensity(of x: Tensor<Double>, context: Tensor<Double>?) -> Tensor<Double> {
    rows.append(x.shape[0])
    return inner.logDensity(of: x, context: nil)
  }

  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Double>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Double>, logDensity: Tensor<Double>) {
    inner.sampleWithLogDensity(count, using: &generator)
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}

@Suite("Residual density")
struct ResidualDensityTests {
  private let shape = Gaussian<Double>(location: Tensor([2, -1]), scale: Tensor([0.5, 2]))
  private let base = Laplace<Double>(location: Tensor([0.5, 0]), scale: Tensor([1, 0.8]))

  private func normal(_ shape: [Int], seed: UInt64 = 41) -> Tensor<Double> {
    var generator = PhiloxGenerator(seed: seed)
    return .normal(shape, using: &generator)
  }

  @Test("is the product of its parts less the normaliser")
  func formula() {
    let x = normal([700, 2])
    let product = base.logDensity(of: x) + shape.logDensity(of: x)
    func density(_ normalization: ResidualNormalization) -> Tensor<Double> {
      ResidualDensity(base: base, shape: shape, normalization: normalization).logDensity(of: x)
    }
    #expect(density(.omitted) == product)
    #expect(density(.given(-2.5)) == product + 2.5)
    let exact = ResidualDensity(base: base, shape: shape)
    #expect(density(.exact) == product - exact.logNormalizer())
    #expect(exact.logNormalizer().scalar == exact.normalizer().logValue)
    #expect(exact.logNormalizer().shape == [])
    let given = ResidualDensity(base: base, shape: shape, normalization: .given(-2.5))
    #expect(given.logNormalizer().scalar == -2.5)
    #expect(given.normalizer().logValue == exact.normalizer().logValue)
  }

  @Test("computes its normaliser once for a call")
  func once() {
    let counting = Counting()
    let density = ResidualDensity(base: Laplace<Double>(dimension: 2), shape: counting)
    let nodes = density.normalizer().nodes
    let before = counting.rows.all.reduce(0, +)
    _ = density.logDensity(of: normal([5_000, 2]))
    let rows = counting.rows.all.reduce(0, +) - before
    #expect(rows <= 5_000 + nodes + 1 && rows >= 5_000)
  }

  @Test("has the support, kinks and bound of its parts")
  func properties() throws {
    let density = ResidualDensity(base: base, shape: shape)
    #expect(density.support == [.real, .real])
    #expect(density.kinks == [[0.5], [0]])
    #expect(!density.isReparameterized)
    let bound = try #require(density.logDensityBound)
    let (one, other) = (base.logDensityBound, shape.logDensityBound)
    let sum = try #require(one) + (try #require(other))
    #expect(abs(bound - (sum - density.normalizer().logValue)) < 1e-12)
    let boxed = ResidualDensity(base: shape, shape: Box(low: [0, -9], high: [3, 9]))
    #expect(boxed.support == [.interval(0, 3), .interval(-9, 9)])
    #expect(boxed.logDensity(of: Tensor([[-1, 0]])).scalar == -.infinity)
    let flow: NormalizingFlow<Double> = TrainedFlows.start(dimension: 2)
    #expect(ResidualDensity(base: base, shape: flow).logDensityBound == nil)
    #expect(Support.positive.intersection(.interval(-1, 2)) == .interval(0, 2))
    #expect(Support.positive.intersection(.real) == .positive)
    #expect(Support.interval(0, 1).intersection(.interval(1, 2)) == nil)
  }

  @Test("is finite far out, in value and gradient", arguments: [false, true])
  func extremes(isGaussian: Bool) {
    func check<Q: Distribution>(_ base: Q) where Q.Scalar == Float {
      var generator = PhiloxGenerator(seed: 42)
      let model = ResidualDensity(
        base: base, shape: NormalizingFlow<Float>.rle(using: &generator))
      let x = Tensor<Float>([[1e4, 1e4], [-1e4, 1e4], [1e4, 0], [0, -1e4], [0, 0]])
      #expect(model.logDensity(of: x).isFinite)
      let constant = ResidualDensity(
        base: model.base, shape: model.shape, normalization: .given(-3))
      #expect(gradient(at: x) { constant.logDensity(of: $0).sum() }.isFinite)
      let byParameters = TrainedTensors(gradient(at: model) { $0.logDensity(of: x).sum() })
      #expect(byParameters.tensors.allSatisfy { $0.isFinite })
      #expect(byParameters.tensors.contains { abs($0).flattened().max(axis: 0).scalar > 0 })
    }
    if isGaussian {
      check(Gaussian<Float>(dimension: 2, isLearnable: true))
    } else {
      check(Laplace<Float>(dimension: 2, isLearnable: true))
    }
  }

  @Test("agrees in Float and Double")
  func precision() throws {
    let double = ResidualDensity(base: Laplace<Double>(dimension: 2), shape: TrainedFlows.two)
    let float = try ResidualDensity<Laplace<Float>, NormalizingFlow<Float>>(converting: double)
    let x = normal([300, 2])
    #expect(
      deviation(
        "log-density", found: Tensor<Double>(float.logDensity(of: Tensor(x))),
        expected: double.logDensity(of: x), tolerance: 5e-5) == nil)
  }

  @Test("can be the base of a flow")
  func asBase() {
    let inner = ResidualDensity(base: base, shape: shape)
    var norm = ActNorm<Double>(dimension: 2)
    norm.logScale = Tensor([0.5, -1])
    norm.shift = Tensor([3, -2])
    let outer = NormalizingFlow(base: inner, flow: Composition(dimension: 2, [norm]))
    #expect(!outer.isReparameterized)
    let total = midpointIntegral([-3.0...12, -5.0...1], 700) { outer.logDensity(of: $0) }
    #expect(abs(total - 1) < 1e-4, "\(total)")
  }

  @Test("has a normaliser for each row of context")
  func context() {
    var generator = PhiloxGenerator(seed: 43)
    let flow = NormalizingFlow<Double>(base: Gaussian<Double>(dimension: 2)) {
      for index in 0..<2 {
        AffineCoupling(
          dimension: 2, mask: .alternating(index), contextDimension: 1, hidden: [16],
          using: &generator)
      }
    }
    let density = ResidualDensity(base: Gaussian<Double>(dimension: 2), shape: flow)
    #expect(density.contextDimension == 1)
    let context = Tensor<Double>([[-3], [2], [-3]])
    let normalizers = density.logNormalizer(context: context).scalars
    #expect(normalizers[0] == normalizers[2] && abs(normalizers[0] - normalizers[1]) > 1e-3)
    for row in 0..<2 {
      let total = midpointIntegral([-6...6, -6...6], 250) { x in
        density.unnormalizedLogDensity(
          of: x, context: context[rows: row..<(row + 1)].broadcast(to: [x.shape[0], 1]))
      }
      #expect(abs(Foundation.log(total) - normalizers[row]) < 1e-4)
    }
    let x = normal([3, 2])
    #expect(
      density.logDensity(of: x, context: context)
        == density.unnormalizedLogDensity(of: x, context: context) - Tensor(normalizers))
    // A derivative reaches the context through the normaliser.
    func loss(_ value: Double) -> Double {
      density.logNormalizer(context: Tensor([[value]])).sum().scalar
    }
    let slope = gradient(at: Tensor<Double>([[2]])) {
      density.logNormalizer(context: $0).sum()
    }.scalar
    #expect(abs(slope - (loss(2.05) - loss(1.95)) / 0.1) < 1e-3 + 0.01 * abs(slope))

    let many = Tensor<Double>([[-3], [2]]).rows((0..<4_000).map { $0 % 2 })
    let draws = density.sample(4_000, context: many, using: &generator)
    for row in 0..<2 {
      let own = draws.rows(stride(from: row, to: 4_000, by: 2).map { $0 })
      let mean = midpointMean(density, context: context[rows: row..<(row + 1)])
      let error = sqrt(own.variance(axis: 0) / 2_000)
      #expect((abs(own.mean(axis: 0) - mean) / error).max(axis: 0).scalar < 4)
    }
  }

  private func midpointMean<D: Distribution<Double>>(_ density: D, context: Tensor<Double>)
    -> Tensor<Double>
  {
    let nodes = grid([.linearSpace(-6...6, count: 200), .linearSpace(-6...6, count: 200)])
    let mass = exp(
      density.logDensity(of: nodes, context: context.broadcast(to: [nodes.shape[0], 1])))
    return (nodes * mass.expanded(axis: 1)).sum(axis: 0) / mass.sum()
  }

  @Test("refuses parts that do not fit")
  func preconditions() async {
    let dimensions = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = ResidualDensity(base: Laplace<Float>(dimension: 2), shape: Gaussian<Float>(dimension: 3))
    }
    #expect(text(dimensions).contains("base and shape have one dimension; got 2 and 3"))
    let supports = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = ResidualDensity(base: Box(low: [0], high: [1]), shape: Box(low: [2], high: [3]))
    }
    #expect(text(supports).contains("in column 0 the supports are [0.0, 1.0] and [2.0, 3.0]"))
  }

  private func text(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }
}
