import ExampleSupport
import Flows
import Foundation

/// Fits a flow to a table through the library's `fit` and reports its test log-likelihood.
///
/// Its budget is processor time, so that other work on the machine disadvantages nobody; the scripts of
/// other libraries count the same way (`peers_tabular.py`).
struct TableFit: BenchmarkCommand {
  private let folder: String
  private let recipe: TableRecipe
  private let minutes: Double
  private let threads: Int
  private let seed: UInt64
  private let scores: String?
  private let printsJSON: Bool

  init(_ settings: CommonSettings, _ arguments: ParsedArguments) throws(ArgumentError) {
    folder = try arguments.string("fit-table")
    minutes = try arguments.double("minutes", in: 0.01...100_000)
    recipe = try TableRecipe(arguments)
    seed = UInt64(try arguments.int("seed", in: 0...Int.max))
    scores = arguments.optionalString("scores")
    threads = settings.threads
    printsJSON = settings.printsJSON
  }

  private struct Report: Encodable {
    let table: String
    let flow: String
    let seed: UInt64
    let rows: Int
    let dimension: Int
    let parameters: Int
    let steps: Int
    let bestStep: Int
    let seconds: Double
    let processorSeconds: Double
    let validationLogLikelihood: Double
    let meanLogDensity: Double
    let standardError: Double
  }

  func run() throws {
    let training: Tensor<Float> = try NumPyFile.read(folder + "/train.npy")
    let validation: Tensor<Float> = try NumPyFile.read(folder + "/val.npy")
    let test: Tensor<Float> = try NumPyFile.read(folder + "/test.npy")
    Workers.count = threads
    var generator = PhiloxGenerator(seed: seed)
    var flow = try recipe.flow(training, using: &generator)
    let budget = minutes * 60 * Double(threads)
    var options = recipe.options(rows: training.shape[0], seed: seed)
    // The number of steps follows from a trial, so that schedule and budget end together.
    let trialSteps = 100
    options.steps = trialSteps
    options.validationInterval = trialSteps
    let clock = ProgressBar.monotonicClock()
    let (begin, spentBefore) = (clock(), processorSeconds())
    var trial = flow
    try trial.fit(training, validation: validation, options: options)
    let spent = processorSeconds() - spentBefore
    options = recipe.options(rows: training.shape[0], seed: seed)
    let affordable = Int((budget - spent) * 0.97 / (spent / Double(trialSteps)))
    options.steps = max(trialSteps, min(affordable, recipe.steps ?? affordable))
    var bar = ProgressBar(total: options.steps)
    let report = try flow.fit(training, validation: validation, options: options) { progress in
      let loss = progress.validationLoss ?? progress.trainingLoss
      bar.update(
        step: progress.step, message: "log-likelihood " + String(format: "%.4f", -loss))
      return processorSeconds() - spentBefore < budget
    }
    bar.finish()
    if let scores { try NumPyFile.write(flow.logDensity(of: test), to: scores) }
    let logLikelihood = flow.logLikelihood(of: test).mean
    let result = Report(
      table: folder, flow: recipe.name, seed: seed, rows: training.shape[0],
      dimension: training.shape[1], parameters: flow.parameterCount, steps: report.steps,
      bestStep: report.bestStep, seconds: clock() - begin,
      processorSeconds: processorSeconds() - spentBefore,
      validationLogLikelihood: report.validationLogLikelihood?.mean.value ?? .nan,
      meanLogDensity: logLikelihood.value, standardError: logLikelihood.standardError)
    if printsJSON {
      try printJSON(result)
    } else {
      print(
        "test log-likelihood \(logLikelihood) nats, \(result.parameters) parameters, \(result.steps) steps in "
          + String(format: "%.0f", result.processorSeconds) + " s of processor time")
    }
  }
}

/// Processor time of this process so far, in seconds over all threads.
private func processorSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
