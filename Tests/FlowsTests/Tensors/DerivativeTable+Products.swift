import Flows

extension DerivativeTable {
  /// Every activation, the fused ones and the others.
  static var activations: [Activation] {
    [
      .identity, .relu, .leakyReLU(), .leakyReLU(slope: 0.2), .leakyReLU(slope: -0.2), .tanh,
      .sigmoid, .elu(), .elu(alpha: 0.6), .elu(alpha: -0.6), .softplus, .silu, .gelu,
    ]
  }

  mutating func addProducts() {
    add("matmul", sample([3, 5]), sample([5, 4])) { $0[0].matmul($0[1]) }
    add("matmul, square of one", sample([4, 4])) { $0[0].matmul($0[0]) }
    add("matmul, empty contraction", sample([3, 0]), sample([0, 2])) { $0[0].matmul($0[1]) }
    add("matmul, no rows", sample([0, 3]), sample([3, 2])) { $0[0].matmul($0[1]) }
    add("matmul, by the transpose", sample([6, 3])) { $0[0].matmul($0[0].transposed()) }

    for activation in Self.activations {
      add("linear, \(activation)", sample([5, 3]), sample([3, 7]), sample([7])) {
        linear($0[0], weight: $0[1], bias: $0[2], activation: activation)
      }
      add("linear, \(activation), no bias", sample([5, 3]), sample([3, 7])) {
        linear($0[0], weight: $0[1], activation: activation)
      }
    }
    // Odd widths meet every way in which the kernels cut columns into vectors.
    for columns in [1, 2, 3, 5, 17, 33, 64, 65] {
      let (weight, bias) = (sample([9, columns], in: -0.5..<0.5), sample([columns]))
      for activation in [Activation.tanh, .leakyReLU()] {
        add("linear to \(columns), \(activation)", sample([19, 9]), weight, bias) {
          linear($0[0], weight: $0[1], bias: $0[2], activation: activation)
        }
      }
      let back = sample([columns, 2], in: -0.5..<0.5)
      add("linear from \(columns)", sample([7, columns]), back, sample([2])) {
        linear($0[0], weight: $0[1], bias: $0[2])
      }
    }
    add("linear, bias only tracked", sample([4])) {
      linear(.ones([3, 2]), weight: .ones([2, 4]), bias: $0[0], activation: .sigmoid)
    }
    add("linear, one bias for two layers", sample([4, 3]), sample([3, 3]), sample([3])) {
      linear(
        linear($0[0], weight: $0[1], bias: $0[2], activation: .tanh), weight: $0[1], bias: $0[2])
    }
    add("Linear", sample([5, 4]), sample([4, 3]), sample([3])) {
      Linear(weight: $0[1], bias: $0[2])($0[0], activation: .softplus)
    }
    add("MLP", sample([6, 2]), sample([2, 8]), sample([8]), sample([8, 3]), sample([3])) {
      var generator = PhiloxGenerator(seed: 1)
      var network = MLP<S>(
        inputs: 2, hidden: [8], outputs: 3, activation: .tanh, using: &generator)
      network.layers[0] = Linear(weight: $0[1], bias: $0[2])
      network.layers[1] = Linear(weight: $0[3], bias: $0[4])
      return network($0[0])
    }
  }
}
