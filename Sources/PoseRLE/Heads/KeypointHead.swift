import Flows

/// What a head gives for n feature vectors, K joints and D axes, before any convention is chosen.
public struct KeypointHeadOutput<Scalar: TensorScalar>: Sendable {
  /// μ, `[n, K, D]`, in normalised coordinates.
  public var mean: Tensor<Scalar>
  /// The raw scale r, `[n, K, D]`; σ = sigmoid(r), log σ = `logSigmoid(r)`.
  public var scaleLogit: Tensor<Scalar>
  /// The raw off-diagonal numbers of a covariance, `[n, K, D(D − 1)/2]`, where the head has them.
  public var shear: Tensor<Scalar>?

  /// An output from its parts.
  public init(mean: Tensor<Scalar>, scaleLogit: Tensor<Scalar>, shear: Tensor<Scalar>? = nil) {
    self.mean = mean
    self.scaleLogit = scaleLogit
    self.shear = shear
  }

  /// What a likelihood takes: μ, log σ and the shear.
  public var prediction: KeypointPrediction<Scalar> {
    KeypointPrediction(mean: mean, scaleLogit: scaleLogit, shear: shear)
  }
}

/// The last layers of a regression model: features `[n, F]` → μ and the logit of σ, `[n, K, D]`.
///
/// With F features f, and one linear layer for each output,
/// - coordinates μ = W_μ f / ‖f‖₂ + b_μ in the released code (``Configuration/normalizesFeatures``),
///   μ = W_μ f + b_μ in mmpose;
/// - scales r = W_σ f + b_σ, from the features as they are in both;
/// - shears W_u f + b_u, which nothing published has.
///
/// Columns are joint by joint, axes within: x₀, y₀, x₁, y₁, …
///
/// The norm has no ε: f is divided by its largest magnitude first, so that its square neither
/// overflows nor underflows. A vector without any normal number (all zero, say) has no direction: its
/// coordinates are b_μ and their derivatives by f and W_μ zero.
///
/// Sources: Li et al., ICCV 2021, and the code released with it; mmpose's `RLEHead`.
public struct KeypointHead<Scalar: TensorScalar>: Parameterized {
  /// All that defines a head but its weights.
  public struct Configuration: Hashable, Sendable, Codable {
    /// F, the number of features.
    public var features: Int
    /// K, the number of joints.
    public var joints: Int
    /// D, the number of axes: 2 or 3.
    public var dimension: Int
    /// Whether coordinates see f / ‖f‖₂ instead of f.
    public var normalizesFeatures: Bool
    /// Whether there are outputs for the off-diagonal numbers of a covariance.
    public var hasShear: Bool

    /// A configuration from its parts.
    ///
    /// - Precondition: features and joints are positive and the dimension is 2 or 3.
    public init(
      features: Int, joints: Int, dimension: Int = 2, normalizesFeatures: Bool = true,
      hasShear: Bool = false
    ) {
      precondition(
        features > 0 && joints > 0 && (dimension == 2 || dimension == 3),
        "a head has features, joints and 2 or 3 axes; got \(features), \(joints), \(dimension)")
      self.features = features
      self.joints = joints
      self.dimension = dimension
      self.normalizesFeatures = normalizesFeatures
      self.hasShear = hasShear
    }

    /// The number of off-diagonal numbers of a joint, D(D − 1)/2.
    var shears: Int { dimension * (dimension - 1) / 2 }
  }

  /// All that defines the head but its weights.
  public let configuration: Configuration
  /// W_μ and b_μ, `[F, K·D]`.
  public var coordinates: Linear<Scalar>
  /// W_σ and b_σ, `[F, K·D]`.
  public var scales: Linear<Scalar>
  /// W_u and b_u, `[F, K·D(D − 1)/2]`.
  public var shears: Linear<Scalar>?

  /// A head with freshly drawn weights.
  ///
  /// With normalised features as the released code: weights Xavier-uniform with gain 0.01, biases
  /// uniform in ±1/√F. Without as mmpose: weights N(0, 0.01²), biases 0, so that joints start at the
  /// origin of their convention. Shears start at 0, as do covariances then.
  public init(_ configuration: Configuration, using generator: inout PhiloxGenerator) {
    let inputs = configuration.features
    let outputs = configuration.joints * configuration.dimension
    func layer() -> Linear<Scalar> {
      if configuration.normalizesFeatures {
        return Linear(
          inputs: inputs, outputs: outputs, initializer: .xavierUniform(gain: 0.01),
          using: &generator)
      }
      return Linear(
        weight: .normal([inputs, outputs], using: &generator) * 0.01, bias: .zeros([outputs]))
    }
    self.configuration = configuration
    coordinates = layer()
    scales = layer()
    shears =
      configuration.hasShear
      ? Linear(
        inputs: inputs, outputs: configuration.joints * configuration.shears, initializer: .zero,
        using: &generator) : nil
  }

  /// A head from its layers.
  ///
  /// - Precondition: the layers have F inputs and K·D outputs, shears K·D(D − 1)/2.
  public init(
    _ configuration: Configuration, coordinates: Linear<Scalar>, scales: Linear<Scalar>,
    shears: Linear<Scalar>? = nil
  ) {
    let outputs = configuration.joints * configuration.dimension
    for layer in [coordinates, scales] {
      precondition(
        layer.weight.shape == [configuration.features, outputs],
        "a layer of this head has the shape [\(configuration.features), \(outputs)]; got "
          + "\(layer.weight.shape)")
    }
    let shearOutputs = configuration.joints * configuration.shears
    precondition(
      configuration.hasShear == (shears != nil)
        && shears.map { $0.weight.shape == [configuration.features, shearOutputs] } ?? true,
      "a head has a layer of shears, of the shape [\(configuration.features), \(shearOutputs)], if "
        + "its configuration says so; got \(shears?.weight.shape ?? [])")
    self.configuration = configuration
    self.coordinates = coordinates
    self.scales = scales
    self.shears = shears
  }

  /// Features `[n, F]` → μ, r and shears of each joint.
  public func callAsFunction(_ features: Tensor<Scalar>) -> KeypointHeadOutput<Scalar> {
    precondition(
      features.rank == 2 && features.shape[1] == configuration.features,
      "this head takes features [n, \(configuration.features)]; got the shape \(features.shape)")
    let (rows, joints) = (features.shape[0], configuration.joints)
    let shape = [rows, joints, configuration.dimension]
    return KeypointHeadOutput(
      mean: coordinateOutputs(features).reshaped(to: shape),
      scaleLogit: scales(features).reshaped(to: shape),
      shear: shears.map { $0(features).reshaped(to: [rows, joints, configuration.shears]) })
  }

  private func coordinateOutputs(_ features: Tensor<Scalar>) -> Tensor<Scalar> {
    guard configuration.normalizesFeatures else { return coordinates(features) }
    let largest = abs(features.detached).max(axis: 1, keepingAxis: true)
    let isEmpty = largest .< Scalar.leastNormalMagnitude
    // It cancels, so that it is a constant to the derivative as well.
    let scaled = features / Tensor.select(where: isEmpty, Tensor(1), else: largest)
    let square = scaled.squared().sum(axis: 1, keepingAxis: true)
    let norm = sqrt(Tensor.select(where: isEmpty, Tensor(1), else: square))
    let product = scaled.matmul(coordinates.weight) / norm
    let outputs = Tensor.select(where: isEmpty, Tensor(0), else: product)
    return coordinates.bias.map { outputs + $0 } ?? outputs
  }

  /// Shows the layers.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("coordinates", &coordinates)
    visitor.visit("scales", &scales)
    if var layer = shears {
      shears = nil
      visitor.visit("shears", &layer)
      shears = layer
    }
  }
}
