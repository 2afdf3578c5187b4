import ExampleSupport
import Flows
import Foundation

/// Fits a RealNVP to a table through the library's `fit` and reports its test log-likelihood.
struct TableFit: BenchmarkCommand {
  private let folder: String
  private let minutes: Double
  private let threads: Int
  private let printsJSON: Bool

  init(_ settings: CommonSettings, _ arguments: ParsedArguments) throws(ArgumentError) {
    folder = try arguments.string("fit-table")
    minutes = try arguments.double("minutes", in: 0.01...100_000)
    threads = settings.threads
    printsJSON = settings.printsJSON
  }

  private struct Report: Encodable {
    let table: String
    let rows: Int
    let dimension: Int
    let parameters: Int
    let steps: Int
    let seconds: Double
    let meanLogDensity: Double
    let standardError: Double
  }

  func run() throws {
    let training: Tensor<Float> = try NumPyFile.read(folder + "/train.npy")
    let validation: Tensor<Float> = try NumPyFile.read(folder + "/val.npy")
    let test: Tensor<Float> = try NumPyFile.read(folder + "/test.npy")
    Workers.count = threads
    var generator = PhiloxGenerator(seed: 0)
    var flow = NormalizingFlow<Float>.realNVP(
      dimension: training.shape[1], layers: 12, hidden: [128, 128], networks: .joint,
      using: &generator)
    let start = flow
    var options = FitOptions {
      $0.batchSize = 1_024
      $0.validationInterval = 500
      $0.patience = nil
      $0.averageDecay = 0.9995
      $0.learningRate = .cosine(2e-3).warmingUp(over: 500)
    }
    // The number of steps follows from a trial, so that schedule and budget end together.
    options.steps = 200
    let clock = ProgressBar.monotonicClock()
    let begin = clock()
    var trial = start
    try trial.fit(training, validation: validation, options: options)
    let perStep = (clock() - begin) / 200
    options.steps = max(200, Int((minutes * 60 - (clock() - begin)) * 0.95 / perStep))
    var bar = ProgressBar(total: options.steps)
    let report = try flow.fit(training, validation: validation, options: options) { progress in
      let loss = progress.validationLoss ?? progress.trainingLoss
      bar.update(
        step: progress.step, message: "log-likelihood " + String(format: "%.4f", -loss))
      return clock() - begin < minutes * 60
    }
    bar.finish()
    let logLikelihood = flow.logLikelihood(of: test).mean
    let result = Report(
      table: folder, rows: training.shape[0], dimension: training.shape[1],
      parameters: flow.parameterCount, steps: report.steps, seconds: clock() - begin,
      meanLogDensity: logLikelihood.value, standardError: logLikelihood.standardError)
    if printsJSON {
      try printJSON(result)
    } else {
      print(
        "test log-likelihood \(logLikelihood) nats, \(result.parameters) parameters, \(result.steps) steps in "
          + String(format: "%.0f", result.seconds) + " s")
    }
  }
}
