import ExampleSupport
import Flows
import Foundation
import PoseRLE

/// Trains pose regressors under some likelihoods, compares them, and leaves a report.
struct TrainCommand: Command {
  static let options = CommandOptionGroup(
    "Training",
    [
      .value(
        "likelihood", "NAME",
        help: "One of \(presets.map(\.name).joined(separator: ", ")); or several, with commas."),
      .value(
        "compare", "NAMES",
        help: "The same for a comparison: all, or names with commas. l1,residual by default."),
      .value(
        "backbone", "NAME", default: "compact",
        help: ResNetConfiguration.presets.map(\.name).joined(separator: ", ") + "."),
      .value(
        "weights", "FILE",
        help:
          "Start from these weights: .safetensors or PyTorch's .pth, of torchvision, of the code "
          + "released with the paper, of mmpose, or saved by this program."),
      .value(
        "data", "DIR",
        help:
          "Packed arrays: images.npy, keypoints.npy and meta.json, or train_ and val_ (or test_) of "
          + "the arrays. Persons are generated where neither this nor --annotations is given."),
      .value(
        "annotations", "FILE",
        help: "Keypoint annotations in COCO's format: of --images, or of what --evaluate compares."),
      .value("images", "DIR", help: "The images that --annotations are of."),
      .value(
        "padding", "X", default: "1.25", help: "What the boxes of --annotations are widened by."),
      .value(
        "size", "WxH", help: "The network's input; 64x64 for compact, else 192x256, by default."),
      .value(
        "persons", "N", default: "12000",
        help: "Generated persons to train on; an eighth as many for calibration, and to test on."),
      .value(
        "held-out", "X", default: "0.15",
        help:
          "The share of the training images of --data or --annotations that calibration is fitted "
          + "on; 0 for no calibration."),
      .value("epochs", "N", help: "Passes over the training images."),
      .value("steps", "N", help: "Training steps, of 64 images by default."),
      .value("batch", "N", default: "64", help: "Images of a step."),
      .value("rate", "X", default: "0.001", help: "The highest learning rate."),
      .value(
        "weight-decay", "X", help: "Decoupled weight decay (AdamW); none (Adam) by default."),
      .value(
        "average", "X",
        help: "Decay of a moving average of the weights, which is what is kept; 0 for none."),
      .value(
        "guided-share", "X",
        help:
          "The share of the steps during which means follow the gradient of the base, not of the flow: 1, "
          + "or 0 as published."),
      .value(
        "augmentation", "NAME",
        help: "none, lspet, released, mmpose or standard; standard by default."),
      .value(
        "seeds", "N", default: "1", help: "Trainings of each: --seed, the next number, and so on."),
      .value(
        "recipe", "NAME", default: "standard",
        help:
          "standard, or published: as in comparisons with other libraries, with augmentation lspet, "
          + "means that follow the whole likelihood, and neither moving average nor flip test."
      ),
      .flag("resume", help: "Go on from the checkpoints in --output."),
      .value(
        "checkpoint-every", "N", default: "500", help: "Steps between two checkpoints."),
      .value(
        "output", "DIR",
        help: "Where weights, checkpoints and the report go; pose-rle-output by default."),
    ])

  /// The likelihoods of a regressor: all but the paper's first design.
  static let presets = KeypointLikelihood.presets.filter { $0.likelihood.shape != .basic }

  let likelihoods: [(name: String, likelihood: KeypointLikelihood)]
  let seeds: [UInt64]
  let backbone: (name: String, configuration: ResNetConfiguration)
  let source: PoseSource
  let weights: String?
  let size: CropSize?
  let recipe: PoseRecipe
  let resumes: Bool
  let checkpointInterval: Int
  let output: String
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    if arguments.isGiven("likelihood"), arguments.isGiven("compare") {
      throw .notExactlyOne(of: ["likelihood", "compare"], given: ["likelihood", "compare"])
    }
    let option = arguments.isGiven("likelihood") ? "likelihood" : "compare"
    likelihoods = try Self.likelihoods(arguments, option)
    let first = try arguments.int("seed", in: 0...1 << 53)
    let count = try arguments.int("seeds", in: 1...1_000)
    seeds = (0..<count).map { UInt64(first + $0) }
    let name = try arguments.choice(
      "backbone", from: ResNetConfiguration.presets.map(\.name), kind: "network")
    backbone = ResNetConfiguration.presets.first { $0.name == name } ?? ("compact", .compact)
    source = try PoseSource(arguments)
    weights = arguments.optionalString("weights")
    size = try Self.size(arguments)
    recipe = try PoseRecipe(arguments)
    resumes = arguments.flag("resume")
    checkpointInterval = try arguments.int("checkpoint-every", in: 1...1_000_000_000)
    output = arguments.optionalString("output") ?? "pose-rle-output"
    printsJSON = arguments.flag("json")
  }

  private static func likelihoods(_ arguments: ParsedArguments, _ option: String)
    throws(ArgumentError) -> [(name: String, likelihood: KeypointLikelihood)]
  {
    let text = arguments.optionalString(option) ?? "l1,residual"
    if text == "all" { return presets }
    var chosen: [(name: String, likelihood: KeypointLikelihood)] = []
    for name in text.split(separator: ",").map(String.init) {
      guard let preset = presets.first(where: { $0.name == name }) else {
        throw .unknownChoice(
          option: option, kind: "likelihood", value: name,
          nearest: nearestMatch(to: name, among: presets.map(\.name) + ["all"]),
          known: presets.map(\.name) + ["all"])
      }
      chosen.append(preset)
    }
    guard !chosen.isEmpty else {
      throw .missingValue(option: option, valueName: "NAME")
    }
    return chosen
  }

  private static func size(_ arguments: ParsedArguments) throws(ArgumentError) -> CropSize? {
    guard let text = arguments.optionalString("size") else { return nil }
    let numbers = text.split(separator: "x").map { Int($0) ?? 0 }
    guard numbers.count == 2, numbers.allSatisfy({ (16...4_096).contains($0) }) else {
      throw .notANumber(
        option: "size", value: text, expected: "width x height of 16 to 4096 pixels, as 192x256")
    }
    return CropSize(width: numbers[0], height: numbers[1])
  }

  // MARK: - Running

  func run() throws {
    try prepareFolder(output)
    let data = try source.load(seed: seeds[0])
    if !printsJSON { print(data.description) }
    let architecture = self.architecture(data)
    let runs = try train(data, architecture)
    let side = max(architecture.input.size.width, architecture.input.size.height)
    let results = PoseResults(
      data: data.description, backbone: backbone.name, cropSide: side, rows: runs)
    try AtomicFile.write(Array(try results.json().utf8), to: output + "/results.json")
    let report = try TrainReport(data: data, runs: runs, backbone: backbone.name).write(to: output)
    if printsJSON {
      print(try results.json())
    } else {
      print("\n" + PoseTable(runs: runs).text + "\n\nReport: \(report)")
    }
    let failed = runs.filter { $0.error != nil }
    guard failed.isEmpty else {
      throw PoseError(
        .trainingFailed,
        "\(failed.count) of \(runs.count) runs failed: "
          + failed.map(\.label).joined(separator: ", "))
    }
  }

  private func architecture(_ data: PoseData) -> PoseArchitecture {
    var configuration = backbone.configuration
    let isCompact = configuration.stem == .compact
    if isCompact { configuration.channels = data.training.channels }
    let size =
      size ?? (isCompact ? CropSize(width: 64, height: 64) : .standard)
    return PoseArchitecture(
      skeleton: data.training.skeleton,
      input: configuration.channels == 1 ? .gray(size) : .imageNet(size),
      backbone: configuration, likelihood: .l1)
  }

  /// All trainings in turn; one that fails leaves the others alone.
  private func train(_ data: PoseData, _ architecture: PoseArchitecture) throws -> [PoseRun] {
    let options = recipe.options(images: data.training.count)
    var bar = ProgressBar(total: likelihoods.count * seeds.count * options.steps)
    defer { bar.finish() }
    var runs: [PoseRun] = []
    for (name, likelihood) in likelihoods {
      for seed in seeds {
        let done = runs.count * options.steps
        var run = PoseRun(likelihood: name, seed: seed)
        do {
          var architecture = architecture
          architecture.likelihood = recipe.likelihood(likelihood)
          var options = options
          options.seed = seed
          try train(&run, data, architecture, options) { progress in
            let error = progress.validation.map { ", error \(fixed($0.meanError, 2)) px" } ?? ""
            bar.update(
              step: done + progress.step,
              message: "\(name), seed \(seed), loss \(progress.loss.map { fixed($0, 3) } ?? "-")"
                + "\(error), \(fixed(progress.imagesPerSecond, 0)) images/s")
          }
        } catch {
          run.fail(error)
        }
        runs.append(run)
      }
    }
    return runs
  }

  /// One training, and what its weights are worth.
  private func train(
    _ run: inout PoseRun, _ data: PoseData, _ architecture: PoseArchitecture,
    _ options: PoseTrainingOptions, report: (PoseProgress) -> Void
  ) throws {
    var generator = PhiloxGenerator(seed: options.seed, stream: 0x905e)
    var model = PoseModel<Float>(architecture, using: &generator)
    if let weights { try model.loadBackbone(from: weights) }
    let trainer = try PoseTrainer(
      data.training, validation: data.calibration, model: model, options: options)
    run.parameters = model.parameterCount
    run.steps = options.steps
    let file = "\(output)/\(run.label)"
    let checkpoint = PoseCheckpoint(
      file: file + ".checkpoint", interval: checkpointInterval)
    if !resumes { try? FileManager.default.removeItem(atPath: checkpoint.file) }
    do {
      defer {
        run.seconds = trainer.seconds
        run.imagesPerSecond = Double(trainer.step * options.batchSize) / trainer.seconds
        run.skippedSteps = trainer.skippedSteps
        run.history = trainer.history
        run.counts = trainer.counts
      }
      try trainer.run(checkpoint: checkpoint) { progress in
        report(progress)
        return true
      }
    }
    var trained = trainer.model
    trained.flipTest = recipe.flipTest
    if let images = data.calibration {
      trained = try CropPipeline(images, input: architecture.input, seed: 0)
        .calibrated(trained, flipTest: recipe.flipTest)
    }
    try trained.save(to: file + ".safetensors")
    run.weights = file + ".safetensors"
    let predictor = PosePredictor(trained, flipTest: recipe.flipTest)
    run.predictor = predictor
    run.evaluation = try CropPipeline(data.test, input: architecture.input, seed: 0)
      .evaluate(predictor)
  }
}
