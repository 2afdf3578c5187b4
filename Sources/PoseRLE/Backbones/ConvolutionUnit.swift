import Flows

/// A convolution, a batch normalisation and an activation: what convolutional networks are made of.
///
/// Outside of training the normalisation is an affine map, which ``folded`` puts into the convolution.
public struct ConvolutionUnit<Scalar: TensorScalar>: Sendable {
  /// The convolution, without a bias while there is a normalisation.
  public var convolution: Convolution<Scalar>
  /// The normalisation; nil once it is folded.
  public var normalization: BatchNormalization<Scalar>?
  /// Applied last.
  public let activation: Activation

  /// A unit from its parts.
  public init(
    _ convolution: Convolution<Scalar>, _ normalization: BatchNormalization<Scalar>?,
    activation: Activation
  ) {
    self.convolution = convolution
    self.normalization = normalization
    self.activation = activation
  }

  /// A unit with fresh weights: a square kernel, padded so that the stride alone makes images smaller.
  init(
    _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int = 1, activation: Activation = .relu,
    start: Convolution<Scalar>.Start, using generator: inout PhiloxGenerator
  ) {
    self.init(
      Convolution(
        inputs: inputs, outputs: outputs,
        geometry: ConvolutionGeometry(
          kernel: .init(kernel), stride: .init(stride), padding: .init(kernel / 2)),
        hasBias: false, start: start, using: &generator),
      BatchNormalization(channels: outputs), activation: activation)
  }

  /// activation(norm(x ∗ W) + residual).
  public func callAsFunction(
    _ x: Tensor<Scalar>, residual: Tensor<Scalar>? = nil,
    statistics: BatchStatistics<Scalar>? = nil
  ) -> Tensor<Scalar> {
    guard let normalization else {
      return convolution(x, residual: residual, activation: activation)
    }
    return normalization(
      convolution(x), residual: residual, activation: activation, statistics: statistics)
  }

  /// The same map outside of training, as one convolution with a bias.
  public var folded: ConvolutionUnit {
    guard let normalization else { return self }
    return ConvolutionUnit(convolution.folding(normalization), nil, activation: activation)
  }

  /// Shows convolution and normalisation under given names.
  mutating func visit<V: ParameterVisitor<Scalar>>(
    _ visitor: inout V, _ convolutionName: String, _ normalizationName: String
  ) {
    visitor.visit(convolutionName, &convolution)
    if var layer = normalization {
      normalization = nil
      visitor.visit(normalizationName, &layer)
      normalization = layer
    }
  }
}
