/// A multilayer perceptron: linear layers with one activation between them and none at the end.
public struct MLP<Scalar: TensorScalar>: Parameterized {
  /// The layers, first to last.
  public var layers: [Linear<Scalar>]
  /// Between the layers.
  public let activation: Activation
  private let preparation = PreparationCache<PreparedNetwork>()

  /// A network `inputs → hidden… → outputs`.
  ///
  /// - Parameters:
  ///   - inputs: columns of the input.
  ///   - hidden: widths of the hidden layers; empty for a single linear layer.
  ///   - outputs: columns of the output.
  ///   - activation: after every layer but the last.
  ///   - initializer: of the hidden layers.
  ///   - outputInitializer: of the last layer.
  ///   - generator: the source of the weights.
  public init(
    inputs: Int, hidden: [Int], outputs: Int, activation: Activation = .leakyReLU(),
    initializer: Initializer = .pyTorch, outputInitializer: Initializer = .pyTorch,
    using generator: inout PhiloxGenerator
  ) {
    let widths = [inputs] + hidden + [outputs]
    layers = (1..<widths.count).map { index in
      Linear(
        inputs: widths[index - 1], outputs: widths[index],
        initializer: index == widths.count - 1 ? outputInitializer : initializer,
        using: &generator)
    }
    self.activation = activation
  }

  /// x `[rows, inputs]` → `[rows, outputs]`.
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    if let network = prepared { return networkPass(x, network, layers) }
    var y = x
    for index in layers.indices.dropLast() { y = layers[index](y, activation: activation) }
    return layers[layers.count - 1](y)
  }

  /// The network in the form that whole passes read; nil where it has none.
  var prepared: PreparedNetwork? {
    preparation.form(of: layers) { PreparedNetwork(layers, activation: activation) }
  }

  /// Shows the layers by their number.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    for index in layers.indices { visitor.visit("\(index)", &layers[index]) }
  }
}
