/// A density made of other densities, which files describe one by one.
protocol CompositeDistribution<Scalar>: Distribution {
  /// All that defines the density but its parts and tensors.
  associatedtype Configuration: Codable & Sendable

  /// The name of the type in files; it must never change.
  static var identifier: String { get }

  /// All that defines this density but its parts and tensors.
  var configuration: Configuration { get }

  /// The densities that this one is made of.
  var parts: [any Distribution<Scalar>] { get }

  /// A density of these parts, with any tensors of its own of the right shapes.
  ///
  /// - Throws: ``FlowsError`` for parts that do not fit together.
  static func make(configuration: Configuration, parts: [any Distribution<Scalar>]) throws
    -> any Distribution<Scalar>
}
