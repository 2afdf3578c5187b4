import ExampleSupport
import PoseRLE

/// Trains regressors from 2-D to 3-D joints.
struct LiftCommand: Command {
  static let options = CommandOptionGroup(
    "Lifting",
    [.value("lift", "DIR", help: "Poses in two and three dimensions.")])

  init(_ arguments: ParsedArguments) throws(ArgumentError) {}

  func run() throws {}
}
