#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

let kindKey = "flows.kind"
let checkpointKind = "FitCheckpoint"
let versionKey = "flows.version"
private let modelKey = "flows.model"
private let formatVersion = 1

private let flowKind = "NormalizingFlow"
private let densityKind = "Distribution"

extension Distribution {
  /// Writes the density with all its tensors and a description of its architecture.
  ///
  /// The file is a `.safetensors` file whose metadata hold the description, so that
  /// ``load(from:types:bases:)`` needs no code that rebuilds it. It is written to a temporary name
  /// and renamed.
  ///
  /// - Throws: ``FlowsError`` where a part cannot be described or the file cannot be written.
  public func save(to path: String) throws {
    try namingFile(path) { try safetensors().write(to: path) }
  }

  /// The density as a safetensors file in memory.
  public func safetensors() throws -> SafetensorsFile {
    var file = SafetensorsFile()
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let builder = ModelBuilder<Scalar>()
    let flow = self as? NormalizingFlow<Scalar>
    let description =
      if let flow { try encoder.encode(builder.describe(flow)) } else {
        try encoder.encode(builder.describe(self))
      }
    file.metadata = [
      kindKey: flow == nil ? densityKind : flowKind, versionKey: "\(formatVersion)",
      modelKey: String(decoding: description, as: UTF8.self),
    ]
    for (name, tensor) in namedTensors { try file.add(name, tensor) }
    return file
  }

  /// Reads a density from a file; `Double` files can be read as `Float` and the other way around.
  ///
  /// Memory: at most 256 bytes for each byte of the file, besides the density itself. A description
  /// of more than twice the numbers that the file holds, and a million, is refused before it is made.
  ///
  /// - Parameters:
  ///   - path: a file that ``save(to:)`` wrote.
  ///   - types: users' own types of flows that the file may contain.
  ///   - bases: users' own types of densities.
  /// - Throws: ``FlowsError`` where the file cannot be read, is of another kind or a newer format,
  ///   or names types that are not known.
  public static func load(
    from path: String, types: [any StorableFlow<Scalar>.Type] = [],
    bases: [any StorableDistribution<Scalar>.Type] = []
  ) throws -> Self {
    try namingFile(path) {
      try Self(SafetensorsFile(contentsOf: path), types: types, bases: bases)
    }
  }

  /// A density from a safetensors file in memory; as ``load(from:types:bases:)``.
  public init(
    _ file: SafetensorsFile, types: [any StorableFlow<Scalar>.Type] = [],
    bases: [any StorableDistribution<Scalar>.Type] = []
  ) throws {
    let density = try decodeModel(file, types: types, bases: bases)
    guard let density = density as? Self else {
      throw FlowsError(
        .modelMismatch, "expected a \(Self.self); the file holds a \(type(of: density))")
    }
    self = density
  }

  /// The same density with another scalar type, rounded to nearest.
  public init<Other: Distribution>(
    converting other: Other, types: [any StorableFlow<Scalar>.Type] = [],
    bases: [any StorableDistribution<Scalar>.Type] = []
  ) throws {
    try self.init(other.safetensors(), types: types, bases: bases)
  }

  fileprivate mutating func fill(from file: SafetensorsFile) throws {
    var filler = TensorFiller<Scalar>(
      tensor: { try file.tensor($0, as: Scalar.self) }, names: Set(file.names))
    visitParameters(&filler)
    if let error = filler.error { throw error }
    if let extra = filler.names.subtracting(filler.used).min() {
      throw FlowsError(
        .modelMismatch, "the file holds a tensor that the model it describes does not have",
        field: extra)
    }
  }
}

/// A density of whatever type a file holds; as ``Distribution/load(from:types:bases:)``.
public func loadDistribution<Scalar: TensorScalar>(
  from path: String, as scalar: Scalar.Type = Scalar.self,
  types: [any StorableFlow<Scalar>.Type] = [],
  bases: [any StorableDistribution<Scalar>.Type] = []
) throws -> any Distribution<Scalar> {
  try namingFile(path) {
    try decodeModel(SafetensorsFile(contentsOf: path), types: types, bases: bases)
  }
}

private func decodeModel<Scalar: TensorScalar>(
  _ file: SafetensorsFile, types: [any StorableFlow<Scalar>.Type],
  bases: [any StorableDistribution<Scalar>.Type]
) throws -> any Distribution<Scalar> {
  if file.metadata[kindKey] == checkpointKind {
    throw FlowsError(
      .modelMismatch,
      "expected a model; the file holds a checkpoint of a fit, which `fit` goes on from")
  }
  guard let kind = file.metadata[kindKey], let text = file.metadata[modelKey] else {
    throw FlowsError(
      .modelMismatch,
      "expected a model saved by Flows; this safetensors file does not describe one (its "
        + "metadata have no \"\(modelKey)\")")
  }
  guard kind == flowKind || kind == densityKind else {
    throw FlowsError(
      .modelMismatch,
      "expected a NormalizingFlow; the file holds a model of kind \(kind.quotedExcerpt)")
  }
  guard let version = file.metadata[versionKey].flatMap({ Int($0) }), version >= 1 else {
    throw FlowsError(.malformedFile, "the file's format version is missing or no number")
  }
  guard version <= formatVersion else {
    throw FlowsError(
      .unsupported,
      "the file has format version \(version); this library reads up to \(formatVersion)")
  }
  let scalars = try file.names.reduce(0) { $0 + (try file.shape(of: $1).reduce(1, *)) }
  var builder = ModelBuilder<Scalar>(types: types, bases: bases, scalars: scalars)
  var density: any Distribution<Scalar> =
    if kind == flowKind { try builder.build(ModelDescription(text: text)) } else {
      try builder.buildDistribution(PartDescription(text: text))
    }
  try density.fill(from: file)
  return density
}

/// Replaces every tensor of a model by the one of its name.
private struct TensorFiller<Scalar: TensorScalar>: ParameterVisitor {
  let tensor: (String) throws -> Tensor<Scalar>
  let names: Set<String>
  var path = NamePath()
  var used: Set<String> = []
  var error: (any Error)?

  init(tensor: @escaping (String) throws -> Tensor<Scalar>, names: Set<String>) {
    self.tensor = tensor
    self.names = names
  }

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    guard error == nil else { return }
    let full = path.name(name)
    used.insert(full)
    do {
      guard names.contains(full) else {
        throw FlowsError(.modelMismatch, "the file has no tensor of this name", field: full)
      }
      let value = try tensor(full)
      guard value.shape == parameter.shape else {
        throw FlowsError(
          .modelMismatch, "expected the shape \(parameter.shape), found \(value.shape)",
          field: full)
      }
      parameter = value
    } catch { self.error = error }
  }

  mutating func visit(_ name: String, state: inout Tensor<Scalar>) { visit(name, &state) }
  mutating func enter(_ name: String) { path.enter(name) }
  mutating func leave() { path.leave() }
}
