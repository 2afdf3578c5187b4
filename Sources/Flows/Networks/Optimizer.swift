internal import CFlowKernels

/// The rule by which parameters follow their gradient.
public enum Optimizer: Hashable, Sendable, Codable {
  /// Adam with bias correction (Kingma and Ba, ICLR 2015); weight decay is added to the gradient.
  case adam(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0)
  /// Adam with decoupled weight decay (Loshchilov and Hutter, ICLR 2019).
  case adamW(
    beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0.01)
  /// Stochastic gradient descent; `momentum` as in PyTorch: v ← μ v + g, θ ← θ − rate · v.
  case sgd(momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0)

  var momentCount: Int {
    switch self {
    case .adam, .adamW: 2
    case .sgd: 1
    }
  }

  /// One step on a run of parameters, whose moments begin `offset` bytes into theirs; `step` counts
  /// from 1.
  func apply(
    type: fk_type, count: Int, parameters: UnsafeMutableRawPointer, gradient: UnsafeRawPointer,
    moments: [UnsafeMutableRawPointer], offset: Int = 0, step: Int, rate: Double,
    gradientScale: Double
  ) {
    func adam(_ b1: Double, _ b2: Double, _ epsilon: Double, _ decay: Double, decoupled: Bool) {
      fk_adam(
        type, Int64(count), parameters, gradient, moments[0] + offset, moments[1] + offset,
        gradientScale, rate, b1, b2, epsilon, 1 - power(b1, step), 1 - power(b2, step), decay,
        decoupled)
    }
    switch self {
    case .adam(let b1, let b2, let epsilon, let decay):
      adam(b1, b2, epsilon, decay, decoupled: false)
    case .adamW(let b1, let b2, let epsilon, let decay):
      adam(b1, b2, epsilon, decay, decoupled: true)
    case .sgd(let momentum, let nesterov, let decay):
      fk_momentum(
        type, Int64(count), parameters, gradient, moments[0] + offset, gradientScale, rate,
        momentum,
        decay, nesterov)
    }
  }

  // By repeated squaring: the same bits everywhere, which libm's pow does not promise.
  private func power(_ base: Double, _ exponent: Int) -> Double {
    var (result, square, rest) = (1.0, base, exponent)
    while rest > 0 {
      if rest & 1 == 1 { result *= square }
      square *= square
      rest >>= 1
    }
    return result
  }
}

/// How gradients are held back before a step.
public enum GradientClipping: Hashable, Sendable, Codable {
  /// Not at all.
  case none
  /// Scaled down so that the norm over all parameters is at most this.
  case norm(Double)
  /// Each component held within ± this.
  case value(Double)
}

/// An optimizer with its moments, for training loops of one's own.
///
/// `fit` and ``Trainer`` keep their own; this is the short form for small models:
/// `state.update(&model, along: gradient, learningRate: 1e-3)`.
public struct OptimizerState<Model: Parameterized>: Sendable {
  /// The rule.
  public let optimizer: Optimizer
  /// Steps taken.
  public private(set) var step = 0
  private var moments: [[Tensor<Model.Scalar>]] = []

  /// A fresh state: zero moments.
  public init(_ optimizer: Optimizer, for model: Model) {
    self.optimizer = optimizer
    var collector = TrainedTensors<Model.Scalar>()
    var copy = model
    copy.visitParameters(&collector)
    moments = collector.tensors.map { tensor in
      (0..<optimizer.momentCount).map { _ in .zeros(tensor.shape) }
    }
  }

  /// Moves the model one step along the gradient, which is a value of the model's own shape.
  public mutating func update(
    _ model: inout Model, along gradient: Model, learningRate: Double,
    clipping: GradientClipping = .none
  ) {
    var collector = TrainedTensors<Model.Scalar>()
    var copy = gradient
    copy.visitParameters(&collector)
    step += 1
    var scale = 1.0
    if case .norm(let limit) = clipping {
      let squares = collector.tensors.reduce(0.0) { total, tensor in
        var squares = 0.0
        fk_sum_squares(tensor.storage.type, Int64(tensor.count), tensor.storage.pointer, &squares)
        return total + squares
      }
      let norm = squares.squareRoot()
      if norm > limit { scale = limit / norm }
    }
    if case .value(let limit) = clipping {
      let bound = Model.Scalar(limit)
      collector.tensors = collector.tensors.map { $0.clipped(to: -bound...bound) }
    }
    var visitor = OptimizerVisitor<Model.Scalar>(
      optimizer: optimizer, gradients: collector.tensors, moments: moments, step: step,
      rate: learningRate, scale: scale)
    moments = []
    model.visitParameters(&visitor)
    moments = visitor.moments
  }
}

private struct TrainedTensors<Scalar: TensorScalar>: ParameterVisitor {
  var tensors: [Tensor<Scalar>] = []
  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    tensors.append(parameter)
  }
}

private struct OptimizerVisitor<Scalar: TensorScalar>: ParameterVisitor {
  let optimizer: Optimizer
  let gradients: [Tensor<Scalar>]
  var moments: [[Tensor<Scalar>]]
  let step: Int
  let rate: Double
  let scale: Double
  private var next = 0

  init(
    optimizer: Optimizer, gradients: [Tensor<Scalar>], moments: [[Tensor<Scalar>]], step: Int,
    rate: Double, scale: Double
  ) {
    self.optimizer = optimizer
    self.gradients = gradients
    self.moments = moments
    self.step = step
    self.rate = rate
    self.scale = scale
  }

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    let gradient = gradients[next].storage
    let pointers = moments[next].indices.map { moments[next][$0].uniqueMemory() }
    parameter.withMutableScalars { scalars in
      guard let base = scalars.baseAddress else { return }
      optimizer.apply(
        type: gradient.type, count: scalars.count, parameters: base, gradient: gradient.pointer,
        moments: pointers, step: step, rate: rate, gradientScale: scale)
    }
    next += 1
  }
}
