import ExampleSupport
import Flows

/// What to fit.
enum Subject {
  case density(any ToyDensity)
  case energy(any ToyEnergy)
  case file(String)

  var name: String {
    switch self {
    case .density(let density): density.name
    case .energy(let energy): energy.name
    case .file(let path): path
    }
  }
}

/// The command line of fit2d, checked.
struct Settings: Sendable {
  enum FlowKind: String, CaseIterable {
    case realnvp
    case nice
    case spline
    case maf

    /// The word for its layers.
    var layerKind: String {
      switch self {
      case .realnvp: "affine"
      case .nice: "additive"
      case .spline: "spline"
      case .maf: "autoregressive"
      }
    }
  }

  enum BaseKind: String, CaseIterable {
    case gaussian
    case laplace
  }

  let subject: Subject
  let flow: FlowKind
  let layers: Int
  let hidden: [Int]
  let steps: Int
  let rows: Int
  let base: BaseKind
  let model: String?
  let checkpoint: String?
  let output: String
  let seed: UInt64
  let threads: Int
  let drawsGrid: Bool
  let printsJSON: Bool
  let listsOnly: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    let names = ToyData.names + ToyEnergies.names
    if let path = arguments.optionalString("data") {
      subject = .file(path)
    } else {
      let name = try arguments.choice("dataset", from: names, kind: "data set")
      if let density = ToyData.named(name) {
        subject = .density(density)
      } else if let energy = ToyEnergies.named(name) {
        subject = .energy(energy)
      } else {
        preconditionFailure("every listed name has a density or an energy; \(name) has none")
      }
    }
    let flowName = try arguments.choice(
      "flow", from: FlowKind.allCases.map(\.rawValue), kind: "flow")
    flow = FlowKind(rawValue: flowName) ?? .realnvp
    let baseName = try arguments.choice(
      "base", from: BaseKind.allCases.map(\.rawValue), kind: "base")
    base = BaseKind(rawValue: baseName) ?? .gaussian
    let defaults = Defaults.recipe(flow, for: subject)
    layers =
      arguments.optionalString("layers") == nil
      ? defaults.layers : try arguments.int("layers", in: 1...1_000)
    hidden = try Settings.widths(arguments.optionalString("hidden") ?? defaults.hidden)
    steps =
      arguments.optionalString("steps") == nil
      ? defaults.steps : try arguments.int("steps", in: 1...100_000_000)
    rows =
      arguments.optionalString("rows") == nil
      ? defaults.rows : try arguments.int("rows", in: 100...10_000_000)
    model = arguments.optionalString("model")
    checkpoint = arguments.optionalString("checkpoint")
    output = try arguments.string("output")
    seed = UInt64(try arguments.int("seed", in: 0...Int.max))
    threads =
      arguments.optionalString("threads") == nil
      ? Workers.count : try arguments.int("threads", in: 1...256)
    drawsGrid = arguments.flag("grid")
    printsJSON = arguments.flag("json")
    listsOnly = arguments.flag("list")
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
}

extension ArgumentParser {
  /// The command line of fit2d.
  static var fit2d: ArgumentParser {
    ArgumentParser(
      program: "Examples/fit2d",
      summary: "Fits a normalizing flow to a two-dimensional density and draws what it learned.",
      groups: [
        CommandOptionGroup(
          "What to fit",
          [
            .value(
              "dataset", "NAME", default: "two-moons",
              help: "A toy density, or an energy (u1, u2) by reverse KL; --list names them."),
            .value(
              "data", "FILE",
              help: "Two columns of your own, from a .csv or .npy file, in place of a toy density."),
            .flag("list", help: "List the data sets and energies, and stop."),
          ]),
        CommandOptionGroup(
          "The flow",
          [
            .value(
              "flow", "NAME", default: "realnvp",
              help:
                "realnvp (affine couplings), nice (additive couplings), spline (couplings of "
                + "rational-quadratic splines) or maf (affine, autoregressive)."),
            .value(
              "layers", "N",
              help:
                "Layers; \(Defaults.affine.layers) by default, and \(Defaults.spline.layers) of splines."
            ),
            .value(
              "hidden", "N,N",
              help:
                "Widths of the hidden layers of each network; \(Defaults.affine.hidden) by default, and "
                + "\(Defaults.spline.hidden) for splines."),
            .value("base", "NAME", default: "gaussian", help: "gaussian or laplace."),
            .value(
              "model", "FILE",
              help: "A model that an earlier run saved: examine and draw it, and fit nothing."),
          ]),
        CommandOptionGroup(
          "The run",
          [
            .value(
              "steps", "N",
              help:
                "Training steps; \(Defaults.affine.steps) by default (\(Defaults.spline.steps) of "
                + "splines), and \(Defaults.affine.longSteps) (\(Defaults.spline.longSteps)) for "
                + "data sets of many sharp parts ("
                + "\(Defaults.manyParts.sorted().joined(separator: ", ")))."
            ),
            .value(
              "rows", "N",
              help:
                "Draws of a toy density to train on; \(Defaults.affine.rows) by default, and "
                + "\(Defaults.spline.rows) for splines, which would learn fewer by heart."),
            .value(
              "checkpoint", "FILE",
              help:
                "Keep the state of the fit in this file, and go on from it where there is one: a "
                + "killed run that is run again ends with the same weights."),
            .value("seed", "N", default: "0", help: "Seeds data, weights and draws."),
            .value(
              "threads", "N", help: "Threads; all by default. It changes no digit of the result."),
            .value(
              "output", "DIR", default: "fit2d-output", help: "Where picture and model are written."
            ),
            .flag("grid", help: "Draw the image of a grid of the latent plane as well."),
            .flag("json", help: "Print one JSON object on standard output and nothing else."),
          ]),
      ])
  }
}

/// What a run does where the command line does not say.
enum Defaults {
  /// Layers, the widths of their networks, and steps.
  struct Recipe {
    var layers: Int
    var hidden: String
    var steps: Int
    /// Steps for data sets of many sharp parts.
    var longSteps: Int
    /// Draws of a toy density to train on.
    var rows: Int
  }

  static let affine = Recipe(
    layers: 32, hidden: "32,32", steps: 5_000, longSteps: 60_000, rows: 20_000)
  static let spline = Recipe(
    layers: 8, hidden: "64,64", steps: 20_000, longSteps: 40_000, rows: 1_000_000)

  /// Data sets of many sharp parts, which a flow takes long to tell apart.
  static let manyParts: Set<String> = [
    "circles", "rings", "eight-gaussians", "checkerboard", "two-spirals", "four-circles", "diamond",
  ]
  static let batchSize = 256
  static let learningRate = 2e-3
  static let evaluationDraws = 500_000

  /// The recipe of a kind of flow for a subject; its `steps` are those to take.
  static func recipe(_ flow: Settings.FlowKind, for subject: Subject) -> Recipe {
    var recipe = flow == .spline ? spline : affine
    if case .density(let density) = subject, manyParts.contains(density.name) {
      recipe.steps = recipe.longSteps
    }
    return recipe
  }
}
