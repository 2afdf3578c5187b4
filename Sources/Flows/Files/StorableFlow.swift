/// A flow that files can describe: an identifier, a configuration, and the tensors it visits.
///
/// Built-in flows are rebuilt from the file's own description. A user's type joins by conforming and
/// being passed to ``NormalizingFlow/load(from:types:bases:)``.
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

/// A configuration from a file that can be looked over before anything of its size is made.
protocol CheckedConfiguration {
  /// Refuses what makes no sense.
  func validate() throws
  /// The scalars of all tensors of the part; asked only of a valid configuration.
  var scalarCount: Int { get }
}

private let largestWidth = 1 << 20

func validateColumns(_ dimension: Int) throws {
  try requireConfiguration(
    (1...largestWidth).contains(dimension), "expected at least 1 column, got \(dimension)",
    field: "dimension")
}

func validateConditioner(context: Int, hidden: [Int]) throws {
  try requireConfiguration(
    (0...largestWidth).contains(context), "expected context columns, got \(context)",
    field: "contextDimension")
  try requireConfiguration(
    hidden.count <= 1_024 && hidden.allSatisfy { (1...largestWidth).contains($0) },
    "expected positive widths, got \(excerpt(hidden))", field: "hidden")
}

func validateCoupling(dimension: Int, mask: CouplingMask, context: Int, hidden: [Int]) throws {
  try requireConfiguration(
    (2...largestWidth).contains(dimension), "expected at least 2 columns, got \(dimension)",
    field: "dimension")
  try validateConditioner(context: context, hidden: hidden)
  if case .given(let flags) = mask {
    try requireConfiguration(
      flags.count == dimension && flags.contains(true) && flags.contains(false),
      "expected \(dimension) flags of both kinds, got \(excerpt(flags))", field: "mask")
  }
}

/// The weights and biases of a network `inputs → hidden… → outputs`.
func networkScalars(_ inputs: Int, _ hidden: [Int], _ outputs: Int) -> Int {
  scalars([inputs] + hidden + [outputs])
}

/// The weights and biases of layers between these widths.
func scalars(_ widths: [Int]) -> Int {
  zip(widths, widths.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
}

/// A flow with zero weights, which those of a file will replace.
func zeroed<Configuration: CheckedConfiguration, Coupling>(
  _ configuration: Configuration,
  _ make: (Configuration, Initializer, Initializer, inout PhiloxGenerator) -> Coupling
) throws -> Coupling {
  try configuration.validate()
  var generator = PhiloxGenerator(seed: 0)
  return make(configuration, .zero, .zero, &generator)
}

extension AffineCoupling.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateCoupling(
      dimension: dimension, mask: mask, context: contextDimension, hidden: hidden)
    try scale.validate()
  }

  var scalarCount: Int {
    let columns = CouplingColumns(mask, dimension: dimension)
    let inputs = columns.passed.count + contextDimension
    let outputs = columns.transformed.count
    return networks == .joint
      ? networkScalars(inputs, hidden, 2 * outputs) : 2 * networkScalars(inputs, hidden, outputs)
  }
}

extension AdditiveCoupling.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateCoupling(
      dimension: dimension, mask: mask, context: contextDimension, hidden: hidden)
  }

  var scalarCount: Int {
    let columns = CouplingColumns(mask, dimension: dimension)
    return networkScalars(
      columns.passed.count + contextDimension, hidden, columns.transformed.count)
  }
}

extension ActNorm.Configuration: CheckedConfiguration {
  func validate() throws { try validateColumns(dimension) }
  var scalarCount: Int { 2 * dimension + 1 }
}

extension Standardization.Configuration: CheckedConfiguration {
  func validate() throws { try validateColumns(dimension) }
  var scalarCount: Int { 2 * dimension }
}

extension Permutation.Configuration: CheckedConfiguration {
  func validate() throws {
    try requireConfiguration(
      !order.isEmpty && order.sorted() == Array(0..<order.count),
      "expected each column once, got \(excerpt(order))", field: "order")
  }
  var scalarCount: Int { 0 }
}

extension AffineCoupling: StorableFlow {
  /// `AffineCoupling`.
  public static var identifier: String { "AffineCoupling" }

  /// A coupling with zero weights.
  public init(configuration: Configuration) throws {
    self = try zeroed(configuration, Self.init(_:initializer:outputInitializer:using:))
  }
}

extension AdditiveCoupling: StorableFlow {
  /// `AdditiveCoupling`.
  public static var identifier: String { "AdditiveCoupling" }

  /// A coupling with zero weights.
  public init(configuration: Configuration) throws {
    self = try zeroed(configuration, Self.init(_:initializer:outputInitializer:using:))
  }
}

extension ActNorm: StorableFlow {
  /// `ActNorm`.
  public static var identifier: String { "ActNorm" }

  /// The identity.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(dimension: configuration.dimension)
  }
}

extension Permutation: StorableFlow {
  /// `Permutation`.
  public static var identifier: String { "Permutation" }

  /// The permutation of a configuration.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(configuration.order)
  }
}

extension Standardization: StorableFlow {
  /// `Standardization`.
  public static var identifier: String { "Standardization" }

  /// The identity.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(dimension: configuration.dimension)
  }
}
