/// A flow that files can describe: an identifier, a configuration, and the tensors it visits.
///
/// Built-in flows are rebuilt from the file's own description. A user's type joins by conforming and
/// being passed to ``NormalizingFlow/load(from:types:)``.
public protocol StorableFlow<Scalar>: Flow {
  /// All that defines the flow but its tensors.
  associatedtype Configuration: Codable & Sendable

  /// The name of the type in files; it must never change. Built-in names have no dot; put your
  /// own domain in front of yours.
  static var identifier: String { get }

  /// All that defines this flow but its tensors.
  var configuration: Configuration { get }

  /// A flow of this configuration with any tensors of the right shapes.
  ///
  /// - Throws: ``FlowsError`` for a configuration that makes no sense.
  init(configuration: Configuration) throws
}

/// A base density that files can describe; as ``StorableFlow``.
public protocol StorableDistribution<Scalar>: Distribution {
  /// All that defines the density but its tensors.
  associatedtype Configuration: Codable & Sendable

  /// The name of the type in files; it must never change.
  static var identifier: String { get }

  /// All that defines this density but its tensors.
  var configuration: Configuration { get }

  /// A density of this configuration with any tensors of the right shapes.
  ///
  /// - Throws: ``FlowsError`` for a configuration that makes no sense.
  init(configuration: Configuration) throws
}

/// Refuses configurations from files that a programmer's mistake would trap on.
func requireConfiguration(
  _ condition: Bool, _ message: @autoclosure () -> String, field: String
) throws {
  if !condition { throw FlowsError(.invalidConfiguration, message(), field: field) }
}

private let largestWidth = 1 << 20

private func validateNetwork(dimension: Int, mask: CouplingMask, context: Int, hidden: [Int])
  throws
{
  try requireConfiguration(
    (2...largestWidth).contains(dimension), "expected at least 2 columns, got \(dimension)",
    field: "dimension")
  try requireConfiguration(
    (0...largestWidth).contains(context), "expected context columns, got \(context)",
    field: "contextDimension")
  try requireConfiguration(
    hidden.count <= 1_024 && hidden.allSatisfy { (1...largestWidth).contains($0) },
    "expected positive widths, got \(hidden)", field: "hidden")
  if case .given(let flags) = mask {
    try requireConfiguration(
      flags.count == dimension && flags.contains(true) && flags.contains(false),
      "expected \(dimension) flags of both kinds, got \(flags)", field: "mask")
  }
}

extension AffineCoupling: StorableFlow {
  /// `AffineCoupling`.
  public static var identifier: String { "AffineCoupling" }

  /// A coupling with zero weights.
  public init(configuration: Configuration) throws {
    try validateNetwork(
      dimension: configuration.dimension, mask: configuration.mask,
      context: configuration.contextDimension, hidden: configuration.hidden)
    var generator = PhiloxGenerator(seed: 0)
    self.init(
      configuration, initializer: .zero, outputInitializer: .zero, using: &generator)
  }
}

extension AdditiveCoupling: StorableFlow {
  /// `AdditiveCoupling`.
  public static var identifier: String { "AdditiveCoupling" }

  /// A coupling with zero weights.
  public init(configuration: Configuration) throws {
    try validateNetwork(
      dimension: configuration.dimension, mask: configuration.mask,
      context: configuration.contextDimension, hidden: configuration.hidden)
    var generator = PhiloxGenerator(seed: 0)
    self.init(
      configuration, initializer: .zero, outputInitializer: .zero, using: &generator)
  }
}

private func validateColumns(_ dimension: Int) throws {
  try requireConfiguration(
    (1...largestWidth).contains(dimension), "expected at least 1 column, got \(dimension)",
    field: "dimension")
}

extension ActNorm: StorableFlow {
  /// `ActNorm`.
  public static var identifier: String { "ActNorm" }

  /// The identity.
  public init(configuration: Configuration) throws {
    try validateColumns(configuration.dimension)
    self.init(dimension: configuration.dimension)
  }
}

extension Permutation: StorableFlow {
  /// `Permutation`.
  public static var identifier: String { "Permutation" }

  /// The permutation of a configuration.
  public init(configuration: Configuration) throws {
    let order = configuration.order
    try requireConfiguration(
      !order.isEmpty && order.sorted() == Array(0..<order.count),
      "expected each column once, got \(order)", field: "order")
    self.init(order)
  }
}

extension Standardization: StorableFlow {
  /// `Standardization`.
  public static var identifier: String { "Standardization" }

  /// The identity.
  public init(configuration: Configuration) throws {
    try validateColumns(configuration.dimension)
    self.init(dimension: configuration.dimension)
  }
}

extension Gaussian: StorableDistribution {
  /// `Gaussian`.
  public static var identifier: String { "Gaussian" }

  /// The standard density.
  public init(configuration: LocationScaleConfiguration) throws {
    try validateColumns(configuration.dimension)
    self.init(dimension: configuration.dimension, isLearnable: configuration.isLearnable)
  }
}

extension Laplace: StorableDistribution {
  /// `Laplace`.
  public static var identifier: String { "Laplace" }

  /// The standard density.
  public init(configuration: LocationScaleConfiguration) throws {
    try validateColumns(configuration.dimension)
    self.init(dimension: configuration.dimension, isLearnable: configuration.isLearnable)
  }
}
