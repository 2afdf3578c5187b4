import ExampleSupport
import Flows
import Foundation

/// What a run came to, as it is printed.
struct Summary: Encodable {
  let dataset: String
  let flow: String
  let parameters: Int
  let steps: Int
  let seconds: Double
  let testNegativeLogLikelihood: Double
  let testStandardError: Double
  let trueEntropy: Double?
  let klDivergence: Double?
  let klStandardError: Double?
  let integral: Double
  let picture: String
  let model: String

  private enum Key: String, CodingKey {
    case dataset, flow, parameters, steps, seconds, testNegativeLogLikelihood, testStandardError
    case trueEntropy, klDivergence, klStandardError, integral, picture, model
  }

  // Written out because the synthesised form leaves nil keys away instead of writing null.
  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(dataset, forKey: .dataset)
    try container.encode(flow, forKey: .flow)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(steps, forKey: .steps)
    try container.encode(seconds, forKey: .seconds)
    try container.encode(testNegativeLogLikelihood, forKey: .testNegativeLogLikelihood)
    try container.encode(testStandardError, forKey: .testStandardError)
    try container.encode(trueEntropy, forKey: .trueEntropy)
    try container.encode(klDivergence, forKey: .klDivergence)
    try container.encode(klStandardError, forKey: .klStandardError)
    try container.encode(integral, forKey: .integral)
    try container.encode(picture, forKey: .picture)
    try container.encode(model, forKey: .model)
  }

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  func text(_ evaluation: Evaluation, _ report: FitReport?) -> String {
    var lines = [
      "\(dataset): \(parameters) parameters"
        + (report.map { ", \(steps) steps in \(fixed($0.seconds, 1)) s" } ?? "")
        + " (\(fixed(seconds, 1)) s in all)"
    ]
    lines.append(
      "  test NLL          \(fixed(testNegativeLogLikelihood, 4)) ± "
        + "\(fixed(testStandardError, 4)) nats"
        + (trueEntropy.map { "   (entropy of the truth \(fixed($0, 4)))" } ?? ""))
    if let klDivergence, let klStandardError {
      lines.append(
        "  KL(true ‖ model)  \(fixed(klDivergence, 4)) ± \(fixed(klStandardError, 4)) nats")
    }
    lines.append(
      "  ∫ p               \(fixed(integral, 5))   (\(fixed(evaluation.coarseIntegral, 5)) with "
        + "twice the step)")
    if let report, report.skippedSteps > 0 {
      lines.append("  skipped steps     \(report.skippedSteps)")
    }
    lines.append("  picture           \(picture)")
    lines.append("  model             \(model)")
    return lines.joined(separator: "\n")
  }
}
