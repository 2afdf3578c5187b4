import FlowChecks
import Testing

@testable import Flows

/// Networks of one input run by their pieces; here they meet the products that they replace.
@Suite("Piecewise linear networks")
struct PiecewiseNetworkTests {
  struct Form: Sendable, CustomTestStringConvertible {
    let hidden: [Int]
    let outputs: Int
    let activation: Activation
    var hasBias = true

    var testDescription: String { "1→\(hidden)→\(outputs), \(activation), bias \(hasBias)" }
  }

  static let forms = [
    Form(hidden: [64, 64], outputs: 1, activation: .leakyReLU()),
    Form(hidden: [64, 64], outputs: 2, activation: .relu),
    Form(hidden: [32, 32], outputs: 2, activation: .leakyReLU(slope: 0.2)),
    Form(hidden: [5, 7], outputs: 3, activation: .leakyReLU(slope: 1.5)),
    Form(hidden: [1, 1], outputs: 1, activation: .relu),
    Form(hidden: [3, 130], outputs: 4, activation: .leakyReLU()),
    Form(hidden: [200, 9], outputs: 1, activation: .leakyReLU()),
    Form(hidden: [40, 24], outputs: 2, activation: .leakyReLU(), hasBias: false),
  ]

  private func network<S: TensorScalar>(_ form: Form, seed: UInt64 = 1) -> MLP<S> {
    var generator = PhiloxGenerator(seed: seed)
    var network = MLP<S>(
      inputs: 1, hidden: form.hidden, outputs: form.outputs, activation: form.activation,
      using: &generator)
    if !form.hasBias {
      for index in network.layers.indices { network.layers[index].bias = nil }
    }
    return network
  }

  /// Layer by layer, with products.
  private func products<S>(_ network: MLP<S>, _ x: Tensor<S>) -> Tensor<S> {
    var y = x
    for (index, layer) in network.layers.enumerated() {
      y = layer(y, activation: index < network.layers.count - 1 ? network.activation : .identity)
    }
    return y
  }

  /// Points everywhere, none at a bend: there both derivatives are right.
  private func points<S: TensorScalar>() -> Tensor<S> {
    var generator = PhiloxGenerator(seed: 2)
    let middle = Tensor<S>.normal([300, 1], using: &generator) * 2
    let far = Tensor<S>([[1e6], [-1e6], [31], [-47]])
    return .concatenated([middle, far], axis: 0)
  }

  private func distance<S>(_ a: Tensor<S>, _ b: Tensor<S>) -> Double {
    guard a.shape == b.shape else { return .nan }
    let scale = b.scalars.reduce(1) { max($0, Double($1.magnitude)) }
    return zip(a.scalars, b.scalars).reduce(0) { worst, pair in
      let error = Double((pair.0 - pair.1).magnitude) / scale
      return error.isNaN ? .nan : max(worst, error)
    }
  }

  private func compare<S: TensorScalar>(_: S.Type, _ form: Form, tolerance: Double) {
    let (network, x): (MLP<S>, Tensor<S>) = (network(form), points())
    #expect(network.prepared?.isPiecewise == true)
    var generator = PhiloxGenerator(seed: 3)
    let g = Tensor<S>.normal([x.shape[0], form.outputs], using: &generator)
    for set in InstructionSet.available {
      InstructionSet.with(set) {
        #expect(distance(network(x), products(network, x)) < tolerance, "\(set)")
        // Rows of 1e6 would drown all others in the gradients.
        let near = x[rows: 0..<300]
        let weights = g[rows: 0..<300]
        let pieces = gradient(at: network) { ($0(near) * weights).sum() }
        let expected = gradient(at: network) { (products($0, near) * weights).sum() }
        for (found, wanted) in zip(pieces.namedTensors, expected.namedTensors) {
          let error = distance(found.tensor, wanted.tensor)
          #expect(error < tolerance, "\(set), gradient by \(found.name): \(error)")
        }
        let byInput = vectorJacobianProduct(at: x, vector: g) { network($0) }.product
        let wanted = vectorJacobianProduct(at: x, vector: g) { products(network, $0) }.product
        #expect(distance(byInput, wanted) < tolerance, "\(set), gradient by x")
      }
    }
  }

  @Test("equal their products in value and gradients", arguments: forms)
  func products(form: Form) {
    compare(Double.self, form, tolerance: 1e-12)
    compare(Float.self, form, tolerance: 3e-6)
  }

  @Test("survive units that never bend, bends in one place, and weights of any size")
  func degenerate() {
    var network: MLP<Double> = network(Form(hidden: [9, 6], outputs: 1, activation: .leakyReLU()))
    network.layers[0].weight = Tensor([[0, 0, 0, 1, 2, -3, 1e-300, -1e300, 1e-12]])
    network.layers[0].bias = Tensor([1, -1, 0, 0.5, 1, -1.5, 1, 1, 3])
    let x = Tensor<Double>([[-2], [-0.75], [0], [0.2], [3], [1e5]])
    #expect(distance(network(x), products(network, x)) < 1e-12)
    network.layers[1].weight = .zeros([9, 6])
    network.layers[1].bias = .zeros([6])
    #expect(distance(network(x), products(network, x)) < 1e-15)
    let zeros = gradient(at: network) { $0(x).sum() }
    #expect(zeros.layers[2].bias?.scalars == [6])
  }

  @Test("keep a row that is not a number to itself")
  func notANumber() {
    let network: MLP<Float> = network(Self.forms[0])
    let y = network(Tensor([[1], [.nan], [2]])).scalars
    #expect(y[0].isFinite && y[1].isNaN && y[2].isFinite)
    #expect(network(Tensor<Float>.zeros([0, 1])).shape == [0, 1])
    var broken = network
    broken.layers[1].weight.withMutableScalars { $0[7] = .nan }
    let values = broken(Tensor([[1], [2]])).scalars
    #expect(values[0].isNaN && values[1].isNaN)
  }

  @Test("follow their weights, however those change")
  func changes() {
    let x: Tensor<Double> = points()
    var first: MLP<Double> = network(Self.forms[2])
    _ = first(x)
    var second = first
    second.layers[1].weight.withMutableScalars { $0[5] += 1 }
    #expect(distance(second(x), products(second, x)) < 1e-12)
    #expect(distance(first(x), products(first, x)) < 1e-12)
    #expect(first(x) != second(x))
    first.layers[2].weight = second.layers[2].weight * 2
    first.layers[0].bias = nil
    #expect(distance(first(x), products(first, x)) < 1e-12)
    let trainer = Trainer(second, optimizer: .sgd(), threads: 1)
    for _ in 0..<3 {
      let expected = gradient(at: trainer.model) { products($0, x[rows: 0..<300]).mean() }
      let before = trainer.model
      _ = trainer.step(rows: 300, totalWeight: 300, learningRate: 0.1) { model, range in
        model(x[rows: range]).sum() * 0.5
      }
      let after = trainer.model
      let moved = after.layers[1].weight - before.layers[1].weight
      #expect(distance(moved, expected.layers[1].weight * -0.1) < 1e-12)
      #expect(distance(after(x), products(after, x)) < 1e-12)
    }
  }

  /// A model whose networks have the first layer's weight in common, scaled.
  private struct Pair: Parameterized {
    typealias Scalar = Double
    var shared: Tensor<Double>
    var one: MLP<Double>
    var two: MLP<Double>

    mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {
      visitor.visit("shared", &shared)
      visitor.visit("one", &one)
      visitor.visit("two", &two)
    }

    func networks(scale: Double?) -> (MLP<Double>, MLP<Double>) {
      var (a, b) = (one, two)
      a.layers[0].weight = scale.map { shared * $0 } ?? shared
      b.layers[0].weight = scale.map { shared * (1 + $0) } ?? shared
      return (a, b)
    }
  }

  /// Some use of networks in a loss, which is taken with pieces and with products.
  struct Use: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let scale: Double?
    let isTwice: Bool
  }

  static let uses = [
    Use(testDescription: "share a tensor", scale: nil, isTwice: false),
    Use(testDescription: "have computed weights", scale: 1.5, isTwice: false),
    Use(testDescription: "are two copies of one network", scale: nil, isTwice: true),
  ]

  @Test("get the gradient of their products, however they are used", arguments: uses)
  func use(_ use: Use) {
    let one: MLP<Double> = network(Self.forms[2], seed: 4)
    let pair = Pair(
      shared: sample([1, 32]), one: one,
      two: use.isTwice ? one : network(Self.forms[2], seed: 5))
    let x = sample([2_500, 1])
    @Sendable func loss(
      _ pair: Pair, _ x: Tensor<Double>, _ run: (MLP<Double>, Tensor<Double>) -> Tensor<Double>
    ) -> Tensor<Double> {
      let (a, b) = use.isTwice ? (pair.one, pair.two) : pair.networks(scale: use.scale)
      return (run(a, x) + run(b, x) * 3).squared().sum()
    }
    let found = gradient(at: pair) { loss($0, x) { $0($1) } }
    let expected = gradient(at: pair) { loss($0, x) { products($0, $1) } }
    for (found, wanted) in zip(found.namedTensors, expected.namedTensors) {
      let error = distance(found.tensor, wanted.tensor)
      #expect(error < 1e-12, "gradient by \(found.name): \(error)")
    }
    // The same in a trainer, for any number of threads and in every run.
    let steps = [1, 2, 2, 3].map { threads in
      let trainer = Trainer(pair, optimizer: .sgd(), threads: threads)
      let result = trainer.step(rows: 2_500, totalWeight: 1, learningRate: 1) { pair, range in
        loss(pair, x[rows: range]) { $0($1) }
      }
      return (result.gradientNorm, trainer.model.namedTensors.map(\.tensor))
    }
    for (name, moved) in zip(pair.namedTensors.map(\.name), steps[0].1.indices) {
      let step = pair.namedTensors[moved].tensor - steps[0].1[moved]
      let error = distance(step, expected.namedTensors[moved].tensor)
      #expect(error < 1e-10, "a step by \(name): \(error)")
    }
    for step in steps.dropFirst() {
      #expect(step.0 == steps[0].0 && step.1 == steps[0].1)
    }
  }

  @Test("in a coupling that stands twice in a flow")
  func repeated() {
    var generator = PhiloxGenerator(seed: 6)
    let part = AffineCoupling<Double>(dimension: 2, mask: .alternating(0), using: &generator)
    let flow = NormalizingFlow(base: Gaussian<Double>(dimension: 2)) {
      part
      Permutation.reversed(dimension: 2)
      part
    }
    let x = Tensor<Double>.normal([300, 2], using: &generator)
    let found = gradient(at: flow) { -$0.logDensity(of: x).mean() }.namedTensors
    let trained = Set(TrainedTensors(flow).names)
    for part in found where trained.contains(part.name) {
      #expect(part.tensor.scalars.contains { $0 != 0 }, "\(part.name)")
    }
    let trainer = Trainer(flow, optimizer: .sgd(), threads: 2)
    _ = trainer.step(on: x, learningRate: 1)
    let after = trainer.model.namedTensors
    for (index, before) in flow.namedTensors.enumerated()
    where trained.contains(before.name) {
      #expect(distance(before.tensor - after[index].tensor, found[index].tensor) < 1e-12)
    }
  }
}
