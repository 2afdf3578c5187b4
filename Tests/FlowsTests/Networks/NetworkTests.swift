import Flows
import Testing

@Suite("Networks")
struct NetworkTests {
  @Test("a linear layer is x·W + b")
  func linear() {
    let layer = Linear<Double>(
      weight: Tensor([[1, 2, 3], [4, 5, 6]]), bias: Tensor([10, 20, 30]))
    let x = Tensor<Double>([[1, 0], [0, -1], [1, 1]])
    #expect(layer(x) == Tensor([[11, 22, 33], [6, 15, 24], [15, 27, 39]]))
    let plain = Linear<Double>(weight: layer.weight, bias: nil)
    #expect(plain(x, activation: .relu) == Tensor([[1, 2, 3], [0, 0, 0], [5, 7, 9]]))
    #expect(layer.parameterCount == 9 && plain.parameterCount == 6)
  }

  @Test("an MLP has activations between its layers and none at the end")
  func mlp() {
    var generator = PhiloxGenerator(seed: 6)
    let network = MLP<Double>(
      inputs: 3, hidden: [8, 5], outputs: 2, activation: .tanh, using: &generator)
    let x = sample([7, 3])
    var y = x
    for (index, layer) in network.layers.enumerated() {
      y = y.matmul(layer.weight) + (layer.bias ?? .zeros([1]))
      if index < 2 { y = tanh(y) }
    }
    #expect(abs(network(x) - y).flattened().max(axis: 0).scalar < 1e-14)
    #expect(network.parameterCount == 3 * 8 + 8 + 8 * 5 + 5 + 5 * 2 + 2)
  }

  @Test("without hidden layers an MLP is one linear layer")
  func single() {
    var generator = PhiloxGenerator(seed: 6)
    let network = MLP<Float>(inputs: 3, hidden: [], outputs: 2, using: &generator)
    let x = Tensor<Float>(sample([4, 3]))
    #expect(network.layers.count == 1 && network(x) == network.layers[0](x))
  }

  @Test("parameters have names that lead to them")
  func names() {
    var generator = PhiloxGenerator(seed: 6)
    let network = MLP<Float>(inputs: 1, hidden: [2], outputs: 1, using: &generator)
    #expect(
      network.namedTensors.map { $0.name } == ["0.weight", "0.bias", "1.weight", "1.bias"])
  }

  @Test("a fused activation equals the separate one", arguments: DerivativeTable<Float>.activations)
  func fused(_ activation: Activation) {
    let (x, w) = (sample([9, 6]), sample([6, 21]))
    let b = sample([21])
    for set in InstructionSet.available {
      let worst = InstructionSet.with(set) {
        let fused = Flows.linear(x, weight: w, bias: b, activation: activation)
        return abs(fused - activation(x.matmul(w) + b)).flattened().max(axis: 0).scalar
      }
      #expect(worst < 1e-14, "\(activation) on \(set): \(worst)")
    }
  }
}
