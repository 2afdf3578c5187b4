/// A radial flow: rows are moved away from a centre or toward it, most where they are near.
///
/// x = z + β̂ · (z − z₀) / (α + r) with r = |z − z₀|, α > 0 and β̂ = −α + log(1 + e^β), so that the map is
/// invertible (Rezende and Mohamed, Variational Inference with Normalizing Flows, ICML 2015, section
/// 4.1 and appendix A.2). With s = α + β̂ > 0
///
/// log |det J| = (D − 1) · log((s + r) / (α + r)) + log((r² + 2αr + αs) / (α + r)²),
///
/// in which every term is positive. Both directions are explicit: with R = |x − z₀| the radius r is
/// the positive root of r² + (s − R) · r − α · R = 0.
///
/// With context z₀, α and β come from a network of it. A new flow is the identity.
public struct Radial<Scalar: TensorScalar>: Flow {
  /// All that defines the flow but its weights.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// The number of context columns that centre and strength depend on.
    public var contextDimension: Int
    /// Widths of the hidden layers of the network of the context.
    public var hidden: [Int]
    /// Between its layers.
    public var activation: Activation
  }

  /// All that defines the flow but its weights.
  public let configuration: Configuration
  private var parameters: RowParameters<Scalar>

  /// A flow that starts as the identity, around a random centre.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, at least 1.
  ///   - contextDimension: the number of context columns.
  ///   - hidden: widths of the hidden layers of the network of the context.
  ///   - activation: between its layers.
  ///   - generator: the source of the centre and the weights.
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
    precondition(
      configuration.dimension > 0,
      "a radial flow maps at least one column; got \(configuration.dimension)")
    precondition(
      configuration.contextDimension >= 0,
      "a flow takes no context or some columns of it; got \(configuration.contextDimension)")
    self.configuration = configuration
    // α = s = log(1 + e^0.54…) = 1.
    parameters = RowParameters(
      from: .concatenated([
        .normal([configuration.dimension], using: &generator),
        Tensor(repeating: 0.541_324_854_612_918_1, shape: [2]),
      ]),
      contextDimension: configuration.contextDimension, hidden: configuration.hidden,
      activation: configuration.activation, using: &generator)
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The number of context columns.
  public var contextDimension: Int { configuration.contextDimension }

  /// What the formula names, `[1, …]` for all rows or `[rows, …]` for each.
  private struct Sphere {
    let centre: Tensor<Scalar>
    /// α.
    let width: Tensor<Scalar>
    /// s = α + β̂.
    let strength: Tensor<Scalar>

    init(_ all: Tensor<Scalar>, _ columns: Int) {
      centre = all.slice(0..<columns, axis: 1)
      width = softplus(all.slice(columns..<columns + 1, axis: 1))
      strength = softplus(all.slice(columns + 1..<columns + 2, axis: 1))
    }

    /// The distance from the centre, whose derivative at the centre is taken as 0.
    func radius(_ offset: Tensor<Scalar>) -> Tensor<Scalar> {
      sqrt(Tensor.maximum(offset.squared().sum(axis: 1, keepingAxis: true), Tensor(1e-30)))
    }

    func logDet(_ r: Tensor<Scalar>, _ columns: Int) -> Tensor<Scalar> {
      let logWidth = log(width + r)
      var result = log(r * (r + 2 * width) + width * strength) - 2 * logWidth
      if columns > 1 { result += (log(strength + r) - logWidth) * Scalar(columns - 1) }
      return result.squeezed(axis: 1)
    }

    /// r of R.
    func latentRadius(_ radius: Tensor<Scalar>) -> Tensor<Scalar> {
      let excess = radius - strength
      let product = 4 * width * radius
      let root = sqrt(excess.squared() + product)
      // Of the two forms of the root the one in which nothing cancels.
      let isOutside = excess .>= Tensor(0)
      let sum = root + Tensor.select(where: isOutside, excess, else: -excess)
      return Tensor.select(where: isOutside, sum, else: product / sum) * 0.5
    }
  }

  private func sphere(_ rows: Tensor<Scalar>, _ context: Tensor<Scalar>?) -> Sphere {
    checkRows(rows)
    return Sphere(parameters(rows: rows.storage.shape[0], context: context), dimension)
  }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let sphere = sphere(z, context)
    let offset = z - sphere.centre
    let r = sphere.radius(offset)
    let factor = (sphere.strength + r) / (sphere.width + r)
    return Transformed(
      value: sphere.centre + offset * factor, logDet: sphere.logDet(r, dimension))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let sphere = sphere(x, context)
    let offset = x - sphere.centre
    let r = sphere.latentRadius(sphere.radius(offset))
    let factor = (sphere.width + r) / (sphere.strength + r)
    return Transformed(
      value: sphere.centre + offset * factor, logDet: -sphere.logDet(r, dimension))
  }

  /// Shows z₀, α and β as one vector, the last two as they are before their softplus, or the network
  /// that gives it.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    parameters.visitParameters(&visitor)
  }
}

extension Radial.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try RowParameters<Scalar>.validate(contextDimension: contextDimension, hidden: hidden)
  }

  var scalarCount: Int {
    RowParameters<Scalar>.scalarCount(
      dimension + 2, contextDimension: contextDimension, hidden: hidden)
  }
}

extension Radial: StorableFlow {
  /// `Radial`.
  public static var identifier: String { "Radial" }

  /// A flow whose weights those of a file will replace.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    var generator = PhiloxGenerator(seed: 0)
    self.init(configuration, using: &generator)
  }
}
