internal import CFlowKernels

/// An additive coupling of NICE (Dinh et al., 2014).
///
/// Some columns pass through, the others are shifted by a network of those. Volume is preserved:
/// log |det J| = 0.
public struct AdditiveCoupling<Scalar: TensorScalar>: Flow {
  /// All that defines the coupling but its weights.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// Which columns pass.
    public var mask: CouplingMask
    /// The number of context columns that the network sees as well.
    public var contextDimension: Int
    /// Widths of the hidden layers.
    public var hidden: [Int]
    /// Between the layers.
    public var activation: Activation
  }

  /// All that defines the coupling but its weights.
  public let configuration: Configuration
  /// The network of the shifts.
  public var shiftNetwork: MLP<Scalar>
  private let columns: CouplingColumns

  /// A coupling with a freshly drawn network; parameters as for ``AffineCoupling``.
  public init(
    dimension: Int, mask: CouplingMask, contextDimension: Int = 0, hidden: [Int] = [64, 64],
    activation: Activation = .leakyReLU(), initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .pyTorch, using generator: inout PhiloxGenerator
  ) {
    self.init(
      Configuration(
        dimension: dimension, mask: mask, contextDimension: contextDimension, hidden: hidden,
        activation: activation),
      initializer: initializer, outputInitializer: outputInitializer, using: &generator)
  }

  /// A coupling from its configuration, with a freshly drawn network.
  public init(
    _ configuration: Configuration, initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .pyTorch, using generator: inout PhiloxGenerator
  ) {
    self.configuration = configuration
    let columns = CouplingColumns(configuration.mask, dimension: configuration.dimension)
    self.columns = columns
    shiftNetwork = MLP(
      inputs: columns.passed.count + configuration.contextDimension, hidden: configuration.hidden,
      outputs: columns.transformed.count, activation: configuration.activation,
      initializer: initializer, outputInitializer: outputInitializer, using: &generator)
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The number of context columns.
  public var contextDimension: Int { configuration.contextDimension }
  /// Always: it is 0.
  public var hasConstantLogDet: Bool { true }

  private func transform(
    _ x: Tensor<Scalar>, _ context: Tensor<Scalar>?, _ direction: CouplingDirection
  ) -> Transformed<Scalar> {
    checkRows(x)
    if let network = CouplingNetwork(shiftNetwork) {
      checkContext(rows: x.storage.shape[0], context, contextDimension)
      return coupling(x, context, pass(network.prepared, direction), (network, nil), columns)
    }
    let seen = conditionerInput(x, columns.passed, context, contextDimension)
    return coupling(
      x, .additive(shiftNetwork(seen)), scale: .free, columns: columns.transformed, direction)
  }

  private func pass(_ network: PreparedNetwork, _ direction: CouplingDirection) -> CouplingPass {
    CouplingPass(
      kind: Scalar.scalarKind, scale: FK_SCALE_NONE, bound: 0, direction: direction,
      dimension: dimension, contextDimension: contextDimension, columns: columns, first: network,
      second: nil)
  }

  func planStep(_ direction: CouplingDirection) -> DensityPlan.Step? {
    shiftNetwork.prepared.map { network in
      DensityPlan.Step(
        .coupling(pass(network, direction)), networks: [network],
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

  /// Shows the network.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("shift", &shiftNetwork)
  }
}
