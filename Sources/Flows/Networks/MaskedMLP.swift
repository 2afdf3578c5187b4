/// A masked perceptron (MADE, Germain et al., ICML 2015): every output sees the inputs before it only.
///
/// Inputs, hidden units and outputs carry degrees in increasing order. A hidden unit sees inputs of lower
/// degree than its own, and units of the layer before of at most its degree; so does an output see units. As
/// degrees grow, each unit sees the first so many of the layer before it: its *extent*. Weights beyond the
/// extents stand in the tensors, but are never read and get no gradient.
public struct MaskedMLP<Scalar: TensorScalar>: Parameterized {
  /// The layers, first to last, with full weights `[in, out]`.
  public var layers: [Linear<Scalar>]
  /// Between the layers.
  public let activation: Activation
  let degrees: MaskedDegrees
  private let extents: [IndexList]
  /// 1 within the extents, else 0; only where kernels cannot run the network whole.
  private let masks: [Tensor<Scalar>]
  private let preparation = PreparationCache<PreparedStaircase>()

  /// A network with freshly drawn weights; zero beyond the extents.
  init(
    _ degrees: MaskedDegrees, activation: Activation, initializer: Initializer,
    outputInitializer: Initializer, using generator: inout PhiloxGenerator
  ) {
    self.degrees = degrees
    self.activation = activation
    let extents = degrees.extents
    self.extents = extents.map { IndexList($0) }
    let widths = degrees.widths
    let masks = extents.indices.map { Self.mask(widths[$0], extents[$0]) }
    layers = extents.indices.map { index in
      var layer = Linear<Scalar>(
        inputs: widths[index], outputs: widths[index + 1],
        initializer: index == extents.count - 1 ? outputInitializer : initializer,
        using: &generator)
      layer.weight = layer.weight * masks[index]
      return layer
    }
    self.masks = PreparedStaircase.takes(layers: layers.count, activation) ? [] : masks
  }

  /// 1 within the extents, else 0: `[inputs, outputs]`.
  private static func mask(_ inputs: Int, _ extents: [Int]) -> Tensor<Scalar> {
    var scalars: [Scalar] = []
    scalars.reserveCapacity(inputs * extents.count)
    for input in 0..<inputs {
      for extent in extents { scalars.append(input < extent ? 1 : 0) }
    }
    return Tensor(shape: [inputs, extents.count], scalars: scalars)
  }

  /// x `[rows, inputs]`, in the order of degrees → `[rows, outputs]`.
  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    if let network = prepared { return staircasePass(x, network, layers) }
    var y = x
    for index in layers.indices {
      y = linear(
        y, weight: layers[index].weight * masks[index], bias: layers[index].bias,
        activation: index == layers.count - 1 ? .identity : activation)
    }
    return y
  }

  /// The weights within the extents: multiply-adds of a row.
  package var multiplyAdds: Int { degrees.extents.joined().reduce(0, +) }

  /// The network in the form that kernels read; nil where its activation has no fused kernel.
  var prepared: PreparedStaircase? {
    preparation.form(of: layers) {
      PreparedStaircase(layers, extents: extents, activation: activation)
    }
  }

  /// Shows the layers by their number.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    for index in layers.indices { visitor.visit("\(index)", &layers[index]) }
  }
}

/// The degrees of a masked network, in increasing order in each layer.
struct MaskedDegrees: Hashable, Sendable {
  /// Of the inputs; those of a context are −1.
  let inputs: [Int]
  /// Of the units of each hidden layer.
  let hidden: [[Int]]
  /// Of the outputs.
  let outputs: [Int]

  /// Degrees of hidden units spread evenly over those that can matter.
  ///
  /// - Parameters:
  ///   - inputs: those of the inputs.
  ///   - outputs: those of the outputs.
  ///   - widths: of the hidden layers.
  ///   - groups: how many degrees there are among the outputs.
  init(inputs: [Int], outputs: [Int], widths: [Int], groups: Int) {
    self.inputs = inputs
    self.outputs = outputs
    // Units of degree 0 see the context alone: useless where there is none.
    let first = inputs.first == -1 || groups == 1 ? 0 : 1
    hidden = widths.map { width in
      (0..<width).map { first + $0 * (groups - first) / width }
    }
  }

  /// Given degrees, which increase within each layer.
  init(inputs: [Int], hidden: [[Int]], outputs: [Int]) {
    (self.inputs, self.hidden, self.outputs) = (inputs, hidden, outputs)
  }

  /// Of inputs, hidden layers and outputs.
  var widths: [Int] { [inputs.count] + hidden.map(\.count) + [outputs.count] }

  /// For each layer, and each of its units, how many units of the layer before it sees.
  var extents: [[Int]] {
    var result: [[Int]] = []
    var before = inputs
    var isStrict = true
    for own in hidden + [outputs] {
      var seen = 0
      result.append(
        own.map { degree in
          while seen < before.count
            && (before[seen] < degree || (!isStrict && before[seen] == degree))
          { seen += 1 }
          return seen
        })
      before = own
      isStrict = false
    }
    return result
  }

  /// The units of a hidden layer of one degree.
  func hiddenRange(layer: Int, degree: Int) -> Range<Int> {
    let degrees = hidden[layer]
    let start = degrees.firstIndex { $0 >= degree } ?? degrees.count
    let end = degrees.firstIndex { $0 > degree } ?? degrees.count
    return start..<end
  }
}
