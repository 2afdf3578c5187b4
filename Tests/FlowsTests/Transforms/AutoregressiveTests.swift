import Testing

@testable import Flows

@Suite("Autoregressive maps")
struct AutoregressiveTests {
  private func flow(
    _ dimension: Int, order: [Int]? = nil, passes: Int? = nil, context: Int = 0,
    hidden: [Int] = [16, 16]
  ) -> Autoregressive<Double> {
    var generator = PhiloxGenerator(seed: 1)
    return Autoregressive(
      dimension: dimension, order: order, passes: passes, contextDimension: context,
      hidden: hidden, outputInitializer: .pyTorch, using: &generator)
  }

  /// Which columns of the latent row change with which column of the data.
  private func dependencies(_ flow: Autoregressive<Double>) -> [[Bool]] {
    var generator = PhiloxGenerator(seed: 2)
    let x = Tensor<Double>.normal([6, flow.dimension], using: &generator)
    let before = flow.inverse(x).value
    return (0..<flow.dimension).map { column in
      let moved =
        x
        + Tensor<Double>.ones([6, 1]).scattering([column], axis: 1, count: flow.dimension) * 0.25
      let change = flow.inverse(moved).value - before
      return (0..<flow.dimension).map { other in
        change[columns: other..<other + 1].scalars.contains { $0 != 0 }
      }
    }
  }

  @Test("let each column see those before it in the order, and only those")
  func order() {
    let order = [2, 0, 3, 1]
    let found = dependencies(flow(4, order: order))
    for (place, column) in order.enumerated() {
      for (otherPlace, other) in order.enumerated() {
        #expect(found[column][other] == (otherPlace >= place), "\(column) and \(other)")
      }
    }
  }

  @Test("do not let columns of a group see each other")
  func groups() {
    let found = dependencies(flow(5, passes: 2))
    for column in 0..<5 {
      for other in 0..<5 {
        let expected = column == other || (column < 3 && other >= 3)
        #expect(found[column][other] == expected, "\(column) and \(other)")
      }
    }
  }

  @Test("zuko#2: compute each unit once on the way to data, however many columns there are")
  func work() {
    for dimension in [4, 16, 63] {
      let flow = flow(dimension, hidden: [64, 64])
      var generator = PhiloxGenerator(seed: 3)
      let rows = Tensor<Double>.normal([256, dimension], using: &generator)
      func products(_ body: () -> Void) -> Int {
        KernelCounts.counting(body).counts.filter { $0.name.hasPrefix("staircase") }
          .reduce(0) { $0 + $1.operations }
      }
      let (there, back) = (
        products { _ = flow.inverse(rows) }, products { _ = flow.forward(rows) }
      )
      #expect(back > 0 && Double(back) < 1.1 * Double(there))
    }
  }

  @Test("never read a weight that a mask hides, nor give it a gradient")
  func hiddenWeights() {
    for activation in [Activation.relu, .gelu] {
      var generator = PhiloxGenerator(seed: 4)
      let flow = Autoregressive<Double>(
        dimension: 3, contextDimension: 1, hidden: [7], activation: activation,
        outputInitializer: .pyTorch, using: &generator)
      let x = Tensor<Double>.normal([5, 3], using: &generator)
      let context = Tensor<Double>.normal([5, 1], using: &generator)
      func loss(_ flow: Autoregressive<Double>) -> Tensor<Double> {
        let y = flow.inverse(x, context: context)
        return y.value.sum() + y.logDet.sum()
      }
      let (value, gradient) = valueAndGradient(at: flow, loss)
      var disturbed = flow
      var hidden = 0
      for (layer, extents) in flow.network.degrees.extents.enumerated() {
        let (inputs, outputs) = (
          flow.network.layers[layer].weight.shape[0], flow.network.layers[layer].weight.shape[1]
        )
        var weights = flow.network.layers[layer].weight.scalars
        let gradients = gradient.network.layers[layer].weight.scalars
        for input in 0..<inputs {
          for output in 0..<outputs where input >= extents[output] {
            #expect(gradients[input * outputs + output] == 0)
            weights[input * outputs + output] = 1_000
            hidden += 1
          }
        }
        disturbed.network.layers[layer].weight = Tensor(
          shape: [inputs, outputs], scalars: weights)
      }
      #expect(hidden > 0)
      #expect(loss(disturbed).scalar == value)
    }
  }
}
