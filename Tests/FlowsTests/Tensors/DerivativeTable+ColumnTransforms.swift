@testable import Flows

extension DerivativeTable {
  mutating func addColumnTransforms() {
    let circle = ColumnTransform.spline(.circular(bins: 4))
    let closed = ColumnTransform.spline(
      RationalQuadraticSpline(bins: 4, interval: -2...3, tails: .closed))
    let all =
      FlowTable.transforms + [("circular spline", circle), ("closed spline", closed)]
      + [.soft(), .softplus()].map { scale -> (String, ColumnTransform) in
        ("latent affine \(scale)", .latentAffine(scale: scale))
      }
    for (name, transform) in all {
      for direction in [CouplingDirection.toData, .toLatent] {
        // Columns 3 and 0 of 4 change; 20 rows are more than one vector and less than two of Float.
        let transforms = ColumnTransforms([transform], columns: [3, 0], dimension: 4)
        let list = IndexList([3, 0])
        add(
          "\(name) \(direction)", sample([20, 4], in: -1.9..<1.9),
          sample([20, transforms.parameterCount], in: -1..<1)
        ) {
          let y = columnTransform(
            $0[0], columns: list, parameters: $0[1], transforms, direction)
          return .concatenated([y.value.flattened(), y.logDet])
        }
      }
    }
    addMaskedNetworks()
  }

  private mutating func addMaskedNetworks() {
    let degrees = MaskedDegrees(
      inputs: [-1, 0, 1, 2], hidden: [[0, 0, 1, 1, 2], [0, 1, 2, 2]], outputs: [0, 0, 1, 2, 2])
    for activation in [Activation.tanh, .leakyReLU(), .sigmoid, .elu(), .softplus, .gelu] {
      add(
        "masked network, \(activation)", sample([20, 4]), sample([4, 5]), sample([5], salt: 1),
        sample([5, 4]), sample([4], salt: 2), sample([4, 5], salt: 3), sample([5], salt: 4)
      ) {
        var generator = PhiloxGenerator(seed: 0)
        var network = MaskedMLP<S>(
          degrees, activation: activation, initializer: .zero, outputInitializer: .zero,
          using: &generator)
        for layer in 0..<3 {
          network.layers[layer].weight = $0[1 + 2 * layer]
          network.layers[layer].bias = $0[2 + 2 * layer]
        }
        return network($0[0])
      }
    }
  }
}
