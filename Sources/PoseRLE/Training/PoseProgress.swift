import Foundation

/// How far a training is.
public struct PoseProgress: Sendable, CustomStringConvertible {
  /// Steps done, those that were skipped included.
  public let step: Int
  /// Steps to do in all.
  public let steps: Int
  /// The loss of the last step, in nats, reduced as the likelihood says; nil before the first.
  public let loss: Double?
  /// How fast it is.
  public let imagesPerSecond: Double
  /// Until the last step; nil where that cannot be said yet.
  public let secondsLeft: Double?
  /// Steps that were not taken because their loss or gradient was not finite.
  public let skippedSteps: Int
  /// What the last validation came to.
  public let validation: PoseTrainingHistory.Validation?

  /// One line for a person to read.
  public var description: String {
    var parts = ["step \(step) of \(steps)"]
    if let loss { parts.append(String(format: "loss %.4f", loss)) }
    parts.append(String(format: "%.0f images/s", imagesPerSecond))
    if let secondsLeft { parts.append(String(format: "%.0f s left", secondsLeft)) }
    if let validation { parts.append(String(format: "error %.2f px", validation.meanError)) }
    return parts.joined(separator: ", ")
  }
}

/// The curves of a training.
public struct PoseTrainingHistory: Sendable, Codable, Hashable {
  /// What one validation came to.
  public struct Validation: Sendable, Codable, Hashable {
    /// Steps done.
    public let step: Int
    /// The loss that is trained, as the likelihood reduces it; nil where it is not finite.
    public let loss: Double?
    /// The mean distance of joints in pixels of the crop.
    public let meanError: Double
    /// The share of joints within 20 % of the crop's longer side.
    public let pck: Double
  }

  /// The mean loss over some steps.
  public struct Loss: Sendable, Codable, Hashable {
    /// The last of the steps.
    public var step: Int
    /// Their mean loss.
    public var value: Double
    /// How many steps.
    public var count: Int
  }

  /// Losses, averaged over ``lossInterval`` steps each; the last one over those so far.
  public internal(set) var losses: [Loss] = []
  /// All validations.
  public internal(set) var validations: [Validation] = []

  /// Nothing yet.
  public init() {}

  /// Steps that a loss is averaged over.
  public static let lossInterval = 20

  mutating func addLoss(_ loss: Double, step: Int) {
    if let last = losses.last, last.count < Self.lossInterval {
      let count = last.count + 1
      losses[losses.count - 1] = Loss(
        step: step, value: last.value + (loss - last.value) / Double(count), count: count)
    } else {
      losses.append(Loss(step: step, value: loss, count: 1))
    }
  }
}
