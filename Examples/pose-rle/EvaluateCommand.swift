import ExampleSupport
import Foundation
import PoseRLE

/// Scores detections against annotations, both in COCO's formats.
struct EvaluateCommand: Command {
  static let options = CommandOptionGroup(
    "Evaluation",
    [
      .value(
        "evaluate", "FILE",
        help: "Detections in COCO's results format, to be compared with --annotations."),
      .value(
        "bootstrap", "N",
        help: "Adds 95 % intervals from N draws of the images with replacement."),
    ])
  static let sharedOptions: Set<String> = ["annotations"]

  let detections: String
  let annotations: String
  let bootstrap: Bootstrap?
  let isJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    detections = try arguments.string("evaluate")
    annotations = try arguments.string("annotations")
    isJSON = arguments.flag("json")
    let seed = UInt64(try arguments.int("seed", in: 0...1 << 53))
    bootstrap =
      arguments.isGiven("bootstrap")
      ? Bootstrap(replicates: try arguments.int("bootstrap", in: 2...1_000_000), seed: seed) : nil
  }

  func run() throws {
    let truth = try KeypointAnnotations(contentsOf: annotations)
    let found = try KeypointDetections(contentsOf: detections, for: truth)
    let evaluation = KeypointEvaluation(found, against: truth)
    let report = EvaluateReport(
      scores: evaluation.scores, intervals: bootstrap.map { evaluation.intervals($0) })
    if isJSON {
      print(report.json)
    } else {
      print("\(found.poses.count) detections, \(truth.poses.count) annotations,", terminator: " ")
      print("\(truth.imageIDs.count) images\n\n\(report.table)")
    }
  }
}
