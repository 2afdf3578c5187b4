import ExampleSupport
import Foundation
import PoseRLE

/// One training of a pose regressor and what came of it: a row of the table.
struct PoseRun: Encodable {
  let likelihood: String
  let seed: UInt64
  var steps = 0
  var parameters: Int?
  var skippedSteps = 0
  /// Of the training steps alone, or of a test.
  var seconds = 0.0
  var imagesPerSecond: Double?
  /// Nil where the training failed.
  var evaluation: PoseEvaluation?
  var history = PoseTrainingHistory()
  /// What was found in the batches.
  var counts = KeypointBatch.Counts()
  /// The file of the weights.
  var weights: String?
  /// What went wrong; nil where nothing did.
  private(set) var error: String?
  /// What predicts, for pictures.
  var predictor: PosePredictor?

  init(likelihood: String, seed: UInt64) {
    self.likelihood = likelihood
    self.seed = seed
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
    case likelihood, seed, steps, parameters, skippedSteps
    case pck, within5, within10, meanError, medianError, spearman, spearmanVisible
    case nll, nllRaw, coverage, coverageRaw, coverageInterval
    case seconds, imagesPerSecond, weights, error
    case nonFiniteLabels, outOfCropJoints, imagesWithoutJoints, decoderWarnings
  }

  // Written out because the synthesised form leaves nil keys away instead of writing null; numbers
  // that are not finite have no JSON and become null as well.
  func encode(to encoder: any Encoder) throws {
    func finite(_ value: Double?) -> Double? { value.flatMap { $0.isFinite ? $0 : nil } }
    var container = encoder.container(keyedBy: Key.self)
    func levels<Value>(_ value: (PoseEvaluation.Coverage) -> Value) -> [String: Value]? {
      evaluation.map { evaluation in
        Dictionary(
          uniqueKeysWithValues: evaluation.coverage.map { ("\($0.level)", value($0)) })
      }
    }
    try container.encode(likelihood, forKey: .likelihood)
    try container.encode(seed, forKey: .seed)
    try container.encode(steps, forKey: .steps)
    try container.encode(parameters, forKey: .parameters)
    try container.encode(skippedSteps, forKey: .skippedSteps)
    try container.encode(finite(evaluation?.pck), forKey: .pck)
    try container.encode(finite(evaluation?.within[0]), forKey: .within5)
    try container.encode(finite(evaluation?.within[1]), forKey: .within10)
    try container.encode(finite(evaluation?.meanError), forKey: .meanError)
    try container.encode(finite(evaluation?.medianError), forKey: .medianError)
    try container.encode(finite(evaluation?.spearman), forKey: .spearman)
    try container.encode(finite(evaluation?.visibleSpearman), forKey: .spearmanVisible)
    try container.encode(finite(evaluation?.calibratedNegativeLogLikelihood), forKey: .nll)
    try container.encode(finite(evaluation?.negativeLogLikelihood), forKey: .nllRaw)
    try container.encode(levels(\.calibrated), forKey: .coverage)
    try container.encode(levels(\.raw), forKey: .coverageRaw)
    try container.encode(
      levels { [$0.interval.lowerBound, $0.interval.upperBound] }, forKey: .coverageInterval)
    try container.encode(seconds, forKey: .seconds)
    try container.encode(finite(imagesPerSecond), forKey: .imagesPerSecond)
    try container.encode(counts.nonFiniteJoints, forKey: .nonFiniteLabels)
    try container.encode(counts.outOfCropJoints, forKey: .outOfCropJoints)
    try container.encode(counts.imagesWithoutJoints, forKey: .imagesWithoutJoints)
    try container.encode(counts.decoderWarnings, forKey: .decoderWarnings)
    try container.encode(weights, forKey: .weights)
    try container.encode(error, forKey: .error)
  }
}

/// What `--json` prints.
struct PoseResults: Encodable {
  let data: String
  let backbone: String
  /// The side that `pck` and its like are shares of, in pixels; errors are in these pixels.
  let cropSide: Int
  let rows: [PoseRun]

  func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}
