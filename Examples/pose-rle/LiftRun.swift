import ExampleSupport
import Foundation
import PoseRLE

/// One training and what came of it.
struct LiftRun: Encodable {
  let likelihood: String
  let seed: UInt64
  let steps: Int
  var parameters: Int?
  var skippedSteps = 0
  var seconds = 0.0
  /// Nil where a checkpoint was complete.
  var stepSeconds: Double?
  /// Nil where the training failed.
  var evaluation: LiftingEvaluation?
  /// The file of the weights.
  var weights: String?
  /// What went wrong; nil where nothing did.
  private(set) var error: String?

  init(likelihood: String, seed: UInt64, steps: Int) {
    self.likelihood = likelihood
    self.seed = seed
    self.steps = steps
  }

  /// How its files are named.
  var label: String { "\(likelihood)-seed\(seed)" }

  /// Notes what went wrong, and says it on standard error.
  mutating func fail(_ error: any Error) {
    self.error = self.error ?? "\(error)"
    let end = ProgressOutput.standardError.isTerminal ? "\n" : ""
    writeToStandardError("\(end)pose-rle: \(label): \(error)\n")
  }

  private enum Key: String, CodingKey {
    case likelihood, seed, parameters, steps, skippedSteps, seconds, millisecondsPerStep
    case mpjpe, paMPJPE, distanceQuantiles, medianMPJPE, medianPAMPJPE, negativeLogLikelihood,
      calibratedNegativeLogLikelihood, temperature
    case coverage, weights, error
  }

  // Written out because the synthesised form leaves nil keys away instead of writing null; numbers
  // that are not finite have no JSON and become null as well.
  func encode(to encoder: any Encoder) throws {
    func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(likelihood, forKey: .likelihood)
    try container.encode(seed, forKey: .seed)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(steps, forKey: .steps)
    try container.encode(skippedSteps, forKey: .skippedSteps)
    try container.encode(seconds, forKey: .seconds)
    try container.encode(finite(stepSeconds.map { 1_000 * $0 }), forKey: .millisecondsPerStep)
    try container.encode(finite(evaluation?.mpjpe), forKey: .mpjpe)
    try container.encode(finite(evaluation?.alignedMPJPE), forKey: .paMPJPE)
    try container.encode(evaluation?.distanceQuantiles, forKey: .distanceQuantiles)
    try container.encode(finite(evaluation?.medianMPJPE), forKey: .medianMPJPE)
    try container.encode(finite(evaluation?.medianAlignedMPJPE), forKey: .medianPAMPJPE)
    try container.encode(
      finite(evaluation?.negativeLogLikelihood), forKey: .negativeLogLikelihood)
    try container.encode(
      finite(evaluation?.calibratedNegativeLogLikelihood),
      forKey: .calibratedNegativeLogLikelihood)
    try container.encode(finite(evaluation?.temperature), forKey: .temperature)
    try container.encode(evaluation?.coverage, forKey: .coverage)
    try container.encode(weights, forKey: .weights)
    try container.encode(error, forKey: .error)
  }

  static func json(_ runs: [LiftRun]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(runs), as: UTF8.self)
  }
}
