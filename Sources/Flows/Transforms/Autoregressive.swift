/// A masked autoregressive map: each column is transformed given those before it (MAF, Papamakarios et al.,
/// NeurIPS 2017; with splines the autoregressive Neural Spline Flow, Durkan et al., NeurIPS 2019).
///
/// Toward latent z_d = f(x_d; θ(x_<d, context)), all columns in one pass of a masked network; log |det J| =
/// Σ log f'. Toward data the columns come one after the other: a step computes only the units that it
/// changes, so that all steps together cost about one pass. `.inverted` is the inverse autoregressive flow
/// (Kingma et al., NeurIPS 2016), whose draws are the fast direction.
public struct Autoregressive<Scalar: TensorScalar>: Flow {
  /// All that defines the map but its weights.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// The columns in the order in which they depend on each other.
    public var order: [Int]
    /// In how many groups the columns follow each other: columns of a group do not see each other.
    ///
    /// As many as there are columns for full autoregression; 2 is a coupling that transforms both halves.
    public var passes: Int
    /// The number of context columns that the network sees as well.
    public var contextDimension: Int
    /// Widths of the hidden layers.
    public var hidden: [Int]
    /// Between the layers.
    public var activation: Activation
    /// The transform of all columns, or that of each.
    public var transforms: [ColumnTransform]
    /// The degrees of the hidden units, in increasing order, for weights that come from elsewhere; nil for
    /// an even spread.
    public var hiddenDegrees: [[Int]]?
  }

  /// All that defines the map but its weights.
  public let configuration: Configuration
  /// Gives the parameters of the columns' transforms, those of the first column in the order first.
  public var network: MaskedMLP<Scalar>
  let plan: AutoregressivePlan

  /// A map with a freshly drawn network.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, from 1 on.
  ///   - transform: the increasing map of each column.
  ///   - order: the columns in the order in which they depend on each other; as they stand where nil.
  ///   - passes: in how many groups they follow each other; all one by one where nil.
  ///   - contextDimension: the number of context columns.
  ///   - hidden: widths of the hidden layers.
  ///   - activation: between the layers.
  ///   - initializer: of the hidden layers.
  ///   - outputInitializer: of the last layer; `.zero` starts as the identity.
  ///   - generator: the source of the weights.
  public init(
    dimension: Int, transform: ColumnTransform = .affine(), order: [Int]? = nil,
    passes: Int? = nil, contextDimension: Int = 0, hidden: [Int] = [64, 64],
    activation: Activation = .relu, initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .zero, using generator: inout PhiloxGenerator
  ) {
    self.init(
      Configuration(
        dimension: dimension, order: order ?? Array(0..<dimension), passes: passes ?? dimension,
        contextDimension: contextDimension, hidden: hidden, activation: activation,
        transforms: [transform]),
      initializer: initializer, outputInitializer: outputInitializer, using: &generator)
  }

  /// A map from its configuration, with a freshly drawn network.
  public init(
    _ configuration: Configuration, initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .zero, using generator: inout PhiloxGenerator
  ) {
    do { try configuration.validate() } catch { preconditionFailure("\(error)") }
    self.configuration = configuration
    let plan = AutoregressivePlan(configuration)
    self.plan = plan
    network = MaskedMLP(
      plan.degrees, activation: configuration.activation, initializer: initializer,
      outputInitializer: outputInitializer, using: &generator)
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The number of context columns.
  public var contextDimension: Int { configuration.contextDimension }
  /// Circles and intervals where such splines transform a column, else ℝ.
  public var support: [Support] { configuration.transforms.supports(dimension: dimension) }
  /// True where columns are only shifted.
  public var hasConstantLogDet: Bool { configuration.transforms.allSatisfy { $0 == .additive } }

  /// Data → latent, in one pass.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    checkContext(rows: x.storage.shape[0], context, contextDimension)
    if let prepared { return autoregressiveToLatent(x, context, self, prepared) }
    return columnTransform(
      x, columns: plan.order, parameters: parameters(x, context), plan.transforms, .toLatent)
  }

  /// Latent → data, column by column.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    checkContext(rows: z.storage.shape[0], context, contextDimension)
    if let prepared { return autoregressiveToData(z, context, self, prepared) }
    // Each round makes the columns of one more group right.
    var result = Transformed(value: z, logDet: Tensor<Scalar>.zeros([z.storage.shape[0]]))
    for _ in 0..<plan.groups {
      result = columnTransform(
        z, columns: plan.order, parameters: parameters(result.value, context), plan.transforms,
        .toData)
    }
    return result
  }

  /// The network for kernels; nil where they cannot run it whole.
  private var prepared: PreparedStaircase? {
    plan.encoding.isPlain ? network.prepared : nil
  }

  /// The parameters of all columns' transforms, in the order of columns: `[rows, Σ parameters]`.
  private func parameters(_ x: Tensor<Scalar>, _ context: Tensor<Scalar>?) -> Tensor<Scalar> {
    let seen = plan.encoding(x)
    return network(context.map { .concatenated([$0, seen], axis: 1) } ?? seen)
  }

  /// Shows the network.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("network", &network)
  }
}

/// What follows from the configuration of an autoregressive map.
final class AutoregressivePlan: Sendable {
  let dimension: Int
  let contextDimension: Int
  /// The columns in their order.
  let order: IndexList
  /// Groups of columns that do not see each other.
  let groups: Int
  /// The positions in the order of each group's columns.
  let positions: [Range<Int>]
  let degrees: MaskedDegrees
  /// The transforms in the order of columns.
  let transforms: ColumnTransforms
  /// How the network sees the columns.
  let encoding: ColumnEncoding

  init<Scalar>(_ configuration: Autoregressive<Scalar>.Configuration) {
    dimension = configuration.dimension
    contextDimension = configuration.contextDimension
    let columns = configuration.order
    let size = (dimension + configuration.passes - 1) / configuration.passes
    let group = columns.indices.map { $0 / size }
    let groups = (group.last ?? 0) + 1
    self.groups = groups
    positions = (0..<groups).map { $0 * size..<Swift.min(configuration.dimension, ($0 + 1) * size) }
    order = IndexList(columns)
    transforms = ColumnTransforms(
      configuration.transforms, columns: columns, dimension: dimension)
    encoding = ColumnEncoding(
      configuration.transforms, columns: columns, dimension: dimension)
    let inputs =
      [Int](repeating: -1, count: contextDimension) + encoding.sources.map { group[$0] }
    var outputs: [Int] = []
    for position in columns.indices {
      let count = transforms.starts[position + 1] - transforms.starts[position]
      outputs += [Int](repeating: group[position], count: count)
    }
    degrees =
      configuration.hiddenDegrees.map {
        MaskedDegrees(inputs: inputs, hidden: $0, outputs: outputs)
      }
      ?? MaskedDegrees(
        inputs: inputs, outputs: outputs, widths: configuration.hidden, groups: groups)
  }

  /// The outputs of the network that parametrize a group's columns.
  func parameters(of group: Int) -> Range<Int> {
    transforms.starts[positions[group].lowerBound]..<transforms.starts[positions[group].upperBound]
  }
}

extension Autoregressive.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try validateConditioner(context: contextDimension, hidden: hidden)
    try validateTransforms(transforms, dimension: dimension)
    try requireConfiguration(
      order.sorted() == Array(0..<dimension),
      "expected each of \(dimension) columns once, got "
        + excerpt(order), field: "order")
    try requireConfiguration(
      (1...dimension).contains(passes), "expected 1 to \(dimension) passes, got \(passes)",
      field: "passes")
    guard let hiddenDegrees else { return }
    try requireConfiguration(
      hiddenDegrees.map(\.count) == hidden
        && hiddenDegrees.allSatisfy { degrees in
          zip(degrees, degrees.dropFirst()).allSatisfy { $0 <= $1 }
            && degrees.allSatisfy { (0...dimension).contains($0) }
        },
      "expected increasing degrees for each hidden unit", field: "hiddenDegrees")
  }

  var scalarCount: Int {
    // Without the degrees of all units, which a crafted file may ask many of.
    let own = { transforms[transforms.count == 1 ? 0 : $0] }
    let inputs = (0..<dimension).reduce(contextDimension) { $0 + (own($1).circle == nil ? 1 : 2) }
    let outputs = (0..<dimension).reduce(0) { $0 + own($1).parameterCount }
    return networkScalars(inputs, hidden, outputs)
  }
}

extension Autoregressive: StorableFlow {
  /// `Autoregressive`.
  public static var identifier: String { "Autoregressive" }

  /// A map with zero weights.
  public init(configuration: Configuration) throws {
    self = try zeroed(configuration, Self.init(_:initializer:outputInitializer:using:))
  }
}
