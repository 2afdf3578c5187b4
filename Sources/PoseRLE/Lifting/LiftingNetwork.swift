import Flows

/// A residual multilayer perceptron from the features of a pose in the image to mean and scale of its
/// joints in space (Martinez et al., ICCV 2017, without batch normalisation: rows do not interact).
///
/// x → (x − m)/s → linear, LeakyReLU → blocks h + LeakyReLU(L₂ LeakyReLU(L₁ h)) → two linear heads. The
/// standardisation (m, s) is that of the training poses; it is stored with the weights, not trained.
public struct LiftingNetwork<Scalar: TensorScalar>: Parameterized {
  /// Two layers beside a shortcut.
  public struct Block: Parameterized {
    /// The first layer.
    public var first: Linear<Scalar>
    /// The second layer.
    public var second: Linear<Scalar>

    /// Shows both layers.
    public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
      visitor.visit("first", &first)
      visitor.visit("second", &second)
    }
  }

  /// The mean of each feature over the training poses `[features]`.
  public var featureMean: Tensor<Scalar>
  /// One over the standard deviation of each feature `[features]`.
  public var featurePrecision: Tensor<Scalar>
  /// From features to the hidden width.
  public var input: Linear<Scalar>
  /// The residual blocks.
  public var blocks: [Block]
  /// From the hidden width to the mean of each coordinate.
  public var mean: Linear<Scalar>
  /// From the hidden width to the logit of the scale of each coordinate.
  public var scale: Linear<Scalar>
  /// The number of joints.
  public let joints: Int

  /// A network with fresh weights: PyTorch's default for linear layers.
  ///
  /// - Parameters:
  ///   - features: columns of the input.
  ///   - joints: joints of a pose.
  ///   - width: of the hidden layers.
  ///   - blocks: the number of residual blocks.
  ///   - scaleLogit: the bias of the scale's head at the start, where its weights are zero: every
  ///     scale is sigmoid(`scaleLogit`) then, in metres.
  ///   - generator: the source of the weights.
  public init(
    features: Int, joints: Int, width: Int, blocks: Int, scaleLogit: Double,
    using generator: inout PhiloxGenerator
  ) {
    precondition(
      features > 0 && joints > 0 && width > 0 && blocks >= 0,
      "a network has features, joints and a width; got \(features), \(joints), \(width)")
    featureMean = .zeros([features])
    featurePrecision = .ones([features])
    input = Linear(inputs: features, outputs: width, using: &generator)
    self.blocks = (0..<blocks).map { _ in
      Block(
        first: Linear(inputs: width, outputs: width, using: &generator),
        second: Linear(inputs: width, outputs: width, using: &generator))
    }
    mean = Linear(inputs: width, outputs: 3 * joints, using: &generator)
    scale = Linear(inputs: width, outputs: 3 * joints, initializer: .zero, using: &generator)
    scale.bias = Tensor(repeating: Scalar(scaleLogit), shape: [3 * joints])
    self.joints = joints
  }

  /// Features `[n, features]` → mean and scale `[n, joints, 3]`.
  public func callAsFunction(_ features: Tensor<Scalar>) -> KeypointPrediction<Scalar> {
    let activation = Activation.leakyReLU()
    var hidden = input((features - featureMean) * featurePrecision, activation: activation)
    for block in blocks {
      hidden += block.second(block.first(hidden, activation: activation), activation: activation)
    }
    let shape = [features.shape[0], joints, 3]
    return KeypointPrediction(
      mean: mean(hidden).reshaped(to: shape), scaleLogit: scale(hidden).reshaped(to: shape))
  }

  /// Shows the standardisation, then the layers from the input on.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("featureMean", state: &featureMean)
    visitor.visit("featurePrecision", state: &featurePrecision)
    visitor.visit("input", &input)
    for index in blocks.indices { visitor.visit("block.\(index)", &blocks[index]) }
    visitor.visit("mean", &mean)
    visitor.visit("scale", &scale)
  }
}
