import Flows
import Foundation

/// Where and how often the state of a training is written.
///
/// A training that is run again with the same images and options goes on from the file, and ends with
/// the same weights as one that was never stopped. The best weights so far are in it as well.
public struct PoseCheckpoint: Hashable, Sendable {
  /// The file.
  public let file: String
  /// Steps between two writings.
  public let interval: Int

  /// A checkpoint.
  ///
  /// - Precondition: the interval is positive.
  public init(file: String, interval: Int = 500) {
    precondition(interval > 0, "a checkpoint is written after at least one step; got \(interval)")
    self.file = file
    self.interval = interval
  }

  /// What must be the same for a training to go on.
  private struct Setting: Codable, Equatable {
    let options: PoseTrainingOptions
    let architecture: PoseArchitecture
    let training: UInt64
    let validation: UInt64?
  }

  /// The counters of the loop.
  private struct Counters: Codable {
    let step: Int
    let skipped: Int
    let skippedInARow: Int
    let loss: Double?
    let seconds: Double
    let history: PoseTrainingHistory
    let counts: KeypointBatch.Counts

    /// Whether a training of so many steps can have come to them, with so many of its steps taken.
    func isPossible(taken: Int, of steps: Int) -> Bool {
      let numbers = [
        skipped, skippedInARow, counts.nonFiniteJoints, counts.outOfCropJoints,
        counts.imagesWithoutJoints, counts.decoderWarnings,
      ]
      return (0...steps).contains(step) && numbers.allSatisfy { (0...(1 << 53)).contains($0) }
        && skippedInARow <= skipped && taken + skipped == step
        && history.losses.allSatisfy { (1...PoseTrainingHistory.lossInterval).contains($0.count) }
    }
  }

  // A validation's loss may be infinite, and so may the limit of a gradient; neither is a number of JSON.
  private static func text(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private static func value<Value: Decodable>(_ text: String?, _ type: Value.Type) -> Value? {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return text.flatMap { try? decoder.decode(type, from: Data($0.utf8)) }
  }

  private static let settingKey = "poserle.training.setting"
  private static let countersKey = "poserle.training.counters"
  private static let bestPrefix = "best."

  private static func setting(of training: PoseTrainer) -> Setting {
    Setting(
      options: training.options, architecture: training.trainer.model.architecture,
      training: training.training.source.fingerprint,
      validation: training.validation?.source.fingerprint)
  }

  func write(_ training: PoseTrainer) throws {
    try PoseError.translating(file) {
      var content = SafetensorsFile()
      content.metadata[Self.settingKey] = try Self.text(Self.setting(of: training))
      content.metadata[Self.countersKey] = try Self.text(
        Counters(
          step: training.step, skipped: training.skippedSteps,
          skippedInARow: training.skippedInARow, loss: training.lastLoss,
          seconds: training.seconds, history: training.history, counts: training.counts))
      try training.trainer.state.add(to: &content)
      for (name, tensor) in training.bestModel?.namedTensors ?? [] {
        try content.add(Self.bestPrefix + name, tensor)
      }
      try content.write(to: file)
    }
  }

  /// Brings a training to where the file says, if there is one and it is not further itself.
  func resume(_ training: PoseTrainer) throws {
    guard FileManager.default.fileExists(atPath: file) else { return }
    try PoseError.translating(file) {
      let content = try SafetensorsFile(contentsOf: file)
      guard let setting = Self.value(content.metadata[Self.settingKey], Setting.self),
        let counters = Self.value(content.metadata[Self.countersKey], Counters.self)
      else {
        throw PoseError(
          .malformedFile,
          "expected the checkpoint of a pose regressor's training, found other content")
      }
      guard setting == Self.setting(of: training) else {
        throw PoseError(
          .modelMismatch,
          "the checkpoint is of another training: images, architecture or options differ")
      }
      let state = try TrainerState<Float>(from: content)
      guard counters.isPossible(taken: state.step, of: training.options.steps) else {
        throw PoseError(
          .malformedFile, "the checkpoint's numbers of steps and labels contradict each other")
      }
      guard counters.step > training.step else { return }
      let tensors = [state.parameters] + state.moments + state.states
      guard (tensors + (state.average.map { [$0] } ?? [])).allSatisfy(\.isFinite) else {
        throw PoseError(.malformedFile, "expected finite weights, found others")
      }
      var best: PoseModel<Float>?
      if content.names.contains(where: { $0.hasPrefix(Self.bestPrefix) }) {
        var model = training.trainer.model
        var reader = TensorReader<Float>(content: content, path: ["best"])
        model.visitParameters(&reader)
        if let problem = reader.problem { throw problem }
        best = model
      }
      try training.trainer.restore(state)
      training.bestModel = best
      training.step = counters.step
      training.skippedSteps = counters.skipped
      training.skippedInARow = counters.skippedInARow
      training.lastLoss = counters.loss
      training.seconds = counters.seconds
      training.history = counters.history
      training.counts = counters.counts
    }
  }
}
