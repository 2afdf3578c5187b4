/// A coupling with any increasing transform: some columns pass through, the others are transformed with
/// parameters that a network of those gives (RealNVP, Dinh et al., ICLR 2017; with splines Neural Spline
/// Flows, Durkan et al., NeurIPS 2019).
///
/// log |det J| is the sum of the log-slopes of the transforms. Angles (columns of circular splines) are
/// seen by the network as cosine and sine.
public struct Coupling<Scalar: TensorScalar>: Flow {
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
    /// The transform of all columns, or that of each.
    public var transforms: [ColumnTransform]
  }

  /// All that defines the coupling but its weights.
  public let configuration: Configuration
  /// Gives the parameters of the transformed columns, those of the first one first.
  public var network: MLP<Scalar>
  private let columns: CouplingColumns
  private let encoding: ColumnEncoding
  private let transforms: ColumnTransforms

  /// A coupling with a freshly drawn network.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, at least 2; odd numbers are fine.
  ///   - mask: which columns pass through.
  ///   - transform: the increasing map of the other columns.
  ///   - contextDimension: the number of context columns.
  ///   - hidden: widths of the hidden layers.
  ///   - activation: between the layers.
  ///   - initializer: of the hidden layers.
  ///   - outputInitializer: of the last layer; `.zero` starts as the identity.
  ///   - generator: the source of the weights.
  public init(
    dimension: Int, mask: CouplingMask, transform: ColumnTransform, contextDimension: Int = 0,
    hidden: [Int] = [64, 64], activation: Activation = .relu, initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .zero, using generator: inout PhiloxGenerator
  ) {
    self.init(
      Configuration(
        dimension: dimension, mask: mask, contextDimension: contextDimension, hidden: hidden,
        activation: activation, transforms: [transform]),
      initializer: initializer, outputInitializer: outputInitializer, using: &generator)
  }

  /// A coupling from its configuration, with a freshly drawn network.
  public init(
    _ configuration: Configuration, initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .zero, using generator: inout PhiloxGenerator
  ) {
    self.configuration = configuration
    let parts = Parts(configuration)
    (columns, encoding, transforms) = (parts.columns, parts.encoding, parts.transforms)
    network = MLP(
      inputs: parts.inputs, hidden: configuration.hidden,
      outputs: parts.transforms.parameterCount, activation: configuration.activation,
      initializer: initializer, outputInitializer: outputInitializer, using: &generator)
  }

  /// What follows from a configuration.
  fileprivate struct Parts {
    let columns: CouplingColumns
    let encoding: ColumnEncoding
    let transforms: ColumnTransforms
    let inputs: Int

    init(_ configuration: Configuration) {
      let dimension = configuration.dimension
      let flags = configuration.mask.passes(dimension: dimension)
      columns = CouplingColumns(configuration.mask, dimension: dimension)
      encoding = ColumnEncoding(
        configuration.transforms, columns: flags.indices.filter { flags[$0] },
        dimension: dimension)
      transforms = ColumnTransforms(
        configuration.transforms, columns: flags.indices.filter { !flags[$0] },
        dimension: dimension)
      inputs = encoding.sources.count + configuration.contextDimension
    }
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The number of context columns.
  public var contextDimension: Int { configuration.contextDimension }
  /// Circles and intervals where such splines transform a column, else ℝ.
  public var support: [Support] { configuration.transforms.supports(dimension: dimension) }
  /// True where columns are only shifted.
  public var hasConstantLogDet: Bool { configuration.transforms.allSatisfy { $0 == .additive } }

  private func transform(
    _ x: Tensor<Scalar>, _ context: Tensor<Scalar>?, _ direction: CouplingDirection
  ) -> Transformed<Scalar> {
    checkRows(x)
    checkContext(rows: x.storage.shape[0], context, contextDimension)
    let seen = encoding(x)
    let parameters = network(context.map { .concatenated([seen, $0], axis: 1) } ?? seen)
    return columnTransform(
      x, columns: columns.transformed, parameters: parameters, transforms, direction)
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
    visitor.visit("network", &network)
  }
}

extension Coupling.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateCoupling(
      dimension: dimension, mask: mask, context: contextDimension, hidden: hidden)
    try validateTransforms(transforms, dimension: dimension)
  }

  var scalarCount: Int {
    let parts = Coupling<Scalar>.Parts(self)
    return networkScalars(parts.inputs, hidden, parts.transforms.parameterCount)
  }
}

extension Coupling: StorableFlow {
  /// `Coupling`.
  public static var identifier: String { "Coupling" }

  /// A coupling with zero weights.
  public init(configuration: Configuration) throws {
    self = try zeroed(configuration, Self.init(_:initializer:outputInitializer:using:))
  }
}
