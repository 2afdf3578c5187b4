import Flows
import Foundation

/// Where and how often the state of a training is written.
///
/// A training that is run again with the same data and options goes on from the file, and ends with the
/// same weights as one that was never stopped.
public struct LiftingCheckpoint: Hashable, Sendable {
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
    let options: LiftingOptions
    let architecture: LiftingArchitecture
    let fingerprint: UInt64
  }

  /// The counters of the loop.
  private struct Counters: Codable {
    let step: Int
    let skipped: Int
    let skippedInARow: Int
    let loss: Double?
  }

  private static let settingKey = "poserle.lifting.setting"
  private static let countersKey = "poserle.lifting.counters"

  private static func setting(of training: LiftingTrainer) -> Setting {
    Setting(
      options: training.options, architecture: training.trainer.model.architecture,
      fingerprint: training.fingerprint)
  }

  func write(_ training: LiftingTrainer) throws {
    try PoseError.translating(file) {
      var content = SafetensorsFile()
      let encoder = JSONEncoder()
      encoder.outputFormatting = .sortedKeys
      func text(_ value: some Encodable) throws -> String {
        String(decoding: try encoder.encode(value), as: UTF8.self)
      }
      content.metadata[Self.settingKey] = try text(Self.setting(of: training))
      content.metadata[Self.countersKey] = try text(
        Counters(
          step: training.step, skipped: training.skippedSteps,
          skippedInARow: training.skippedInARow, loss: training.lastLoss))
      try training.trainer.state.add(to: &content)
      try content.write(to: file)
    }
  }

  /// Brings a training to where the file says, if there is one and it is not further itself.
  func resume(_ training: LiftingTrainer) throws {
    guard FileManager.default.fileExists(atPath: file) else { return }
    try PoseError.translating(file) {
      let content = try SafetensorsFile(contentsOf: file)
      func value<Value: Decodable>(_ key: String, _ type: Value.Type) -> Value? {
        content.metadata[key].flatMap { try? JSONDecoder().decode(type, from: Data($0.utf8)) }
      }
      guard let setting = value(Self.settingKey, Setting.self),
        let counters = value(Self.countersKey, Counters.self), counters.step >= 0
      else {
        throw PoseError(
          .malformedFile, "expected the checkpoint of a lifter's training, found other content",
          file: file)
      }
      guard setting == Self.setting(of: training) else {
        throw PoseError(
          .modelMismatch,
          "the checkpoint is of another training: data, likelihood or options differ", file: file)
      }
      guard counters.step > training.step else { return }
      try training.trainer.restore(try TrainerState<Float>(from: content))
      training.step = counters.step
      training.skippedSteps = counters.skipped
      training.skippedInARow = counters.skippedInARow
      training.lastLoss = counters.loss
    }
  }
}
