/// Where a fit stands: all of it but the trainer's state.
struct FitState: Codable, Sendable {
  /// The step to take next, counted from 0.
  var nextStep = 0
  var report = FitReport()
  /// Validations since the best one.
  var sinceBest = 0
  var nonFiniteInARow = 0
  /// The losses since the last validation.
  var interval: [Double] = []
  var lastLoss: Double?
  /// The number of steps at the last validation.
  var lastMeasured = 0
  /// True once there is nothing left to do.
  var isComplete = false
}

/// The loop that every kind of fit shares: steps, validation, best weights, early stopping,
/// checkpoints.
struct FitLoop<Model: Parameterized> {
  let options: FitOptions
  let trainer: Trainer<Model>
  /// Takes a step, counted from 0, at a learning rate; nil where there was nothing to learn from.
  let step: (_ index: Int, _ rate: Double) throws -> StepResult?
  /// The validation loss of a model; nil where nothing was held out.
  let validate: ((Model) -> Estimate)?
  /// Returns false to stop.
  let progress: ((FitProgress) -> Bool)?
  let isCancelled: () -> Bool
  /// Writes checkpoints; nil where none are asked for.
  let recorder: CheckpointRecorder<Model.Scalar>?

  /// What a fit came to; where it failed, up to then.
  struct Outcome {
    /// The weights to keep.
    let model: Model
    let report: FitReport
    let error: (any Error)?
  }

  /// Runs to the end, from where an earlier run was.
  func run(from resumed: FitRecord<Model.Scalar>?) throws -> Outcome {
    var run = Run(loop: self)
    if let resumed { try run.restore(resumed) }
    var failure: (any Error)?
    do {
      try run.go()
    } catch {
      failure = error
      run.keepWhatThereIs()
    }
    return Outcome(
      model: trainer.model(with: run.best), report: run.finishedReport, error: failure)
  }

  /// The moving parts of one run.
  private struct Run {
    let loop: FitLoop
    var state = FitState()
    var best: Tensor<Model.Scalar>
    let clock = ContinuousClock()
    let start: ContinuousClock.Instant
    var secondsBefore = 0.0
    private var recordFailed = false

    init(loop: FitLoop) {
      self.loop = loop
      best = loop.trainer.keptParameters
      start = clock.now
    }

    mutating func restore(_ record: FitRecord<Model.Scalar>) throws {
      try loop.trainer.restore(record.trainer)
      guard record.best.shape == best.shape else {
        throw FlowsError(
          .modelMismatch,
          "expected \(best.count) best weights in the checkpoint, found \(record.best.count)")
      }
      best = record.best
      state = record.state
      secondsBefore = state.report.seconds
      state.report.resumedAtStep = state.nextStep
    }

    var finishedReport: FitReport {
      var report = state.report
      let elapsed = (clock.now - start).components
      report.seconds =
        secondsBefore + Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
      return report
    }

    mutating func go() throws {
      if state.isComplete { return }
      // Tried before training, so that no hour of work ends in an error.
      if state.nextStep == 0 { try record() }
      if let reason = try advance() {
        state.report.stopReason = reason
        if reason == .cancelled { try record() }
        // What came after the last validation may be better, unless it went wrong.
        if state.lastMeasured != state.nextStep { measure() }
      }
      if loop.trainer.step == 0 && state.report.stopReason != .cancelled {
        throw FlowsError(
          .trainingFailed,
          "no training step had a finite loss and gradient; check the data for extreme values")
      }
      if state.report.stopReason != .cancelled {
        state.isComplete = true
        try record()
      }
    }

    /// After a step that failed without being taken, such as one whose rows could not be read.
    mutating func keepWhatThereIs() {
      if !recordFailed { try? record() }
      if state.lastMeasured != state.nextStep { measure() }
    }

    /// Takes steps until there is a reason to stop, other than that all were taken.
    private mutating func advance() throws -> StopReason? {
      let options = loop.options
      while state.nextStep < options.steps {
        if state.nonFiniteInARow >= options.nonFiniteLimit { return .nonFinite }
        if let patience = options.patience, loop.validate != nil, state.sinceBest >= patience {
          return .earlyStopping
        }
        try takeStep()
        if state.nextStep % options.validationInterval == 0 || state.nextStep == options.steps {
          measure()
        }
        if state.nextStep < options.steps, loop.recorder?.isDue(at: state.nextStep) == true {
          try record()
        }
        if !goesOn() || loop.isCancelled() { return .cancelled }
      }
      return nil
    }

    private mutating func takeStep() throws {
      let options = loop.options
      let result = try loop.step(
        state.nextStep, options.learningRate.rate(at: state.nextStep, of: options.steps))
      state.nextStep += 1
      state.report.steps = state.nextStep
      guard let result else { return }
      if result.wasTaken {
        state.nonFiniteInARow = 0
        state.interval.append(result.loss)
        state.lastLoss = result.loss
      } else {
        state.report.skippedSteps += 1
        state.nonFiniteInARow += 1
      }
    }

    private mutating func measure() {
      let step = state.nextStep
      state.lastMeasured = step
      if !state.interval.isEmpty {
        let loss = Estimate(meanOf: state.interval)
        state.report.trainingCurve.append(
          .init(step: step, loss: loss.value, standardError: loss.knownStandardError))
      }
      state.interval.removeAll(keepingCapacity: true)
      let candidate = loop.trainer.keptParameters
      guard let validate = loop.validate else {
        // Weights from which steps are not finite are not good ones.
        if state.nonFiniteInARow > 0 { return }
        best = candidate
        state.report.bestStep = step
        return
      }
      let loss = validate(loop.trainer.model(with: candidate))
      state.report.validationCurve.append(
        .init(step: step, loss: loss.value, standardError: loss.knownStandardError))
      if loss.value.isFinite && loss.value < state.report.bestValidationLoss ?? .infinity {
        state.report.bestValidationLoss = loss.value
        state.report.bestStep = step
        best = candidate
        state.sinceBest = 0
      } else {
        state.sinceBest += 1
      }
    }

    private func goesOn() -> Bool {
      guard let progress = loop.progress else { return true }
      return progress(
        FitProgress(
          step: state.nextStep, totalSteps: loop.options.steps,
          trainingLoss: state.lastLoss ?? .nan,
          validationLoss: state.report.validationCurve.last?.loss,
          validationStandardError: state.report.validationCurve.last?.standardError,
          bestValidationLoss: state.report.bestValidationLoss))
    }

    private mutating func record() throws {
      guard let recorder = loop.recorder else { return }
      recordFailed = true
      var written = state
      written.report = finishedReport
      // A run that goes on decides anew why it stops.
      if !written.isComplete { written.report.stopReason = .finished }
      try recorder.write(
        FitRecord(state: written, trainer: loop.trainer.state, best: best))
      recordFailed = false
    }
  }
}
