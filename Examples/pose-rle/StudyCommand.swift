import ExampleSupport
import FlowCharts
import Flows
import Foundation
import PoseRLE

/// Trains every likelihood on keypoints whose errors have a known density, and draws what each learned.
struct StudyCommand: Command {
  static let options = CommandOptionGroup(
    "Study",
    [
      .value(
        "study", "DIR",
        help: "Train every likelihood on keypoints whose errors have a known density, print a "
          + "table and draw the figures of Docs/RLE.md into this folder."),
      .value("study-steps", "N", default: "4000", help: "Training steps of each likelihood."),
    ])

  let output: String
  let steps: Int
  let seed: UInt64
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    output = try arguments.string("study")
    steps = try arguments.int("study-steps", in: 1...1_000_000)
    seed = UInt64(try arguments.int("seed", in: 0...1 << 53))
    printsJSON = arguments.flag("json")
  }

  func run() throws {
    try prepareFolder(output)
    let world = StudyWorld(seed: seed)
    let presets = KeypointLikelihood.presets.filter { $0.likelihood.shape != .basic }
    var bar = ProgressBar(total: presets.count * steps)
    var rows: [StudyRow] = []
    var lessons: [StudyLesson] = []
    for (index, preset) in presets.enumerated() {
      let lesson = StudyLesson(preset.likelihood, name: preset.name, world: world, seed: seed)
      lesson.train(steps: steps) { step, loss in
        bar.update(
          step: index * steps + step, message: "\(preset.name), loss \(fixed(loss, 3))")
      }
      lessons.append(lesson)
      rows.append(try lesson.row())
    }
    bar.finish()
    let figures = StudyFigures(world: world, lessons: lessons)
    for (name, figure) in [
      ("error-density", try figures.densities()), ("scale", figures.scales()),
      ("coverage", try figures.coverage()),
    ] {
      try AtomicFile.write(figure.render(scale: 1).pngData(), to: "\(output)/\(name).png")
    }
    print(printsJSON ? try StudyRow.json(rows) : StudyRow.table(rows, entropy: world.entropy))
  }
}
