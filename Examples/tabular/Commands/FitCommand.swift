import ExampleSupport
import Flows
import Foundation

/// Fits a density to a table.
struct FitCommand: TableCommand {
  static let name = "fit"
  static let summary = "Fits a density to the rows of a table and writes a model."
  static let positionals = PositionalArguments.accepted(
    name: "DATA", count: 1...1, help: "A .csv, .tsv, .txt, .npy or .npz file.")

  static let groups = [
    CommandOptionGroup(
      "The data",
      [
        .value(
          "columns", "LIST", help: "Columns by name or place from 1: a,b,c or 1-5. All by default."),
        .value(
          "context", "LIST",
          help: "Columns to condition on: the density is that of the others given these."),
        .value(
          "validation", "SHARE|FILE", default: "0.1",
          help: "Rows held out, which choose the weights: a share of the rows, or a file."),
        .value("array", "NAME", help: "The array of an .npz file that holds several."),
        .flag("drop-missing", help: "Leave out rows of a CSV file that lack a value."),
      ]),
    CommandOptionGroup(
      "The flow",
      [
        .value(
          "flow", "NAME", default: "automatic",
          help: "\(FlowChoice.Kind.allCases.map(\.rawValue).joined(separator: ", "))."),
        .value("layers", "N", help: "Layers; by the kind of flow."),
        .value("hidden", "N,N", help: "Widths of the hidden layers of each network."),
        .value("bins", "N", help: "Bins of each spline."),
      ]),
    CommandOptionGroup(
      "The fit",
      [
        .value("steps", "N", help: "Training steps; \(defaultSteps) by default."),
        .value("minutes", "M", help: "Fit for so long instead."),
        .value("batch", "N", default: "512", help: "Rows of a step."),
        .value("learning-rate", "R", default: "2e-3", help: "The highest learning rate."),
        .value("weight-decay", "W", default: "0", help: "Weight decay, decoupled as in AdamW."),
        .value(
          "patience", "N", default: "25",
          help:
            "Stop after so many validations (of \(StepBudget.usualValidations)) without a better one."
        ),
        .value(
          "checkpoint", "FILE",
          help: "Keep the state of the fit in this file, and go on from it where there is one."),
      ]),
    CommandOptionGroup(
      "The model",
      [
        .value("output", "FILE", default: "model.safetensors", help: "Where the model is written."),
        .value(
          "name", "TEXT", help: "What the model is called; as the file of the data by default."),
      ]),
  ]

  private static let defaultSteps = 5_000

  /// Where rows that are held out come from.
  enum Held {
    case share(Double)
    case file(String)
  }

  let data: String
  let columns: String?
  let context: String?
  let held: Held
  let array: String?
  let dropsMissing: Bool
  let kind: FlowChoice.Kind
  let layers: Int?
  let hidden: [Int]?
  let bins: Int?
  let steps: Int
  let minutes: Double?
  let batch: Int
  let learningRate: Double
  let weightDecay: Double
  let patience: Int
  let checkpoint: String?
  let output: String
  let modelName: String
  let seed: UInt64
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    data = arguments.positionals[0]
    columns = arguments.optionalString("columns")
    context = arguments.optionalString("context")
    let validation = try arguments.string("validation")
    if Double(validation) != nil {
      held = .share(try arguments.double("validation", in: 0...0.9))
    } else {
      held = .file(validation)
    }
    array = arguments.optionalString("array")
    dropsMissing = arguments.flag("drop-missing")
    let name = try arguments.choice(
      "flow", from: FlowChoice.Kind.allCases.map(\.rawValue), kind: "flow")
    kind = FlowChoice.Kind(rawValue: name) ?? .automatic
    layers = try arguments.optionalInt("layers", in: 1...1_000)
    hidden = try arguments.optionalString("hidden").map { text throws(ArgumentError) in
      try FitCommand.widths(text)
    }
    bins = try arguments.optionalInt("bins", in: 2...1_000)
    if arguments.isGiven("steps") && arguments.isGiven("minutes") {
      throw .notExactlyOne(of: ["steps", "minutes"], given: ["steps", "minutes"])
    }
    // A fit by time takes another number of steps each time, so that no checkpoint fits it.
    if arguments.isGiven("checkpoint") && arguments.isGiven("minutes") {
      throw .foreignOption("checkpoint", command: "minutes")
    }
    steps = try arguments.optionalInt("steps", in: 1...100_000_000) ?? FitCommand.defaultSteps
    minutes =
      arguments.isGiven("minutes")
      ? try arguments.double("minutes", in: Double.leastNonzeroMagnitude...100_000) : nil
    batch = try arguments.int("batch", in: 1...1_000_000)
    learningRate = try arguments.double("learning-rate", in: Double.leastNonzeroMagnitude...10)
    weightDecay = try arguments.double("weight-decay", in: 0...10)
    patience = try arguments.int("patience", in: 1...1_000_000)
    checkpoint = arguments.optionalString("checkpoint")
    output = try arguments.string("output")
    modelName =
      arguments.optionalString("name")
      ?? URL(fileURLWithPath: data).deletingPathExtension().lastPathComponent
    seed = try arguments.seed()
    printsJSON = arguments.flag("json")
  }

  private static func widths(_ text: String) throws(ArgumentError) -> [Int] {
    var widths: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      guard let width = Int(part), (1...65_536).contains(width) else {
        throw .notANumber(
          option: "hidden", value: text, expected: "widths between 1 and 65536, such as 64,64")
      }
      widths.append(width)
    }
    return widths
  }

  func run() throws {
    let summary = try TableFit(self).run()
    print(printsJSON ? try summary.json.text() : summary.text)
  }
}
