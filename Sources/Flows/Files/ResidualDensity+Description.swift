/// All of a residual density but its two parts.
struct ResidualDensityConfiguration: Codable, Sendable {
  let normalization: ResidualNormalization
}

extension ResidualDensity: CompositeDistribution {
  static var identifier: String { "ResidualDensity" }

  var configuration: ResidualDensityConfiguration {
    ResidualDensityConfiguration(normalization: normalization)
  }

  var parts: [any Distribution<Scalar>] { [base, shape] }

  /// A density of the parts' own types, whatever `Q` and `G` are.
  static func make(configuration: ResidualDensityConfiguration, parts: [any Distribution<Scalar>])
    throws -> any Distribution<Scalar>
  {
    try requireConfiguration(
      parts.count == 2, "expected a base and a shape, got \(parts.count) parts", field: identifier)
    let (base, shape) = (parts[0], parts[1])
    try requireConfiguration(
      base.dimension == shape.dimension,
      "expected parts of the same columns, got \(base.dimension) and \(shape.dimension)",
      field: identifier)
    let contexts = Set([base.contextDimension, shape.contextDimension]).subtracting([0])
    try requireConfiguration(
      contexts.count <= 1, "expected parts of the same context, got \(contexts.sorted())",
      field: identifier)
    try requireConfiguration(
      zip(base.support, shape.support).allSatisfy { $0.intersection($1) != nil },
      "expected parts whose supports overlap", field: identifier)
    if case .given(let logValue) = configuration.normalization {
      try requireConfiguration(
        logValue.isFinite, "expected a finite log-normaliser, got \(logValue)",
        field: "normalization")
    }
    try requireConfiguration(
      configuration.normalization != .exact || !(base.mixesRows || shape.mixesRows),
      "expected parts whose rows do not depend on one another", field: identifier)
    return product(base, shape, configuration.normalization)
  }

  private static func product<A: Distribution<Scalar>, B: Distribution<Scalar>>(
    _ base: A, _ shape: B, _ normalization: ResidualNormalization
  ) -> any Distribution<Scalar> {
    ResidualDensity<A, B>(base: base, shape: shape, normalization: normalization)
  }
}
