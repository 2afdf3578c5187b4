/// An increasing transform of each column by itself, with trained parameters, or with parameters that a
/// network of the context gives.
///
/// log |det J| is the sum of the log-slopes. In one dimension it is a whole flow.
public struct Elementwise<Scalar: TensorScalar>: Flow {
  /// All that defines the map but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// The transform of all columns, or that of each.
    public var transforms: [ColumnTransform]
    /// The number of context columns.
    public var contextDimension: Int
    /// Widths of the hidden layers of the network of the context.
    public var hidden: [Int]
    /// Between the layers.
    public var activation: Activation
    /// Where mixtures of logistic distributions start: at quantiles of the first data, or as the
    /// identity.
    public var startsAtQuantiles: Bool
  }

  /// All that defines the map but its tensors.
  public let configuration: Configuration
  /// The parameters of all columns, those of the first one first; what the network gives, where there is
  /// one, is added.
  public var parameters: Tensor<Scalar>
  /// The network of the context, where there is any.
  public var network: MLP<Scalar>?
  private var initialized: Tensor<Scalar>
  private let columns: IndexList
  private let transforms: ColumnTransforms

  /// The identity.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, from 1 on.
  ///   - transform: the increasing map of each column.
  ///   - contextDimension: the number of context columns.
  ///   - hidden: widths of the hidden layers of the network of the context.
  ///   - activation: between its layers.
  ///   - startsAtQuantiles: whether a mixture of logistic distributions starts at quantiles of the first
  ///     data, of which it then makes about a logistic variable.
  ///   - generator: the source of the weights.
  public init(
    dimension: Int, transform: ColumnTransform, contextDimension: Int = 0,
    hidden: [Int] = [64, 64], activation: Activation = .relu, startsAtQuantiles: Bool = false,
    using generator: inout PhiloxGenerator
  ) {
    self.init(
      Configuration(
        dimension: dimension, transforms: [transform], contextDimension: contextDimension,
        hidden: hidden, activation: activation, startsAtQuantiles: startsAtQuantiles),
      using: &generator)
  }

  /// The identity, of a configuration.
  public init(
    _ configuration: Configuration, initializer: Initializer = .pyTorch,
    outputInitializer: Initializer = .zero, using generator: inout PhiloxGenerator
  ) {
    do { try configuration.validate() } catch { preconditionFailure("\(error)") }
    self.configuration = configuration
    let all = Array(0..<configuration.dimension)
    columns = IndexList(all)
    transforms = ColumnTransforms(
      configuration.transforms, columns: all, dimension: configuration.dimension)
    parameters = .zeros([transforms.parameterCount])
    initialized = .zeros([1])
    if configuration.contextDimension > 0 {
      network = MLP(
        inputs: configuration.contextDimension, hidden: configuration.hidden,
        outputs: transforms.parameterCount, activation: configuration.activation,
        initializer: initializer, outputInitializer: outputInitializer, using: &generator)
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
    let rows = x.storage.shape[0]
    checkContext(rows: rows, context, contextDimension)
    var given = parameters.broadcast(to: Shape(rows, parameters.count))
    if let network, let context { given = given + network(context) }
    return columnTransform(x, columns: columns, parameters: given, transforms, direction)
  }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    transform(z, context, .toData)
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    transform(x, context, .toLatent)
  }

  /// Starts mixtures at quantiles of the first data, where that is asked for; later calls change nothing.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    guard configuration.startsAtQuantiles, initialized.scalar == 0, x.storage.shape[0] > 1 else {
      return
    }
    initialized = .ones([1])
    var start = parameters.scalars
    for column in 0..<dimension {
      let own = configuration.transforms[configuration.transforms.count == 1 ? 0 : column]
      guard case .logisticMixture(let components) = own else { continue }
      let sorted = x[columns: column..<column + 1].scalars.map(Double.init).sorted()
      for (index, value) in quantileStart(sorted, components: components).enumerated() {
        start[transforms.starts[column] + index] = Scalar(value)
      }
    }
    parameters = Tensor(start)
  }

  /// Shows the parameters, the network, and as state whether data have been seen.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("parameters", &parameters)
    if var value = network {
      network = nil
      visitor.visit("network", &value)
      network = value
    }
    visitor.visit("initialized", state: &initialized)
  }
}

/// Parameters of a mixture of equal weights: its components stand at quantiles of a sorted sample, and are
/// as wide as those are apart.
private func quantileStart(_ sorted: [Double], components: Int) -> [Double] {
  func quantile(_ p: Double) -> Double {
    let place = p * Double(sorted.count - 1)
    let below = Int(place.rounded(.down))
    let above = Swift.min(below + 1, sorted.count - 1)
    return sorted[below] + (place - Double(below)) * (sorted[above] - sorted[below])
  }
  let centres = (0..<components).map { quantile((Double($0) + 0.5) / Double(components)) }
  let spread = Swift.max(quantile(0.95) - quantile(0.05), 1e-6)
  let scales = centres.indices.map { index -> Double in
    let left = centres[Swift.max(index - 1, 0)]
    let right = centres[Swift.min(index + 1, components - 1)]
    let gap = (right - left) / (index == 0 || index == components - 1 ? 1 : 2)
    // Not narrower than a tenth of even spacing: ties would make a spike.
    let least = 0.1 * spread / Double(components)
    return components == 1 ? spread / 6 : Swift.max(gap, least)
  }
  // The kernel bounds log-scales: s = raw / (1 + |raw / bound|).
  let bound = 6.907755278982137
  let raw = log(Tensor<Double>(scales)).scalars.map { s -> Double in
    let s = Swift.min(Swift.max(s, -0.9 * bound), 0.9 * bound)
    return s / (1 - Swift.abs(s) / bound)
  }
  return [Double](repeating: 0, count: components) + centres + raw
}

extension Elementwise.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try validateConditioner(context: contextDimension, hidden: hidden)
    try validateTransforms(transforms, dimension: dimension)
  }

  var scalarCount: Int {
    let count = ColumnTransforms(
      transforms, columns: Array(0..<dimension), dimension: dimension
    ).parameterCount
    return 1 + count + (contextDimension > 0 ? networkScalars(contextDimension, hidden, count) : 0)
  }
}

extension Elementwise: StorableFlow {
  /// `Elementwise`.
  public static var identifier: String { "Elementwise" }

  /// The identity.
  public init(configuration: Configuration) throws {
    self = try zeroed(configuration, Self.init(_:initializer:outputInitializer:using:))
  }
}
