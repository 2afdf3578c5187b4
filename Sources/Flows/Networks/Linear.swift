/// A fully connected layer: x `[rows, in]` → x·W + b `[rows, out]`.
public struct Linear<Scalar: TensorScalar>: Parameterized {
  /// W, stored `[in, out]` (PyTorch stores the transpose).
  public var weight: Tensor<Scalar>
  /// b `[out]`, where there is one.
  public var bias: Tensor<Scalar>?

  /// A layer with given weights `[in, out]` and bias `[out]`.
  public init(weight: Tensor<Scalar>, bias: Tensor<Scalar>?) {
    self.weight = weight
    self.bias = bias
  }

  /// A layer with freshly drawn weights.
  public init(
    inputs: Int, outputs: Int, hasBias: Bool = true, initializer: Initializer = .pyTorch,
    using generator: inout PhiloxGenerator
  ) {
    precondition(
      inputs > 0 && outputs > 0, "a linear layer has inputs and outputs; got \(inputs), \(outputs)")
    weight = initializer.weights(inputs, outputs, using: &generator)
    bias = hasBias ? initializer.bias(inputs, outputs, using: &generator) : nil
  }

  /// activation(x·W + b), fused.
  public func callAsFunction(_ x: Tensor<Scalar>, activation: Activation = .identity)
    -> Tensor<Scalar>
  {
    linear(x, weight: weight, bias: bias, activation: activation)
  }

  /// Shows the weight, then the bias.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("weight", &weight)
    if var value = bias {
      bias = nil
      visitor.visit("bias", &value)
      bias = value
    }
  }
}
