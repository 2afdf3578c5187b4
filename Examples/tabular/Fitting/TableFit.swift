import ExampleSupport
import Flows
import Foundation

/// One fit, from files to a model.
struct TableFit {
  let command: FitCommand

  init(_ command: FitCommand) { self.command = command }

  func run() throws -> FitSummary {
    let clock = ProgressBar.monotonicClock()
    try probeOutput()
    let data = try FitData(command)
    let choice = FlowChoice(
      command.kind, layers: command.layers, hidden: command.hidden, bins: command.bins,
      columns: data.columns.count, rows: data.table.rowCount)
    if data.columns.count == 1, [.realnvp, .nice, .glow].contains(choice.kind) {
      throw FlowsError(
        .invalidConfiguration,
        "\(choice.kind.rawValue) couples columns and there is but one; take maf or spline",
        field: "--flow")
    }
    if !data.summary.warnings.isEmpty {
      note("warning: \(TableSummary.advice)")
      for warning in data.summary.warnings { note("  \(warning)") }
    }
    if data.table.droppedRows > 0 {
      note("\(counted(data.table.droppedRows, "row")) left out for a missing value")
    }
    var info = data.info(command, choice)
    var generator = PhiloxGenerator(seed: command.seed).forked(1)
    var flow = choice.flow(
      columns: data.columns.count, context: data.context.count, using: &generator)
    let rows = try data.table.floats(data.columns)
    let context = data.context.isEmpty ? nil : try data.table.floats(data.context)
    try data.table.requireSupport(flow.support, columns: data.columns)
    let held = try data.validation.map { table in
      try TableModel(flow, info: info).rows(of: table)
    }
    let report = try fit(&flow, rows, context, held, clock: clock)
    info.trainingRows = report.trainingRows
    info.validationRows = report.validationRows
    info.steps = report.steps
    info.validationLogLikelihood = report.validationLogLikelihood?.mean.value
    info.validationStandardError = report.validationLogLikelihood?.mean.standardError
    try TableModel(flow, info: info.storable).save(to: command.output)
    return FitSummary(
      info: info, choice: choice, parameters: flow.parameterCount, report: report,
      gaussian: try baseline(data, report, held), warnings: data.summary.warnings,
      output: command.output, seconds: clock())
  }

  /// The model's folder is tried before training, so that no minute of work ends in an error.
  private func probeOutput() throws {
    let probe = command.output + ".probe"
    do {
      try AtomicFile.write([], to: probe)
    } catch let error as FlowsError {
      throw FlowsError(error.kind, error.message, file: command.output)
    }
    try FileManager.default.removeItem(atPath: probe)
  }

  private func note(_ text: String) { writeToStandardError("tabular: \(text)\n") }

  // MARK: - Training

  private func fit(
    _ flow: inout NormalizingFlow<Float>, _ rows: Tensor<Float>, _ context: Tensor<Float>?,
    _ held: TableModel.Rows?, clock: @escaping () -> Double
  ) throws -> FitReport {
    var options = options
    if held != nil { options.validationFraction = 0 }
    do {
      if let minutes = command.minutes {
        let heldCount =
          held?.count ?? Int((Double(rows.shape[0]) * options.validationFraction).rounded())
        let budget = try StepBudget(
          seconds: max(0.5, 60 * minutes - clock()), flow: flow, data: rows, context: context,
          validationRows: heldCount, options: options)
        schedule(&options, steps: budget.steps, validations: budget.validations)
      }
      let limit = command.minutes.map { 60 * $0 }
      var bar = ProgressBar(total: options.steps)
      let report = try flow.fit(
        rows, context: context, validation: held?.data, validationContext: held?.context,
        options: options
      ) { progress in
        let message =
          progress.validationLoss.map { "validation NLL \(fixed($0, 4))" }
          ?? "NLL \(fixed(progress.trainingLoss, 4))"
        bar.update(step: progress.step, message: message)
        return limit.map { clock() < $0 } ?? true
      }
      bar.finish()
      return report
    } catch let error as FlowsError {
      throw error.inFile(command.data)
    }
  }

  private var options: FitOptions {
    var options = FitOptions()
    options.batchSize = command.batch
    if command.weightDecay > 0 { options.optimizer = .adamW(weightDecay: command.weightDecay) }
    if case .share(let share) = command.held { options.validationFraction = share }
    options.seed = command.seed
    options.checkpoint = command.checkpoint.map {
      FitCheckpoint(path: $0, every: .minutes(0.25), label: command.modelName)
    }
    schedule(&options, steps: command.steps, validations: StepBudget.usualValidations)
    return options
  }

  /// Learning rate, average and validations for a number of steps.
  private func schedule(_ options: inout FitOptions, steps: Int, validations: Int) {
    options.steps = steps
    options.learningRate = .cosine(command.learningRate).warmingUp(over: min(200, steps / 10))
    options.validationInterval = max(1, steps / validations)
    options.patience = max(3, command.patience * validations / StepBudget.usualValidations)
    // A longer run averages over more steps.
    options.averageDecay = min(0.9995, 1 - 10 / Double(max(steps, 20)))
  }

  // MARK: - What a flow has to beat

  /// The Gaussian's log-likelihood of the rows held out; nil where there are none or no Gaussian.
  private func baseline(_ data: FitData, _ report: FitReport, _ held: TableModel.Rows?) throws
    -> LogLikelihood?
  {
    guard report.validationRows > 0 else { return nil }
    let values = data.table.values.columns(data.columns)
    let context = data.context.isEmpty ? nil : data.table.values.columns(data.context)
    let heldOut = Set(report.heldOutRows)
    let training = (0..<data.table.rowCount).filter { !heldOut.contains($0) }
    guard
      let gaussian = GaussianBaseline(values.rows(training), context: context?.rows(training))
    else { return nil }
    if let held {
      return gaussian.logLikelihood(
        of: Tensor<Double>(held.data), context: held.context.map { Tensor<Double>($0) })
    }
    return gaussian.logLikelihood(
      of: values.rows(report.heldOutRows), context: context?.rows(report.heldOutRows))
  }
}

extension TableInfo {
  /// The same without numbers that JSON does not have.
  fileprivate var storable: TableInfo {
    var info = self
    if info.validationLogLikelihood?.isFinite == false { info.validationLogLikelihood = nil }
    if info.validationStandardError?.isFinite == false { info.validationStandardError = nil }
    return info
  }
}
