/// All that a trainer knows besides the model's architecture, as values that can be written down.
///
/// Parameters lie one after the other in visiting order. A trainer that takes over a state goes on
/// exactly as the one that gave it.
public struct TrainerState<Scalar: TensorScalar>: Sendable {
  /// Steps taken.
  public var step: Int
  /// The trained scalars, `[n]`.
  public var parameters: Tensor<Scalar>
  /// The optimizer's moments, `[n]` each.
  public var moments: [Tensor<Scalar>]
  /// The moving average of the trained scalars, `[n]`; nil where none is kept.
  public var average: Tensor<Scalar>?
  /// Running averages of normalisations, and after them their moving averages where such are kept, in
  /// visiting order; empty where the model has nothing that training changes besides its weights.
  public var states: [Tensor<Scalar>] = []
}

extension TrainerState {
  private static func name(ofMoment index: Int) -> String { "trainer.moment.\(index)" }
  private static func name(ofState index: Int) -> String { "trainer.state.\(index)" }

  /// Adds the state to a file, under names that begin with `trainer.`.
  ///
  /// - Throws: ``FlowsError`` where the file has such names already.
  public func add(to file: inout SafetensorsFile) throws {
    file.metadata["flows.trainer.step"] = "\(step)"
    try file.add("trainer.parameters", parameters)
    for (index, moment) in moments.enumerated() {
      try file.add(Self.name(ofMoment: index), moment)
    }
    if let average { try file.add("trainer.average", average) }
    for (index, state) in states.enumerated() { try file.add(Self.name(ofState: index), state) }
  }

  /// The state that ``add(to:)`` put into a file.
  ///
  /// - Throws: ``FlowsError`` where there is none, or it makes no sense.
  public init(from file: SafetensorsFile) throws {
    guard let step = file.metadata["flows.trainer.step"].flatMap({ Int($0) }),
      (0...(1 << 53)).contains(step)
    else {
      throw FlowsError(.malformedFile, "the file's number of training steps is missing")
    }
    self.step = step
    parameters = try file.tensor("trainer.parameters")
    moments = []
    let names = Set(file.names)
    while names.contains(Self.name(ofMoment: moments.count)) {
      moments.append(try file.tensor(Self.name(ofMoment: moments.count)))
    }
    average = names.contains("trainer.average") ? try file.tensor("trainer.average") : nil
    while names.contains(Self.name(ofState: states.count)) {
      states.append(try file.tensor(Self.name(ofState: states.count)))
    }
  }
}

extension Trainer {
  /// All that the trainer knows besides the model's architecture; setting it goes on from there.
  public var state: TrainerState<Model.Scalar> {
    TrainerState(
      step: step, parameters: layout.packed(parameters), moments: moments.map(layout.packed),
      average: average.map(layout.packed),
      states: changesStates ? changedStates.map { Tensor($0.copied()) } : [])
  }

  /// Goes on from a state.
  ///
  /// - Throws: ``FlowsError`` of kind `modelMismatch` where the state is of another model or optimizer.
  public func restore(_ state: TrainerState<Model.Scalar>) throws {
    let found = [state.parameters] + state.moments + (state.average.map { [$0] } ?? [])
    guard found.allSatisfy({ $0.shape == [layout.packedCount] }) else {
      throw FlowsError(
        .modelMismatch,
        "expected a state of \(layout.packedCount) trained numbers, found \(found.map(\.shape))")
    }
    guard state.moments.count == moments.count, (state.average == nil) == (average == nil) else {
      throw FlowsError(
        .modelMismatch,
        "the state has \(counted(state.moments.count, "moment")) and "
          + "\(state.average == nil ? "no" : "an") average; this trainer keeps \(moments.count) and "
          + "\(average == nil ? "none" : "one")")
    }
    let targets = changedStates
    guard
      state.states.isEmpty
        || state.states.map(\.shape) == targets.map(\.shape.array)
    else {
      throw FlowsError(
        .modelMismatch,
        "expected running averages of the shapes \(targets.map(\.shape.array)), found "
          + "\(state.states.map(\.shape))")
    }
    for (target, value) in zip(targets, state.states) {
      target.pointer.copyMemory(
        from: value.storage.pointer, byteCount: target.count * target.kind.size)
      target.didChange()
      changesStates = true
    }
    layout.unpack(state.parameters, into: parameters)
    parameters.didChange()
    for (moment, value) in zip(moments, state.moments) { layout.unpack(value, into: moment) }
    if let average, let value = state.average { layout.unpack(value, into: average) }
    step = state.step
  }

  /// The untrained tensors, and their moving averages.
  private var changedStates: [Storage] { original.states.map(\.storage) + (averageStates ?? []) }

  /// What is validated and kept: the trained scalars, or their moving average where there is one, and
  /// after them, where they change between steps, the untrained ones.
  var keptParameters: Tensor<Model.Scalar> {
    let weights: Tensor<Model.Scalar> = layout.packed(average ?? parameters)
    guard hasRunningStatistics else { return weights }
    let states = averageStates?.map { Tensor<Model.Scalar>($0) } ?? original.states
    return .concatenated([weights] + states.map { $0.flattened() })
  }

  /// The model with what was kept.
  func model(with kept: Tensor<Model.Scalar>) -> Model {
    let block = layout.makeBlock()
    layout.unpack(kept, into: block)
    let model = layout.model(original, from: block)
    guard hasRunningStatistics else { return model.copyingStates() }
    var next = layout.packedCount
    return model.replacingStates(
      with: original.states.map { state in
        defer { next += state.count }
        return kept[rows: next..<next + state.count].reshaped(to: state.storage.shape)
      })
  }
}
