import ExampleSupport
import Flows
import Foundation
import PoseRLE

/// Trains regressors from 2-D to 3-D joints under one likelihood or all of them, and compares them.
struct LiftCommand: Command {
  static let options = CommandOptionGroup(
    "Lifting",
    [
      .value(
        "lift", "DIR",
        help: "Poses in two and three dimensions: train_ and val_ kp2d.npy, cam3d.npy and "
          + "sequence.npy, and meta.json."),
      .value(
        "likelihood", "NAME", default: "residual",
        help: "all, or one of \(KeypointLikelihood.presets.map(\.name).joined(separator: ", "))."),
      .value(
        "seeds", "N", default: "1", help: "Trainings of each: --seed, the next number, and so on."),
      .value("steps", "N", default: "\(LiftingOptions().steps)", help: "Training steps."),
      .value("width", "N", default: "\(LiftingOptions().width)", help: "Units of a hidden layer."),
      .value("output", "DIR", help: "Save the weights of each training in this folder."),
      .value(
        "checkpoints", "DIR",
        help:
          "Keep the state of each training in this folder, and go on from it where there is one."
      ),
    ])

  let folder: String
  let likelihoods: [(name: String, likelihood: KeypointLikelihood)]
  let seeds: [UInt64]
  let training: LiftingOptions
  let output: String?
  let checkpoints: String?
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    folder = try arguments.string("lift")
    let presets = KeypointLikelihood.presets
    let name = try arguments.choice(
      "likelihood", from: presets.map(\.name) + ["all"], kind: "likelihood")
    likelihoods = name == "all" ? presets : presets.filter { $0.name == name }
    let first = try arguments.int("seed", in: 0...1 << 53)
    let count = try arguments.int("seeds", in: 1...1_000)
    seeds = (0..<count).map { UInt64(first + $0) }
    var options = LiftingOptions()
    options.steps = try arguments.int("steps", in: 1...100_000_000)
    options.width = try arguments.int("width", in: 1...65_536)
    training = options
    output = arguments.optionalString("output")
    checkpoints = arguments.optionalString("checkpoints")
    printsJSON = arguments.flag("json")
  }

  func run() throws {
    let all = try LiftingDataset(contentsOf: folder, split: "train")
    let test = try LiftingDataset(contentsOf: folder, split: "val")
    guard all.skeleton == test.skeleton else {
      throw PoseError(.invalidData, "train and val have different skeletons", file: folder)
    }
    for folder in [output, checkpoints].compactMap(\.self) { try prepare(folder) }
    let division = all.dividedByMotion()
    let data = LiftData(
      training: all.poses(division.training),
      calibration: division.heldOut.isEmpty ? nil : all.poses(division.heldOut), test: test)
    let runs = try train(data)
    if printsJSON {
      print(try LiftRun.json(runs))
    } else {
      print(LiftTable(runs: runs, data: data, all: all).text)
    }
  }

  private func train(_ data: LiftData) throws -> [LiftRun] {
    var bar = ProgressBar(total: likelihoods.count * seeds.count * training.steps)
    var done = 0
    var runs: [LiftRun] = []
    for (name, likelihood) in likelihoods {
      for seed in seeds {
        var options = training
        options.seed = seed
        let trainer = try LiftingTrainer(data.training, likelihood: likelihood, options: options)
        let label = "\(name)-seed\(seed)"
        let checkpoint = checkpoints.map { LiftingCheckpoint(file: "\($0)/\(label).checkpoint") }
        let clock = ProgressBar.monotonicClock()
        let start = clock()
        var firstStep: Int?
        do {
          try trainer.run(checkpoint: checkpoint) { progress in
            firstStep = firstStep ?? progress.step - 1
            bar.update(
              step: done + progress.step,
              message: "\(name), seed \(seed), loss \(progress.loss.map { fixed($0, 3) } ?? "-")")
            return true
          }
        } catch {
          bar.finish()
          throw error
        }
        done += training.steps
        let seconds = clock() - start
        let file = output.map { "\($0)/\(label).safetensors" }
        let model = trainer.model
        if let file { try model.save(to: file) }
        runs.append(
          LiftRun(
            likelihood: name, seed: seed, parameters: model.parameterCount,
            steps: training.steps, skippedSteps: trainer.skippedSteps, seconds: seconds,
            stepSeconds: firstStep.map { seconds / Double(training.steps - $0) },
            evaluation: try LiftingEvaluation(model, on: data.test, calibration: data.calibration),
            weights: file))
      }
    }
    bar.finish()
    return runs
  }

  // Folders are tried before training, so that no minute of work ends in an error.
  private func prepare(_ folder: String) throws {
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw PoseError(.unwritableFile, "the folder cannot be made", file: folder)
    }
    let probe = folder + "/.pose-rle"
    try AtomicFile.write([], to: probe)
    try FileManager.default.removeItem(atPath: probe)
  }
}

/// The poses of a comparison.
struct LiftData {
  let training: LiftingDataset
  /// Motions that training does not see; nil where there is only one.
  let calibration: LiftingDataset?
  let test: LiftingDataset
}
