/// An affine coupling of RealNVP (Dinh et al., ICLR 2017): some columns pass through, the others are
/// scaled and shifted by networks of those.
///
/// Toward data x_B = z_B · exp(s(z_A, c)) + t(z_A, c), log |det J| = Σ s. Both directions cost the
/// same. The networks see only the passed columns and give only the transformed ones.
public struct AffineCoupling<Scalar: TensorScalar>: Flow {
  /// One network for scale and shift each, or one for both.
  public enum Networks: String, Sendable, Codable {
    /// s and t by networks of their own, as in RLE.
    case separate
    /// One network with two outputs for each transformed column: half the cost.
    case joint
  }

  /// All that defines the coupling but its weights.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// Which columns pass.
    public var mask: CouplingMask
    /// The number of context columns that the networks see as well.
    public var contextDimension: Int
    /// Widths of the hidden layers.
    public var hidden: [Int]
    /// Between the layers.
    public var activation: Activation
    /// One or two networks.
    public var networks: Networks
    /// How the log-scale is bounded.
    public var scale: CouplingScale
  }

  /// All that defines the coupling but its weights.
  public let configuration: Configuration
  /// The network of the raw log-scales; in the joint form, of log-scales and shifts.
  public var scaleNetwork: MLP<Scalar>
  /// The network of the shifts; nil in the joint form.
  public var shiftNetwork: MLP<Scalar>?
  private let columns: CouplingColumns

  /// A coupling with freshly drawn networks.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, at least 2; odd numbers are fine.
  ///   - mask: which columns pass through.
  ///   - contextDimension: the number of context columns.
  ///   - hidden: widths of the hidden layers of each network.
  ///   - activation: between their layers.
  ///   - networks: one network or two.
  ///   - scale: how the log-scale is bounded.
  ///   - initializer: of the hidden layers.
  ///   - outputInitializer: of the last layer; `.zero` starts as the identity.
  ///   - generator: the source of the weights.
  public init(
    dimension: Int, mask: CouplingMask, contextDimension: Int = 0, hidden: [Int] = [64, 64],
    activation: Activation = .leakyReLU(), networks: Networks = .separate,
    scale: CouplingScale = .tanh(bound: 1), initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .pyTorch, using generator: inout PhiloxGenerator
  ) {
    self.init(
      Configuration(
        dimension: dimension, mask: mask, contextDimension: contextDimension, hidden: hidden,
        activation: activation, networks: networks, scale: scale),
      initializer: initializer, outputInitializer: outputInitializer, using: &generator)
  }

  /// A coupling from its configuration, with freshly drawn networks.
  public init(
    _ configuration: Configuration, initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .pyTorch, using generator: inout PhiloxGenerator
  ) {
    self.configuration = configuration
    let columns = CouplingColumns(configuration.mask, dimension: configuration.dimension)
    self.columns = columns
    let isJoint = configuration.networks == .joint
    let count = columns.transformed.count
    func network(_ outputs: Int) -> MLP<Scalar> {
      MLP(
        inputs: columns.passed.count + configuration.contextDimension,
        hidden: configuration.hidden, outputs: outputs, activation: configuration.activation,
        initializer: initializer, outputInitializer: outputInitializer, using: &generator)
    }
    scaleNetwork = network(isJoint ? 2 * count : count)
    shiftNetwork = isJoint ? nil : network(count)
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The number of context columns.
  public var contextDimension: Int { configuration.contextDimension }

  private func transform(
    _ x: Tensor<Scalar>, _ context: Tensor<Scalar>?, _ direction: CouplingDirection
  ) -> Transformed<Scalar> {
    checkRows(x)
    if let networks {
      checkContext(rows: x.storage.shape[0], context, contextDimension)
      return coupling(x, context, pass(networks, direction), networks, columns)
    }
    let seen = conditionerInput(x, columns.passed, context, contextDimension)
    let parameters: CouplingParameters<Scalar>
    if let shiftNetwork {
      parameters = .separate(raw: scaleNetwork(seen), shift: shiftNetwork(seen))
    } else {
      parameters = .joint(scaleNetwork(seen))
    }
    return coupling(
      x, parameters, scale: configuration.scale, columns: columns.transformed, direction)
  }

  private typealias NetworkPair = (first: CouplingNetwork<Scalar>, second: CouplingNetwork<Scalar>?)

  /// Nil where the kernels cannot run the networks whole.
  private var networks: NetworkPair? {
    guard let first = CouplingNetwork(scaleNetwork) else { return nil }
    guard let shiftNetwork else { return (first, nil) }
    return CouplingNetwork(shiftNetwork).map { (first, $0) }
  }

  private func pass(_ networks: NetworkPair, _ direction: CouplingDirection) -> CouplingPass {
    let (kernel, bound) = configuration.scale.kernel
    return CouplingPass(
      kind: Scalar.scalarKind, scale: kernel, bound: bound, direction: direction,
      dimension: dimension, contextDimension: contextDimension, columns: columns,
      first: networks.first.prepared, second: networks.second?.prepared)
  }

  func planStep(_ direction: CouplingDirection) -> DensityPlan.Step? {
    networks.map { networks in
      DensityPlan.Step(
        .coupling(pass(networks, direction)),
        networks: [networks.first.prepared] + (networks.second.map { [$0.prepared] } ?? []),
        lists: [columns.passed, columns.transformed])
    }
  }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    transform(z, context, .toData)
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    transform(x, context, .toLatent)
  }

  /// Shows the networks.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("scale", &scaleNetwork)
    if var network = shiftNetwork {
      shiftNetwork = nil
      visitor.visit("shift", &network)
      shiftNetwork = network
    }
  }
}

/// Checks that context comes with a flow that takes it, row by row.
func checkContext<Scalar>(
  rows: Int, _ context: Tensor<Scalar>?, _ contextDimension: Int
) {
  guard contextDimension > 0 else {
    precondition(
      context == nil, "this flow takes no context; got context of shape \(context?.shape ?? [])")
    return
  }
  guard let context else {
    preconditionFailure("this flow takes context rows of \(contextDimension) columns; got none")
  }
  precondition(
    context.rank == 2 && context.storage.shape[1] == contextDimension
      && context.storage.shape[0] == rows,
    "the context has the shape [\(rows), \(contextDimension)]; got \(context.shape)")
}

/// The passed columns, with the context beside them where there is one.
func conditionerInput<Scalar>(
  _ x: Tensor<Scalar>, _ passed: IndexList, _ context: Tensor<Scalar>?, _ contextDimension: Int
) -> Tensor<Scalar> {
  checkContext(rows: x.storage.shape[0], context, contextDimension)
  let seen = x.gathering(passed, axis: 1)
  return context.map { .concatenated([seen, $0], axis: 1) } ?? seen
}
