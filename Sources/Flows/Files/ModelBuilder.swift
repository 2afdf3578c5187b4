private let compositionName = "Composition"
private let invertedName = "Inverted"
private let embeddedName = "EmbeddedContext"
private let normalizingFlowName = "NormalizingFlow"

/// The units of a normalizing flow that is part of another density.
private struct NormalizingFlowConfiguration: Codable {
  let standardizedColumns: Int?
  let standardizedContext: Int?
}

/// Turns flows and densities into descriptions and back.
struct ModelBuilder<Scalar: TensorScalar> {
  private let flows: [String: any StorableFlow<Scalar>.Type]
  private let bases: [String: any StorableDistribution<Scalar>.Type]
  private let composites: [String: any CompositeDistribution<Scalar>.Type]
  /// Scalars that parts may still be made with.
  private var allowance: Int

  /// A builder for a file of `scalars` numbers, or without limit.
  ///
  /// A description of far more than the file holds is refused before memory is taken for it; a
  /// little more is let through, since the search for the tensors then names the one that lacks.
  init(
    types: [any StorableFlow<Scalar>.Type] = [],
    bases userBases: [any StorableDistribution<Scalar>.Type] = [], scalars: Int? = nil
  ) {
    allowance = scalars.map { 2 * $0 + (1 << 20) } ?? .max
    let builtIn: [any StorableFlow<Scalar>.Type] = [
      AffineCoupling<Scalar>.self, AdditiveCoupling<Scalar>.self, ActNorm<Scalar>.self,
      Permutation<Scalar>.self, Standardization<Scalar>.self, Coupling<Scalar>.self,
      Autoregressive<Scalar>.self, Elementwise<Scalar>.self, CircularShift<Scalar>.self,
      LULinear<Scalar>.self, Householder<Scalar>.self, Orthogonal<Scalar>.self,
      BatchNormalizationFlow<Scalar>.self, Planar<Scalar>.self, Radial<Scalar>.self,
      Sylvester<Scalar>.self, SupportMap<Scalar>.self, SimplexMap<Scalar>.self,
      OrderedMap<Scalar>.self, LogitMap<Scalar>.self,
    ]
    let builtInBases: [any StorableDistribution<Scalar>.Type] = [
      Gaussian<Scalar>.self, Laplace<Scalar>.self, Logistic<Scalar>.self, StudentT<Scalar>.self,
      Uniform<Scalar>.self, Gamma<Scalar>.self, Beta<Scalar>.self,
      MultivariateGaussian<Scalar>.self, LowRankGaussian<Scalar>.self,
    ]
    let builtInComposites: [any CompositeDistribution<Scalar>.Type] = [
      Mixture<Scalar>.self, ProductDistribution<Scalar>.self,
      // Stands for every pair of parts: `make` builds the type that they ask for.
      ResidualDensity<Gaussian<Scalar>, Gaussian<Scalar>>.self,
    ]
    composites = Dictionary(builtInComposites.map { ($0.identifier, $0) }) { _, last in last }
    flows = Dictionary((builtIn + types).map { ($0.identifier, $0) }) { _, last in last }
    bases = Dictionary((builtInBases + userBases).map { ($0.identifier, $0) }) { _, last in last }
  }

  // MARK: - Describing

  func describe(_ model: NormalizingFlow<Scalar>) throws -> ModelDescription {
    ModelDescription(
      dimension: model.dimension, base: try describe(model.base), flow: try describe(model.flow),
      standardizedColumns: model.standardization?.dimension,
      standardizedContext: model.contextStandardization?.dimension)
  }

  func describe(_ density: any Distribution<Scalar>) throws -> PartDescription {
    if let model = density as? NormalizingFlow<Scalar> {
      let units = NormalizingFlowConfiguration(
        standardizedColumns: model.standardization?.dimension,
        standardizedContext: model.contextStandardization?.dimension)
      return PartDescription(
        type: normalizingFlowName, configuration: try JSONValue(encoding: units),
        parts: [try describe(model.base), try describe(model.flow)])
    }
    if let composite = density as? any CompositeDistribution<Scalar> {
      return PartDescription(
        type: type(of: composite).identifier,
        configuration: try JSONValue(encoding: composite.configuration),
        parts: try composite.parts.map { try describe($0) })
    }
    guard let storable = density as? any StorableDistribution<Scalar> else {
      throw FlowsError(
        .unsupported,
        "a density of type \(type(of: density)) cannot be saved: it is no StorableDistribution")
    }
    return PartDescription(
      type: type(of: storable).identifier,
      configuration: try JSONValue(encoding: storable.configuration))
  }

  private func describe(_ flow: any Flow<Scalar>) throws -> PartDescription {
    if let composition = flow as? Composition<Scalar> {
      return PartDescription(
        type: compositionName, configuration: .object(["dimension": .integer(flow.dimension)]),
        parts: try composition.flows.map(describe))
    }
    if let inverted = flow as? Inverted<Scalar> {
      return PartDescription(type: invertedName, parts: [try describe(inverted.base)])
    }
    if let embedded = flow as? EmbeddedContext<Scalar> {
      guard let network = embedded.embedding as? MLP<Scalar> else {
        throw FlowsError(
          .unsupported,
          "an embedding of type \(type(of: embedded.embedding)) cannot be saved: it is no MLP")
      }
      return PartDescription(
        type: embeddedName, configuration: try JSONValue(encoding: EmbeddingConfiguration(network)),
        parts: [try describe(embedded.flow)])
    }
    guard let storable = flow as? any StorableFlow<Scalar> else {
      throw FlowsError(
        .unsupported, "a flow of type \(type(of: flow)) cannot be saved: it is no StorableFlow")
    }
    return PartDescription(
      type: type(of: storable).identifier,
      configuration: try JSONValue(encoding: storable.configuration))
  }

  // MARK: - Building

  mutating func build(_ description: ModelDescription) throws -> NormalizingFlow<Scalar> {
    let model = try assemble(
      base: buildDistribution(description.base), flow: buildFlow(description.flow, depth: 0),
      standardizedColumns: description.standardizedColumns,
      standardizedContext: description.standardizedContext)
    guard model.dimension == description.dimension else {
      throw FlowsError(
        .malformedFile,
        "the description's parts do not agree on \(description.dimension) columns")
    }
    return model
  }

  mutating func buildDistribution(_ part: PartDescription, depth: Int = 0) throws
    -> any Distribution<Scalar>
  {
    try checkDepth(depth)
    let parts = part.parts ?? []
    if part.type == normalizingFlowName {
      guard parts.count == 2 else {
        throw FlowsError(
          .malformedFile,
          "a normalizing flow has a base and a flow, not \(counted(parts.count, "part"))")
      }
      let units = try decode(
        NormalizingFlowConfiguration.self, part.configuration, of: normalizingFlowName)
      return try assemble(
        base: buildDistribution(parts[0], depth: depth + 1),
        flow: buildFlow(parts[1], depth: depth + 1),
        standardizedColumns: units.standardizedColumns,
        standardizedContext: units.standardizedContext)
    }
    if let type = composites[part.type] {
      var densities: [any Distribution<Scalar>] = []
      for inner in parts { densities.append(try buildDistribution(inner, depth: depth + 1)) }
      return try make(type, part.configuration, densities)
    }
    guard let type = bases[part.type] else {
      throw unknown(
        "density", part.type, (Array(bases.keys) + composites.keys + [normalizingFlowName]).sorted()
      )
    }
    return try make(type, part.configuration)
  }

  private mutating func assemble(
    base: any Distribution<Scalar>, flow: any Flow<Scalar>, standardizedColumns: Int?,
    standardizedContext: Int?
  ) throws -> NormalizingFlow<Scalar> {
    guard let composition = flow as? Composition<Scalar>, composition.dimension == base.dimension
    else {
      throw FlowsError(.malformedFile, "base and flow of the description differ in their columns")
    }
    let contexts = Set([base.contextDimension, composition.contextDimension]).subtracting([0])
    guard contexts.count <= 1 else {
      throw FlowsError(
        .malformedFile, "base and flow of the description take contexts of different widths")
    }
    var model = NormalizingFlow(base: base, flow: composition)
    guard standardizedColumns ?? model.dimension == model.dimension,
      standardizedContext ?? model.contextDimension == model.contextDimension
    else {
      throw FlowsError(
        .malformedFile,
        "the description standardises \(standardizedColumns ?? 0) columns and "
          + "\(standardizedContext ?? 0) of context; the flow has \(model.dimension) "
          + "and \(model.contextDimension)")
    }
    model.standardization = try standardizedColumns.map {
      try Standardization(configuration: .init(dimension: $0))
    }
    model.contextStandardization = try standardizedContext.map {
      try Standardization(configuration: .init(dimension: $0))
    }
    return model
  }

  private func checkDepth(_ depth: Int) throws {
    guard depth < 64 else {
      throw FlowsError(.malformedFile, "the description nests parts more than 64 deep")
    }
  }

  private mutating func buildFlow(_ part: PartDescription, depth: Int) throws
    -> any Flow<Scalar>
  {
    try checkDepth(depth)
    var parts: [any Flow<Scalar>] = []
    for inner in part.parts ?? [] { parts.append(try buildFlow(inner, depth: depth + 1)) }
    if part.type == compositionName {
      guard case .object(let fields)? = part.configuration,
        case .integer(let dimension)? = fields["dimension"],
        parts.allSatisfy({ $0.dimension == dimension }),
        Set(parts.map(\.contextDimension)).subtracting([0]).count <= 1
      else {
        throw FlowsError(
          .malformedFile, "a composition in the description does not agree on its columns")
      }
      return Composition(dimension: dimension, parts)
    }
    if part.type == invertedName {
      guard parts.count == 1 else {
        throw FlowsError(.malformedFile, "an inverted flow has one part, not \(parts.count)")
      }
      return Inverted(parts[0])
    }
    if part.type == embeddedName {
      let configuration = try decode(
        EmbeddingConfiguration.self, part.configuration, of: embeddedName)
      guard parts.count == 1, parts[0].contextDimension == configuration.outputs else {
        throw FlowsError(
          .malformedFile, "an embedding in the description has one flow, which takes what it gives")
      }
      return EmbeddedContext(configuration.network(), parts[0])
    }
    guard let type = flows[part.type] else {
      throw unknown("flow", part.type, flows.keys.sorted())
    }
    return try make(type, part.configuration)
  }

  private mutating func make<F: StorableFlow<Scalar>>(
    _ type: F.Type, _ configuration: JSONValue?
  ) throws -> any Flow<Scalar> {
    try F(configuration: try decode(F.Configuration.self, configuration, of: F.identifier))
  }

  private mutating func make<D: StorableDistribution<Scalar>>(
    _ type: D.Type, _ configuration: JSONValue?
  ) throws -> any Distribution<Scalar> {
    try D(configuration: try decode(D.Configuration.self, configuration, of: D.identifier))
  }

  private mutating func make<D: CompositeDistribution<Scalar>>(
    _ type: D.Type, _ configuration: JSONValue?, _ parts: [any Distribution<Scalar>]
  ) throws -> any Distribution<Scalar> {
    try D.make(
      configuration: try decode(D.Configuration.self, configuration, of: D.identifier),
      parts: parts)
  }

  private mutating func decode<C: Decodable>(
    _ type: C.Type, _ value: JSONValue?, of name: String
  ) throws -> C {
    let configuration: C
    do {
      configuration = try (value ?? .object([:])).decoded(as: type)
    } catch {
      throw FlowsError(
        .malformedFile, "the configuration of \(name) cannot be read: \("\(error)".excerpt(300))")
    }
    if let checked = configuration as? any CheckedConfiguration {
      try checked.validate()
      let count = checked.scalarCount
      guard count <= allowance else {
        throw FlowsError(
          .malformedFile, "the description asks for far more numbers than the file holds",
          field: name)
      }
      allowance -= count
    }
    return configuration
  }

  private func unknown(_ role: String, _ name: String, _ known: [String]) -> FlowsError {
    FlowsError(
      .unsupported,
      "the file holds a \(role) of the type \(name.quotedExcerpt), which is not among "
        + "\(known.joined(separator: ", ")); pass a user's own type to load(from:types:)")
  }
}
