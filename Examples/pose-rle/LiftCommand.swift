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
      .value("width", "N", default: "\(LiftingOptions().width)", help: "Units of a hidden layer."),
      .value(
        "checkpoints", "DIR",
        help:
          "Keep the state of each training in this folder, and go on from it where there is one."
      ),
    ])
  static let sharedOptions: Set<String> = ["likelihood", "seeds", "steps", "output"]

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
    let name =
      arguments.isGiven("likelihood")
      ? try arguments.choice(
        "likelihood", from: presets.map(\.name) + ["all"], kind: "likelihood") : "residual"
    likelihoods = name == "all" ? presets : presets.filter { $0.name == name }
    let first = try arguments.int("seed", in: 0...1 << 53)
    let count = try arguments.int("seeds", in: 1...1_000)
    seeds = (0..<count).map { UInt64(first + $0) }
    var options = LiftingOptions()
    if arguments.isGiven("steps") {
      options.steps = try arguments.int("steps", in: 1...100_000_000)
    }
    options.width = try arguments.int("width", in: 1...65_536)
    training = options
    output = arguments.optionalString("output")
    checkpoints = arguments.optionalString("checkpoints")
    printsJSON = arguments.flag("json")
  }

  func run() throws {
    let all = try LiftingDataset(contentsOf: folder, split: "train")
    let test = try LiftingDataset(contentsOf: folder, split: "val")
    for folder in [output, checkpoints].compactMap(\.self) { try prepareFolder(folder) }
    let division = all.dividedByMotion()
    let data = LiftData(
      training: all.poses(division.training),
      calibration: division.heldOut.isEmpty ? nil : all.poses(division.heldOut), test: test)
    let runs = train(data)
    if printsJSON {
      print(try LiftRun.json(runs))
    } else {
      print(LiftTable(runs: runs, data: data, all: all).text)
    }
    let failed = runs.filter { $0.error != nil }
    guard failed.isEmpty else {
      throw PoseError(
        .trainingFailed,
        "\(failed.count) of \(runs.count) runs failed: "
          + failed.map(\.label).joined(separator: ", "))
    }
  }

  /// All trainings in turn; one that fails leaves the others alone.
  private func train(_ data: LiftData) -> [LiftRun] {
    var bar = ProgressBar(total: likelihoods.count * seeds.count * training.steps)
    defer { bar.finish() }
    var runs: [LiftRun] = []
    for (name, likelihood) in likelihoods {
      for seed in seeds {
        let done = runs.count * training.steps
        var run = LiftRun(likelihood: name, seed: seed, steps: training.steps)
        do {
          try train(&run, likelihood, data) { progress in
            bar.update(
              step: done + progress.step,
              message: "\(name), seed \(seed), loss \(progress.loss.map { fixed($0, 3) } ?? "-")")
          }
        } catch {
          run.fail(error)
        }
        runs.append(run)
        do {
          try save(runs)
        } catch {
          runs[runs.count - 1].fail(error)
        }
      }
    }
    return runs
  }

  /// One training, and what its weights are worth.
  private func train(
    _ run: inout LiftRun, _ likelihood: KeypointLikelihood, _ data: LiftData,
    report: (LiftingProgress) -> Void
  ) throws {
    var options = training
    options.seed = run.seed
    let trainer = try LiftingTrainer(data.training, likelihood: likelihood, options: options)
    run.parameters = trainer.model.parameterCount
    let label = run.label
    let checkpoint = checkpoints.map { LiftingCheckpoint(file: "\($0)/\(label).checkpoint") }
    let clock = ProgressBar.monotonicClock()
    let start = clock()
    var firstStep: Int?
    do {
      defer {
        run.seconds = clock() - start
        run.skippedSteps = trainer.skippedSteps
      }
      try trainer.run(checkpoint: checkpoint) { progress in
        firstStep = firstStep ?? progress.step - 1
        report(progress)
        return true
      }
    }
    let seconds = run.seconds
    run.stepSeconds = firstStep.map { seconds / Double(training.steps - $0) }
    let model = trainer.model
    if let output {
      let file = "\(output)/\(label).safetensors"
      try model.save(to: file)
      run.weights = file
    }
    run.evaluation = try LiftingEvaluation(
      model, on: data.test, calibration: data.calibration)
  }

  /// What is finished so far, so that nothing is lost where a later training is stopped.
  private func save(_ runs: [LiftRun]) throws {
    guard let output else { return }
    try AtomicFile.write(Array(try LiftRun.json(runs).utf8), to: output + "/runs.json")
  }
}

/// The poses of a comparison.
struct LiftData {
  let training: LiftingDataset
  /// Motions that training does not see; nil where there is only one.
  let calibration: LiftingDataset?
  let test: LiftingDataset
}
