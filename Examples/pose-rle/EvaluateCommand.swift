import ExampleSupport
import PoseRLE

/// Scores detections against annotations, both in COCO's formats.
struct EvaluateCommand: Command {
  static let options = CommandOptionGroup(
    "Evaluation",
    [
      .value("evaluate", "FILE", help: "Detections in COCO's results format."),
      .value("annotations", "FILE", help: "The annotations to compare them with."),
    ])

  init(_ arguments: ParsedArguments) throws(ArgumentError) {}

  func run() throws {}
}
