/// The loop that every kind of fit shares: steps, validation, best weights, early stopping.
struct FitLoop<Model: Parameterized> {
  let options: FitOptions
  let trainer: Trainer<Model>
  /// Takes a step, counted from 0, at a learning rate.
  let step: (_ index: Int, _ rate: Double) -> StepResult
  /// The validation loss of a model; nil where nothing was held out.
  let validate: ((Model) -> Double)?
  /// Returns false to stop.
  let progress: ((FitProgress) -> Bool)?
  let isCancelled: () -> Bool

  /// Runs to the end and returns the weights to keep.
  func run() throws -> (model: Model, report: FitReport) {
    let clock = ContinuousClock()
    let start = clock.now
    var report = FitReport()
    var best = trainer.model
    var sinceBest = 0
    var nonFiniteInARow = 0
    var interval = (sum: 0.0, count: 0)
    var lastLoss = Double.nan
    var lastMeasured = 0

    func measure(at step: Int) {
      lastMeasured = step
      if interval.count > 0 {
        report.trainingCurve.append(
          .init(step: step, loss: interval.sum / Double(interval.count)))
      }
      interval = (0, 0)
      let candidate = trainer.averagedModel
      guard let validate else {
        best = candidate
        report.bestStep = step
        return
      }
      let loss = validate(candidate)
      report.validationCurve.append(.init(step: step, loss: loss))
      if loss.isFinite && loss < report.bestValidationLoss ?? .infinity {
        report.bestValidationLoss = loss
        report.bestStep = step
        best = candidate
        sinceBest = 0
      } else {
        sinceBest += 1
      }
    }

    steps: for index in 0..<options.steps {
      let result = step(index, options.learningRate.rate(at: index, of: options.steps))
      report.steps = index + 1
      if result.wasTaken {
        nonFiniteInARow = 0
        interval.sum += result.loss
        interval.count += 1
        lastLoss = result.loss
      } else {
        report.skippedSteps += 1
        nonFiniteInARow += 1
        if nonFiniteInARow >= options.nonFiniteLimit {
          report.stopReason = .nonFinite
          break
        }
      }
      let isLast = index + 1 == options.steps
      if (index + 1) % options.validationInterval == 0 || isLast { measure(at: index + 1) }
      if let progress {
        let goesOn = progress(
          FitProgress(
            step: index + 1, totalSteps: options.steps, trainingLoss: lastLoss,
            validationLoss: report.validationCurve.last?.loss,
            bestValidationLoss: report.bestValidationLoss))
        if !goesOn { report.stopReason = .cancelled }
      }
      if isCancelled() { report.stopReason = .cancelled }
      if report.stopReason == .cancelled { break }
      if let patience = options.patience, validate != nil, sinceBest >= patience, !isLast {
        report.stopReason = .earlyStopping
        break
      }
    }
    // What came after the last validation may be better, unless it went wrong.
    if report.stopReason != .finished && lastMeasured != report.steps {
      measure(at: report.steps)
    }
    if trainer.step == 0 {
      throw FlowsError(
        .trainingFailed,
        "no training step had a finite loss and gradient; check the data for extreme values")
    }
    let elapsed = clock.now - start
    report.seconds =
      Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    return (best, report)
  }
}
