import Flows

/// A user's own types of flows and densities that files may hold, for both scalar types.
///
/// ```swift
/// StorableTypes(flows: [Twist<Double>.self], floatFlows: [Twist<Float>.self])
/// ```
///
/// Where a type is missing, the checks that need it are reported as skipped.
public struct StorableTypes: Sendable {
  /// Flows of `Double`.
  public var flows: [any StorableFlow<Double>.Type]
  /// The same flows of `Float`.
  public var floatFlows: [any StorableFlow<Float>.Type]
  /// Densities of `Double`.
  public var bases: [any StorableDistribution<Double>.Type]
  /// The same densities of `Float`.
  public var floatBases: [any StorableDistribution<Float>.Type]

  /// Lists of types; built-in ones need not be named.
  public init(
    flows: [any StorableFlow<Double>.Type] = [], floatFlows: [any StorableFlow<Float>.Type] = [],
    bases: [any StorableDistribution<Double>.Type] = [],
    floatBases: [any StorableDistribution<Float>.Type] = []
  ) {
    self.flows = flows
    self.floatFlows = floatFlows
    self.bases = bases
    self.floatBases = floatBases
  }
}
