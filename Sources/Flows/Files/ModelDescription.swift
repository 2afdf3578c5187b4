/// The architecture of a flow or base as a tree of identifiers and configurations.
struct PartDescription: Codable, Sendable {
  let type: String
  var configuration: JSONValue?
  var parts: [PartDescription]?
}

/// All of a normalizing flow but its tensors.
struct ModelDescription: Codable, Sendable {
  let dimension: Int
  let base: PartDescription
  let flow: PartDescription
  let standardizedColumns: Int?
  let standardizedContext: Int?
}

private let compositionName = "Composition"
private let invertedName = "Inverted"

/// Turns flows into descriptions and back.
struct ModelBuilder<Scalar: TensorScalar> {
  private let flows: [String: any StorableFlow<Scalar>.Type]
  private let bases: [String: any StorableDistribution<Scalar>.Type]
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
      Permutation<Scalar>.self, Standardization<Scalar>.self,
    ]
    let builtInBases: [any StorableDistribution<Scalar>.Type] = [
      Gaussian<Scalar>.self, Laplace<Scalar>.self,
    ]
    flows = Dictionary((builtIn + types).map { ($0.identifier, $0) }) { _, last in last }
    bases = Dictionary((builtInBases + userBases).map { ($0.identifier, $0) }) { _, last in last }
  }

  // MARK: - Describing

  func describe(_ model: NormalizingFlow<Scalar>) throws -> ModelDescription {
    guard let base = model.base as? any StorableDistribution<Scalar> else {
      throw FlowsError(
        .unsupported,
        "a base of type \(type(of: model.base)) cannot be saved: it is no StorableDistribution")
    }
    return ModelDescription(
      dimension: model.dimension,
      base: PartDescription(
        type: type(of: base).identifier, configuration: try JSONValue(encoding: base.configuration)
      ),
      flow: try describe(model.flow), standardizedColumns: model.standardization?.dimension,
      standardizedContext: model.contextStandardization?.dimension)
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
    guard let baseType = bases[description.base.type] else {
      throw unknown("base", description.base.type, bases.keys.sorted())
    }
    let base = try make(baseType, description.base.configuration)
    let flow = try build(description.flow, depth: 0)
    guard let composition = flow as? Composition<Scalar>,
      composition.dimension == description.dimension, base.dimension == description.dimension
    else {
      throw FlowsError(
        .malformedFile,
        "the description's parts do not agree on \(description.dimension) columns")
    }
    var model = NormalizingFlow(base: base, flow: composition)
    guard description.standardizedColumns ?? model.dimension == model.dimension,
      description.standardizedContext ?? model.contextDimension == model.contextDimension
    else {
      throw FlowsError(
        .malformedFile,
        "the description standardises \(description.standardizedColumns ?? 0) columns and "
          + "\(description.standardizedContext ?? 0) of context; the flow has \(model.dimension) "
          + "and \(model.contextDimension)")
    }
    model.standardization = try description.standardizedColumns.map {
      try Standardization(configuration: .init(dimension: $0))
    }
    model.contextStandardization = try description.standardizedContext.map {
      try Standardization(configuration: .init(dimension: $0))
    }
    return model
  }

  private mutating func build(_ part: PartDescription, depth: Int) throws -> any Flow<Scalar> {
    guard depth < 64 else {
      throw FlowsError(.malformedFile, "the description nests flows more than 64 deep")
    }
    var parts: [any Flow<Scalar>] = []
    for inner in part.parts ?? [] { parts.append(try build(inner, depth: depth + 1)) }
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

  private mutating func decode<C: Decodable>(
    _ type: C.Type, _ value: JSONValue?, of name: String
  ) throws -> C {
    let configuration: C
    do {
      configuration = try (value ?? .object([:])).decoded(as: type)
    } catch {
      throw FlowsError(.malformedFile, "the configuration of \(name) cannot be read: \(error)")
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
      "the file holds a \(role) of the type \"\(name)\", which is not among "
        + "\(known.joined(separator: ", ")); pass a user's own type to load(from:types:)")
  }
}
