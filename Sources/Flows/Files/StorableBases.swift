// How base densities are described in files.

extension BaseConfiguration: CheckedConfiguration {
  func validate() throws { try validateColumns(dimension) }
  var scalarCount: Int { 2 * dimension }
}

extension StudentT.Configuration: CheckedConfiguration {
  func validate() throws { try validateColumns(dimension) }
  var scalarCount: Int { 3 * dimension }
}

extension Uniform.Configuration: CheckedConfiguration {
  func validate() throws { try validateColumns(dimension) }
  var scalarCount: Int { 2 * dimension }
}

extension MultivariateGaussian.Configuration: CheckedConfiguration {
  func validate() throws { try validateColumns(dimension) }
  // The square matrices that the packed factor is made from count as well.
  var scalarCount: Int { dimension + dimension * dimension }
}

extension LowRankGaussian.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try requireConfiguration(
      (1...(1 << 20)).contains(factors), "expected at least 1 factor, got \(factors)",
      field: "factors")
  }
  // The square matrix of the factors counts as well.
  var scalarCount: Int { (2 + factors) * dimension + factors * factors }
}

extension LocationScaleDistribution {
  /// The standard density.
  public init(configuration: LocationScaleConfiguration) throws {
    try configuration.validate()
    self.init(dimension: configuration.dimension, isLearnable: configuration.isLearnable)
  }
}

extension Gaussian: StorableDistribution {
  /// `Gaussian`.
  public static var identifier: String { "Gaussian" }
}

extension Laplace: StorableDistribution {
  /// `Laplace`.
  public static var identifier: String { "Laplace" }
}

extension Logistic: StorableDistribution {
  /// `Logistic`.
  public static var identifier: String { "Logistic" }
}

extension StudentT: StorableDistribution {
  /// `StudentT`.
  public static var identifier: String { "StudentT" }

  /// The density of location 0, scale 1 and one degree of freedom.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(
      dimension: configuration.dimension, degreesOfFreedom: 1,
      isLearnable: configuration.isLearnable,
      learnsDegreesOfFreedom: configuration.learnsDegreesOfFreedom)
  }
}

extension Uniform: StorableDistribution {
  /// `Uniform`.
  public static var identifier: String { "Uniform" }

  /// The density on the unit cube.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(dimension: configuration.dimension)
  }
}

extension Gamma: StorableDistribution {
  /// `Gamma`.
  public static var identifier: String { "Gamma" }

  /// The density of concentration and rate 1.
  public init(configuration: BaseConfiguration) throws {
    try configuration.validate()
    let ones = Tensor<Scalar>.ones([configuration.dimension])
    self.init(concentration: ones, rate: ones, isLearnable: configuration.isLearnable)
  }
}

extension Beta: StorableDistribution {
  /// `Beta`.
  public static var identifier: String { "Beta" }

  /// The density of α = β = 1, the uniform one.
  public init(configuration: BaseConfiguration) throws {
    try configuration.validate()
    let ones = Tensor<Scalar>.ones([configuration.dimension])
    self.init(alpha: ones, beta: ones, isLearnable: configuration.isLearnable)
  }
}

extension MultivariateGaussian: StorableDistribution {
  /// `MultivariateGaussian`.
  public static var identifier: String { "MultivariateGaussian" }

  /// The standard density.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(dimension: configuration.dimension, isLearnable: configuration.isLearnable)
  }
}

extension LowRankGaussian: StorableDistribution {
  /// `LowRankGaussian`.
  public static var identifier: String { "LowRankGaussian" }

  /// The density of a factor of zeros and a diagonal of ones.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    let n = configuration.dimension
    self.init(
      mean: .zeros([n]), factor: .zeros([n, configuration.factors]), diagonal: .ones([n]),
      isLearnable: configuration.isLearnable)
  }
}

/// What a mixture is, but for its parts and tensors.
struct MixtureConfiguration: Codable, Sendable {
  /// Whether the weights are trained.
  let isLearnable: Bool
}

extension Mixture: CompositeDistribution {
  static var identifier: String { "Mixture" }
  var configuration: MixtureConfiguration { MixtureConfiguration(isLearnable: isLearnable) }

  static func make(configuration: MixtureConfiguration, parts: [any Distribution<Scalar>]) throws
    -> any Distribution<Scalar>
  {
    if let problem = problem(with: parts) { throw FlowsError(.malformedFile, problem) }
    return Mixture(parts, isLearnable: configuration.isLearnable)
  }
}

/// A product is defined by its parts.
struct ProductConfiguration: Codable, Sendable {}

extension ProductDistribution: CompositeDistribution {
  static var identifier: String { "ProductDistribution" }
  var configuration: ProductConfiguration { ProductConfiguration() }

  static func make(configuration: ProductConfiguration, parts: [any Distribution<Scalar>]) throws
    -> any Distribution<Scalar>
  {
    if let problem = problem(with: parts) { throw FlowsError(.malformedFile, problem) }
    return ProductDistribution(parts)
  }
}
