import ExampleSupport
import Flows

/// How many steps, and how many validations, fit into a time.
struct StepBudget {
  let steps: Int
  let validations: Int

  /// How many validations a fit has where time is no concern.
  static let usualValidations = 100

  /// Measures by some steps on a copy of the flow.
  ///
  /// - Parameters:
  ///   - seconds: the time for the whole fit, of which the measurement takes some.
  ///   - flow: the flow that is to be fitted.
  ///   - data: the rows that it is to be fitted to.
  ///   - context: their context.
  ///   - validationRows: the number of rows held out.
  ///   - options: how it is to be fitted.
  init(
    seconds: Double, flow: NormalizingFlow<Float>, data: Tensor<Float>, context: Tensor<Float>?,
    validationRows: Int, options: FitOptions
  ) throws {
    let clock = ProgressBar.monotonicClock()
    var (trial, options) = (flow, options)
    options.steps = 1_000_000
    options.validationFraction = 0
    options.validationInterval = options.steps
    options.checkpoint = nil
    // The first steps find cold caches and memory that is not there yet.
    let cold = 3
    let length = min(5, max(0.2, seconds * 0.04))
    var (start, steps, taken) = (0.0, 0, 0.0)
    try trial.fit(data, context: context, options: options) { progress in
      let now = clock()
      if progress.step <= cold { start = now }
      (steps, taken) = (progress.step - cold, now - start)
      return steps < 1 || taken < length
    }
    let perStep = max(taken, 1e-9) / Double(max(1, steps))
    let sample = min(validationRows, data.shape[0])
    var perValidation = 0.0
    if sample > 0 {
      let before = clock()
      _ = flow.logDensity(of: data[rows: 0..<sample], context: context?[rows: 0..<sample])
      perValidation = (clock() - before) * Double(validationRows) / Double(sample)
    }
    let left = max(0, seconds - clock())
    let affordable = perValidation > 0 ? Int(min(1e6, left * 0.1 / perValidation)) : 1_000_000
    validations = min(StepBudget.usualValidations, max(10, affordable))
    // Some time is kept back, so that the learning rate comes down before the time is up.
    let forSteps = (left - Double(validations + 2) * perValidation) * 0.96
    self.steps = max(20, Int(min(1e8, forSteps / perStep)))
  }
}
