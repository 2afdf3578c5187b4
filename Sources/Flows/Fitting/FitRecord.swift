#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

private let formatVersion = 1
private let settingsKey = "flows.fit.settings"
private let stateKey = "flows.fit.state"
private let statePrefix = "state."

/// What a fit is, but for what changes no result: two fits of equal settings take equal steps.
struct FitSettings: Codable, Equatable, Sendable {
  let objective: String
  let data: String
  let steps: Int
  let batchSize: Int
  let learningRate: LearningRateSchedule
  let optimizer: Optimizer
  let clipping: GradientClipping
  let averageDecay: Double?
  let validationFraction: Double
  let validationInterval: Int
  let patience: Int?
  let standardizes: Bool
  let nonFiniteLimit: Int
  let seed: UInt64
  /// The type of the scalars.
  let scalar: String
  /// What the model is made of: its description, or its type where it cannot be described.
  let architecture: String
  /// The name and shape of each tensor.
  let tensors: [String]

  init<Model: Distribution>(
    objective: String, data: String, options: FitOptions, model: Model
  ) {
    self.objective = objective
    self.data = data
    steps = options.steps
    batchSize = options.batchSize
    learningRate = options.learningRate
    optimizer = options.optimizer
    clipping = options.clipping
    averageDecay = options.averageDecay
    validationFraction = options.validationFraction
    validationInterval = options.validationInterval
    patience = options.patience
    standardizes = options.standardizes
    nonFiniteLimit = options.nonFiniteLimit
    seed = options.seed
    scalar = "\(Model.Scalar.self)"
    architecture =
      (try? encoded(ModelBuilder<Model.Scalar>().describe(model as any Distribution<Model.Scalar>)))
      ?? "\(Model.self)"
    tensors = model.namedTensors.map { "\($0.name) \($0.tensor.shape)" }
  }

  /// Refuses to go on from a fit that was another.
  func requireEqual(to stored: FitSettings) throws {
    if self == stored { return }
    let (mine, other) = (try fields(), try stored.fields())
    // What follows from other settings comes last.
    let derived = ["tensors", "architecture", "data"]
    let keys = Set(mine.keys).union(other.keys).subtracting(derived).sorted() + derived
    for key in keys where mine[key] != other[key] {
      if key == "architecture" {
        throw FlowsError(
          .modelMismatch,
          "the checkpoint is of another fit, of a model with other parts; remove the file, or set "
            + "resumes to false, to begin anew", field: key)
      }
      throw FlowsError(
        .modelMismatch,
        "the checkpoint is of another fit, with \(text(other[key])) where this one has "
          + "\(text(mine[key])); remove the file, or set resumes to false, to begin anew",
        field: key)
    }
    throw FlowsError(
      .modelMismatch,
      "the checkpoint is of another fit; remove the file, or set resumes to false, to begin anew")
  }

  private func fields() throws -> [String: JSONValue] {
    guard
      case .object(let fields) = try JSONParser.parse(
        Array(encoded(self).utf8), subject: "the settings are not valid")
    else { return [:] }
    return fields
  }

  private func text(_ value: JSONValue?) -> String {
    switch value {
    case .array(let tensors): "\(tensors.count) tensors of other names or shapes"
    case .string(let text): text.quotedExcerpt
    case .integer(let number): "\(number)"
    case .number(let number): "\(number)"
    case .bool(let flag): "\(flag)"
    case .object(let fields): "\(fields)"
    case .null, nil: "none"
    }
  }
}

/// All that a checkpoint holds of a fit that is under way.
struct FitRecord<Scalar: TensorScalar> {
  let state: FitState
  let trainer: TrainerState<Scalar>
  /// The weights to keep so far, as the trainer packs them.
  let best: Tensor<Scalar>

  func file(settings: FitSettings, states: [(name: String, tensor: Tensor<Scalar>)]) throws
    -> SafetensorsFile
  {
    var file = SafetensorsFile()
    file.metadata = [
      kindKey: checkpointKind, versionKey: "\(formatVersion)", settingsKey: try encoded(settings),
      stateKey: try encoded(state),
    ]
    try trainer.add(to: &file)
    try file.add("best", best)
    for (name, tensor) in states { try file.add(statePrefix + name, tensor) }
    return file
  }

}

extension FitRecord {
  /// Reads the record of a fit of these settings, and puts the untrained tensors into its model.
  init(_ file: SafetensorsFile, settings: FitSettings, model: inout some Parameterized<Scalar>)
    throws
  {
    guard file.metadata[kindKey] == checkpointKind else {
      throw FlowsError(
        .modelMismatch,
        "expected a checkpoint of a fit; the file holds "
          + (file.metadata[kindKey].map { "a model of kind \($0.quotedExcerpt)" } ?? "none"))
    }
    guard let version = file.metadata[versionKey].flatMap({ Int($0) }), version >= 1 else {
      throw FlowsError(.malformedFile, "the file's format version is missing or no number")
    }
    guard version <= formatVersion else {
      throw FlowsError(
        .unsupported,
        "the file has format version \(version); this library reads up to \(formatVersion)")
    }
    try settings.requireEqual(to: decoded(file, settingsKey))
    state = try decoded(file, stateKey)
    trainer = try TrainerState(from: file)
    let steps = state.nextStep
    let counts = [
      state.sinceBest, state.nonFiniteInARow, state.lastMeasured, state.report.skippedSteps,
      state.interval.count, trainer.step,
    ]
    guard (0...settings.steps).contains(steps), counts.allSatisfy({ (0...steps).contains($0) })
    else {
      throw FlowsError(.malformedFile, "the counts of the checkpoint contradict each other")
    }
    best = try file.tensor("best")
    let own = model.namedStates
    try model.fillStates { try file.tensor(statePrefix + $0) }
    for (mine, stored) in zip(own, model.namedStates) where mine.tensor != stored.tensor {
      throw FlowsError(
        .modelMismatch,
        "the checkpoint is of a fit that began with other numbers here, such as other units; remove "
          + "the file, or set resumes to false, to begin anew", field: mine.name)
    }
  }
}

extension FitRecord {
  /// The record that a fit goes on from, if it is to and there is one.
  static func resuming(
    _ checkpoint: FitCheckpoint?, settings: FitSettings, model: inout some Parameterized<Scalar>
  ) throws -> FitRecord? {
    guard let checkpoint, checkpoint.resumes, FileBytes.exists(checkpoint.path) else { return nil }
    return try namingFile(checkpoint.path) {
      try FitRecord(
        SafetensorsFile(contentsOf: checkpoint.path), settings: settings, model: &model)
    }
  }
}

// Losses need not be finite, which plain JSON cannot say.

private func encoded(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys]
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}

private func decoded<Value: Decodable>(_ file: SafetensorsFile, _ key: String) throws -> Value {
  guard let text = file.metadata[key] else {
    throw FlowsError(.malformedFile, "the checkpoint has no \"\(key)\"")
  }
  let decoder = JSONDecoder()
  decoder.nonConformingFloatDecodingStrategy = .convertFromString(
    positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
  do {
    return try decoder.decode(Value.self, from: Data(text.utf8))
  } catch {
    throw FlowsError(.malformedFile, "the checkpoint cannot be read: \(error)", field: key)
  }
}

// MARK: - Untrained tensors

extension Parameterized {
  /// The tensors that are not trained, by their full names.
  var namedStates: [(name: String, tensor: Tensor<Scalar>)] {
    var visitor = StateVisitor<Scalar>(replacement: nil)
    var copy = self
    copy.visitParameters(&visitor)
    return visitor.found
  }

  /// Replaces the tensors that are not trained.
  fileprivate mutating func fillStates(_ tensor: @escaping (String) throws -> Tensor<Scalar>)
    throws
  {
    var visitor = StateVisitor<Scalar>(replacement: tensor)
    visitParameters(&visitor)
    if let error = visitor.error { throw error }
  }
}

private struct StateVisitor<Scalar: TensorScalar>: ParameterVisitor {
  let replacement: ((String) throws -> Tensor<Scalar>)?
  var path = NamePath()
  var found: [(name: String, tensor: Tensor<Scalar>)] = []
  var error: (any Error)?

  init(replacement: ((String) throws -> Tensor<Scalar>)?) { self.replacement = replacement }

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {}

  mutating func visit(_ name: String, state: inout Tensor<Scalar>) {
    let full = path.name(name)
    found.append((full, state))
    guard let replacement, error == nil else { return }
    do {
      let value = try replacement(full)
      guard value.shape == state.shape else {
        throw FlowsError(
          .modelMismatch, "expected the shape \(state.shape), found \(value.shape)", field: full)
      }
      state = value
    } catch { self.error = error }
  }

  mutating func enter(_ name: String) { path.enter(name) }
  mutating func leave() { path.leave() }
}
