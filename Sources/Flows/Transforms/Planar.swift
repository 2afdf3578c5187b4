/// A planar flow: rows are moved along one direction, by an amount that changes across a plane.
///
/// x = z + û · tanh(wᵀz + b), log |det J| = log(1 + wᵀû · (1 − tanh²(wᵀz + b))), where
/// û = u + (m(wᵀu) − wᵀu) · w / |w|² with m(a) = −1 + log(1 + eᵃ), so that wᵀû > −1 and the map is
/// invertible (Rezende and Mohamed, Variational Inference with Normalizing Flows, ICML 2015, section
/// 4.1 and appendix A.1).
///
/// ``forward(_:context:)`` is that formula. ``inverse(_:context:)`` finds the one number
/// α = wᵀz of each row from α + wᵀû · tanh(α + b) = wᵀx by Newton's method in a bracket, in `Double`,
/// with the derivatives of the implicit function; it costs some ten times as much. For maximum
/// likelihood, which runs from data to latent, take `.inverted`.
///
/// With context w, u and b come from a network of it. A new flow is the identity.
public struct Planar<Scalar: TensorScalar>: Flow {
  /// All that defines the flow but its weights.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// The number of context columns that w, u and b depend on.
    public var contextDimension: Int
    /// Widths of the hidden layers of the network of the context.
    public var hidden: [Int]
    /// Between its layers.
    public var activation: Activation
  }

  /// All that defines the flow but its weights.
  public let configuration: Configuration
  private var parameters: RowParameters<Scalar>

  /// A flow that starts as the identity, at a random plane.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, at least 1.
  ///   - contextDimension: the number of context columns.
  ///   - hidden: widths of the hidden layers of the network of the context.
  ///   - activation: between its layers.
  ///   - generator: the source of the plane and the weights.
  public init(
    dimension: Int, contextDimension: Int = 0, hidden: [Int] = [64, 64],
    activation: Activation = .leakyReLU(), using generator: inout PhiloxGenerator
  ) {
    self.init(
      Configuration(
        dimension: dimension, contextDimension: contextDimension, hidden: hidden,
        activation: activation), using: &generator)
  }

  private init(_ configuration: Configuration, using generator: inout PhiloxGenerator) {
    let columns = configuration.dimension
    precondition(columns > 0, "a planar flow maps at least one column; got \(columns)")
    precondition(
      configuration.contextDimension >= 0,
      "a flow takes no context or some columns of it; got \(configuration.contextDimension)")
    self.configuration = configuration
    let direction = Tensor<Scalar>.normal([columns], using: &generator)
    let square = Tensor.maximum(direction.squared().sum(), Tensor(1e-6))
    // m of this number is 0.
    let start = direction * (Scalar(0.541_324_854_612_918_1) / square)
    let threshold = Tensor<Scalar>.uniform([1], in: -1..<1, using: &generator)
    parameters = RowParameters(
      from: .concatenated([direction, start, threshold]),
      contextDimension: configuration.contextDimension, hidden: configuration.hidden,
      activation: configuration.activation, using: &generator)
  }

  /// A flow from the vectors that the formula names, such as those of another library.
  ///
  /// - Parameters:
  ///   - normal: w `[dimension]`, not zero.
  ///   - displacement: û `[dimension]`, with wᵀû > −1; not u, from which libraries derive it by
  ///     formulas that differ.
  ///   - bias: b.
  public init(normal: Tensor<Scalar>, displacement: Tensor<Scalar>, bias: Scalar) {
    precondition(
      normal.rank == 1 && normal.count > 0 && normal.shape == displacement.shape,
      "normal and displacement have one scalar per column; got the shapes \(normal.shape), "
        + "\(displacement.shape)")
    let (w, u) = (Tensor<Double>(normal), Tensor<Double>(displacement))
    let (square, product) = ((w * w).sum(), (w * u).sum())
    precondition(
      square.scalar > 0 && product.scalar > -1,
      "a planar flow is invertible where the normal times the displacement exceeds -1; got "
        + "\(product.scalar)")
    configuration = Configuration(
      dimension: normal.count, contextDimension: 0, hidden: [], activation: .leakyReLU())
    // The a with m(a) = wᵀû, by log(eˢ − 1) = s + log(1 − e⁻ˢ).
    let growth = product + 1
    let free = growth + log(-expMinusOne(-growth))
    parameters = RowParameters(
      .concatenated([normal, Tensor(u + w * ((free - product) / square)), Tensor([bias])]))
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The number of context columns.
  public var contextDimension: Int { configuration.contextDimension }

  /// What the formula names, `[1, …]` for all rows or `[rows, …]` for each.
  private struct Plane {
    let normal: Tensor<Scalar>
    let displacement: Tensor<Scalar>
    let bias: Tensor<Scalar>
    /// 1 + wᵀû, positive.
    let growth: Tensor<Scalar>

    init(_ all: Tensor<Scalar>, _ columns: Int) {
      normal = all.slice(0..<columns, axis: 1)
      let free = all.slice(columns..<2 * columns, axis: 1)
      bias = all.slice(2 * columns..<2 * columns + 1, axis: 1)
      let square = normal.squared().sum(axis: 1, keepingAxis: true)
      let product = (normal * free).sum(axis: 1, keepingAxis: true)
      // Where w vanishes the correction does too.
      let divisor = Tensor.maximum(square, Tensor(1e-12))
      let (bounded, share) = (softplus(product), square / divisor)
      displacement = free + (bounded - 1 - product) * (normal / divisor)
      growth = bounded * share + (product + 1) * (1 - share)
    }

    func height(of rows: Tensor<Scalar>) -> Tensor<Scalar> {
      (rows * normal).sum(axis: 1, keepingAxis: true)
    }

    /// log(1 + wᵀû (1 − h²)), from terms that are all positive.
    func logDet(_ h: Tensor<Scalar>) -> Tensor<Scalar> {
      let square = h.squared()
      return log(growth * (1 - square) + square).squeezed(axis: 1)
    }
  }

  private func plane(_ rows: Tensor<Scalar>, _ context: Tensor<Scalar>?) -> Plane {
    checkRows(rows)
    return Plane(parameters(rows: rows.storage.shape[0], context: context), dimension)
  }

  /// Latent → data, explicit.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let plane = plane(z, context)
    let h = tanh(plane.height(of: z) + plane.bias)
    return Transformed(value: z + plane.displacement * h, logDet: plane.logDet(h))
  }

  /// Data → latent, by the root of one equation for each row.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let plane = plane(x, context)
    let height = rootOfTanhEquation(
      plane.height(of: x), p: plane.growth - 1, q: Tensor(1), e: plane.bias)
    let h = tanh(height + plane.bias)
    return Transformed(value: x - plane.displacement * h, logDet: -plane.logDet(h))
  }

  /// Shows w, u and b as one vector, or the network that gives it.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    parameters.visitParameters(&visitor)
  }
}

extension Planar.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try RowParameters<Scalar>.validate(contextDimension: contextDimension, hidden: hidden)
  }

  var scalarCount: Int {
    RowParameters<Scalar>.scalarCount(
      2 * dimension + 1, contextDimension: contextDimension, hidden: hidden)
  }
}

extension Planar: StorableFlow {
  /// `Planar`.
  public static var identifier: String { "Planar" }

  /// A flow whose weights those of a file will replace.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    var generator = PhiloxGenerator(seed: 0)
    self.init(configuration, using: &generator)
  }
}
