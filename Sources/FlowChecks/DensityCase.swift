import Flows

/// A density under test, with what its checks need to know of it.
///
/// ```swift
/// let density = DensityCase("triangle", types: StorableTypes(bases: [Triangle<Double>.self])) { _ in
///   Triangle<Double>(width: 2)
/// }
/// #expect(density.report().problems.isEmpty)
/// ```
///
/// Bounded supports, densities that are infinite at an end of their support, heavy tails and kinks
/// are fine where ``Distribution/support`` and ``Distribution/kinks`` tell of them.
public struct DensityCase: Sendable, CustomStringConvertible {
  /// What reports call the density.
  public let name: String
  /// False for densities whose logarithm may overflow at |x| ≤ 1e4.
  public var staysFinite: Bool
  /// The size of the noise on the parameters; for a matrix it is divided by √rows, else by 2.
  public var noise: Double
  /// Nodes along each side, about, of the quadrature of a density in two columns.
  public var nodes: Int
  /// The user's types that a file of the density may hold.
  public var types: StorableTypes
  private let make: @Sendable (inout PhiloxGenerator) -> any Distribution<Double>

  /// A density under test.
  ///
  /// - Parameters:
  ///   - name: what reports call it.
  ///   - types: the user's types that a file of it may hold.
  ///   - staysFinite: whether log-densities and gradients are finite at |x| ≤ 1e4.
  ///   - noise: the size of the noise on the parameters.
  ///   - nodes: nodes along each side of a quadrature.
  ///   - make: the density; it gets the same generator each time.
  public init(
    _ name: String, types: StorableTypes = StorableTypes(), staysFinite: Bool = true,
    noise: Double = 0.5, nodes: Int = 200,
    make: @escaping @Sendable (inout PhiloxGenerator) -> any Distribution<Double>
  ) {
    self.name = name
    self.types = types
    self.staysFinite = staysFinite
    self.noise = noise
    self.nodes = nodes
    self.make = make
  }

  /// The name.
  public var description: String { name }

  /// Runs checks on every instruction set.
  public func report(_ checks: [FlowCheck] = FlowCheck.allForDensities) -> CheckReport {
    CheckSubject(self).report(checks)
  }

  /// The density as it is made, as the base of a flow that does nothing.
  package var fresh: NormalizingFlow<Double> {
    var generator = PhiloxGenerator(seed: 1)
    let density = make(&generator)
    return NormalizingFlow(base: density, flow: Composition(dimension: density.dimension))
  }
}
