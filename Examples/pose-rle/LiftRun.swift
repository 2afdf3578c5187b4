import Foundation
import PoseRLE

/// One training and what came of it.
struct LiftRun: Encodable {
  let likelihood: String
  let seed: UInt64
  let parameters: Int
  let steps: Int
  let skippedSteps: Int
  let seconds: Double
  /// Nil where a checkpoint was complete.
  let stepSeconds: Double?
  let evaluation: LiftingEvaluation
  let weights: String?

  private enum Key: String, CodingKey {
    case likelihood, seed, parameters, steps, skippedSteps, seconds, millisecondsPerStep
    case mpjpe, paMPJPE, medianMPJPE, medianPAMPJPE, negativeLogLikelihood,
      calibratedNegativeLogLikelihood, temperature
    case coverage, weights
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
    try container.encode(finite(evaluation.mpjpe), forKey: .mpjpe)
    try container.encode(finite(evaluation.alignedMPJPE), forKey: .paMPJPE)
    try container.encode(finite(evaluation.medianMPJPE), forKey: .medianMPJPE)
    try container.encode(finite(evaluation.medianAlignedMPJPE), forKey: .medianPAMPJPE)
    try container.encode(
      finite(evaluation.negativeLogLikelihood), forKey: .negativeLogLikelihood)
    try container.encode(
      finite(evaluation.calibratedNegativeLogLikelihood),
      forKey: .calibratedNegativeLogLikelihood)
    try container.encode(finite(evaluation.temperature), forKey: .temperature)
    try container.encode(evaluation.coverage, forKey: .coverage)
    try container.encode(weights, forKey: .weights)
  }

  static func json(_ runs: [LiftRun]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(runs), as: UTF8.self)
  }
}
