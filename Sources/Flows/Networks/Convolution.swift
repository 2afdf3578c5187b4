/// A layer that slides a window over images: `[n, height, width, in]` → `[n, height', width', out]`.
///
/// Channels are the innermost axis, weights are stored `[kh, kw, in / groups, out]`; PyTorch stores
/// `[out, in / groups, kh, kw]` and images channels first.
public struct Convolution<Scalar: TensorScalar>: Parameterized {
  /// How the window moves.
  public let geometry: ConvolutionGeometry
  /// W, `[kh, kw, in / groups, out]`.
  public var weight: Tensor<Scalar>
  /// b `[out]`, where there is one.
  public var bias: Tensor<Scalar>?

  /// How the weights of a convolution start.
  public enum Start: String, Hashable, Sendable, Codable {
    /// PyTorch's default: weights and bias uniform in ±1/√fan-in.
    case pyTorch
    /// Weights N(0, 2 / fan-out), as in torchvision's residual networks (He et al., ICCV 2015).
    case heNormal
  }

  /// A layer with given weights `[kh, kw, in / groups, out]` and bias `[out]`.
  public init(weight: Tensor<Scalar>, bias: Tensor<Scalar>?, geometry: ConvolutionGeometry) {
    precondition(
      weight.rank == 4 && weight.shape[0] == geometry.kernel.height
        && weight.shape[1] == geometry.kernel.width,
      "weights of this geometry have the shape [\(geometry.kernel.height), \(geometry.kernel.width), "
        + "in / groups, out]; got \(weight.shape)")
    self.weight = weight
    self.bias = bias
    self.geometry = geometry
  }

  /// A layer with freshly drawn weights.
  public init(
    inputs: Int, outputs: Int, geometry: ConvolutionGeometry, hasBias: Bool = true,
    start: Start = .pyTorch, using generator: inout PhiloxGenerator
  ) {
    let (kernel, groups) = (geometry.kernel, geometry.groups)
    precondition(
      inputs > 0 && outputs > 0 && inputs % groups == 0 && outputs % groups == 0,
      "inputs and outputs are positive multiples of the \(groups) groups; got \(inputs), \(outputs)"
    )
    let taps = kernel.height * kernel.width
    let shape = [kernel.height, kernel.width, inputs / groups, outputs]
    let bound = Scalar(1 / Double(taps * inputs / groups).squareRoot())
    switch start {
    case .pyTorch:
      weight = .uniform(shape, in: -bound..<bound, using: &generator)
    case .heNormal:
      let deviation = (2 / Double(taps * outputs / groups)).squareRoot()
      weight = .normal(shape, using: &generator) * Scalar(deviation)
    }
    bias = hasBias ? .uniform([outputs], in: -bound..<bound, using: &generator) : nil
    self.geometry = geometry
  }

  /// The number of channels that it makes.
  public var outputs: Int { weight.shape[3] }

  /// activation(x ∗ W + b + residual), fused.
  public func callAsFunction(
    _ x: Tensor<Scalar>, residual: Tensor<Scalar>? = nil, activation: Activation = .identity
  ) -> Tensor<Scalar> {
    convolution(
      x, weight: weight, bias: bias, geometry: geometry, residual: residual,
      activation: activation)
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

/// The transpose of a convolution, which makes images larger: `[n, height, width, in]` →
/// `[n, height', width', out]`.
///
/// height' = (height − 1)·stride − 2·padding + dilation·(kernel − 1) + 1 + extra. Weights are stored
/// `[kh, kw, out / groups, in]`; PyTorch's `ConvTranspose2d` stores `[in, out / groups, kh, kw]`.
public struct TransposedConvolution<Scalar: TensorScalar>: Parameterized {
  /// How the window moves over the result.
  public let geometry: ConvolutionGeometry
  /// Rows and columns of the result beyond those that the windows reach, fewer than the stride.
  public let extra: ConvolutionGeometry.Pair
  /// W, `[kh, kw, out / groups, in]`.
  public var weight: Tensor<Scalar>
  /// b `[out]`, where there is one.
  public var bias: Tensor<Scalar>?

  /// A layer with given weights `[kh, kw, out / groups, in]` and bias `[out]`.
  public init(
    weight: Tensor<Scalar>, bias: Tensor<Scalar>?, geometry: ConvolutionGeometry,
    extra: ConvolutionGeometry.Pair = 0
  ) {
    self.weight = weight
    self.bias = bias
    self.geometry = geometry
    self.extra = extra
  }

  /// A layer with freshly drawn weights, uniform in ±1/√(out / groups · kh · kw) as in PyTorch.
  public init(
    inputs: Int, outputs: Int, geometry: ConvolutionGeometry,
    extra: ConvolutionGeometry.Pair = 0, hasBias: Bool = true,
    using generator: inout PhiloxGenerator
  ) {
    let (kernel, groups) = (geometry.kernel, geometry.groups)
    precondition(
      inputs > 0 && outputs > 0 && inputs % groups == 0 && outputs % groups == 0,
      "inputs and outputs are positive multiples of the \(groups) groups; got \(inputs), \(outputs)"
    )
    let fan = kernel.height * kernel.width * outputs / groups
    let bound = Scalar(1 / Double(fan).squareRoot())
    self.init(
      weight: .uniform(
        [kernel.height, kernel.width, outputs / groups, inputs], in: -bound..<bound,
        using: &generator),
      bias: hasBias ? .uniform([outputs], in: -bound..<bound, using: &generator) : nil,
      geometry: geometry, extra: extra)
  }

  /// activation(transposed convolution of x by W, + b).
  public func callAsFunction(_ x: Tensor<Scalar>, activation: Activation = .identity)
    -> Tensor<Scalar>
  {
    transposedConvolution(
      x, weight: weight, bias: bias, geometry: geometry, extra: extra, activation: activation)
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
