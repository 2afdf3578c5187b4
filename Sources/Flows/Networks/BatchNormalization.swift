/// Brings each channel to mean 0 and variance 1, then scales and shifts it: `[…, channels]`.
///
/// In training mean and variance are those of the batch, so that a row's result depends on the other
/// rows; otherwise they are running averages of what training saw. Which it is, the caller says: with
/// a ``BatchStatistics`` to collect into it is training.
///
/// Source: Ioffe and Szegedy, Batch Normalization, ICML 2015.
public struct BatchNormalization<Scalar: TensorScalar>: Parameterized {
  /// What is added to the variance.
  public var epsilon: Double
  /// The share of the newest batch in the running averages.
  public var momentum: Double
  /// γ `[channels]`.
  public var scale: Tensor<Scalar>
  /// β `[channels]`.
  public var shift: Tensor<Scalar>
  /// The running average of the mean `[channels]`.
  public var runningMean: Tensor<Scalar>
  /// The running average of the unbiased variance `[channels]`.
  public var runningVariance: Tensor<Scalar>

  /// A layer that starts with scale 1 and shift 0; the defaults are PyTorch's.
  public init(channels: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) {
    precondition(channels > 0, "a normalisation has channels; got \(channels)")
    self.epsilon = epsilon
    self.momentum = momentum
    scale = .ones([channels])
    shift = .zeros([channels])
    runningMean = .zeros([channels])
    runningVariance = .ones([channels])
  }

  /// activation((x − m) · γ / √(v + ε) + β + residual).
  ///
  /// - Parameters:
  ///   - x: `[…, channels]`.
  ///   - residual: of the same shape, added before the activation.
  ///   - activation: applied at the end.
  ///   - statistics: in training, where m and v of the batch are collected; nil for the running
  ///     averages.
  public func callAsFunction(
    _ x: Tensor<Scalar>, residual: Tensor<Scalar>? = nil, activation: Activation = .identity,
    statistics: BatchStatistics<Scalar>? = nil
  ) -> Tensor<Scalar> {
    guard let statistics else {
      return normalization(
        x, mean: runningMean, variance: runningVariance, scale: scale, shift: shift,
        epsilon: epsilon, residual: residual, activation: activation)
    }
    let (value, mean, variance) = batchNormalization(
      x, scale: scale, shift: shift, epsilon: epsilon, residual: residual, activation: activation)
    statistics.add(
      self, mean: mean, variance: variance, rows: x.count / Swift.max(1, scale.count))
    return value
  }

  /// The affine map that it is outside of training: y = x · factor + offset, `[channels]` each.
  public var affine: (factor: Tensor<Scalar>, offset: Tensor<Scalar>) {
    let factor = scale / sqrt(runningVariance + Scalar(epsilon))
    return (factor, shift - runningMean * factor)
  }

  /// Shows scale and shift, and the running averages as state.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("scale", &scale)
    visitor.visit("shift", &shift)
    visitor.visit("runningMean", state: &runningMean)
    visitor.visit("runningVariance", state: &runningVariance)
  }
}

extension Convolution {
  /// This convolution with a normalisation behind it, as one convolution with a bias.
  ///
  /// With y = x · f + o the normalisation outside of training: W becomes W · f, the bias b · f + o.
  public func folding(_ normalization: BatchNormalization<Scalar>) -> Convolution {
    let (factor, offset) = normalization.affine
    return Convolution(
      weight: weight * factor, bias: bias.map { $0 * factor + offset } ?? offset,
      geometry: geometry)
  }
}
