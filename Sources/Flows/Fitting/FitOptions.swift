/// How a density is fitted; the defaults suit most tables of a few columns.
public struct FitOptions: Sendable {
  /// The number of training steps.
  public var steps = 3_000
  /// Rows of a mini-batch.
  public var batchSize = 512
  /// The learning rate over the steps.
  public var learningRate = LearningRateSchedule.cosine(3e-3).warmingUp(over: 100)
  /// The rule by which parameters follow their gradient.
  public var optimizer = Optimizer.adam()
  /// How gradients are held back.
  public var clipping = GradientClipping.norm(5)
  /// Decay of a moving average of the weights, which is what is validated and kept; nil for none.
  public var averageDecay: Double? = 0.998
  /// The share of rows held out for validation and early stopping; 0 trains on all rows.
  public var validationFraction = 0.1
  /// Steps between validations.
  public var validationInterval = 100
  /// Validations without improvement after which training stops; nil trains to the end.
  public var patience: Int? = 15
  /// Whether columns are brought to mean 0 and variance 1 inside the flow.
  public var standardizes = true
  /// Steps in a row with a loss or gradient that is not finite, after which training stops.
  public var nonFiniteLimit = 20
  /// Seeds the split, the order of the rows and all draws.
  public var seed: UInt64 = 0
  /// Threads to work with; nil for all, which changes no result.
  public var threads: Int?
  /// Where and how often the state of the fit is written, so that a killed fit can go on; nil for
  /// never.
  public var checkpoint: FitCheckpoint?

  /// The defaults.
  public init() {}

  /// The defaults with some changes: `FitOptions { $0.steps = 500 }`.
  public init(_ change: (inout FitOptions) -> Void) {
    change(&self)
  }

  func validate() throws {
    func require(_ condition: Bool, _ field: String, _ message: String) throws {
      if !condition { throw FlowsError(.invalidConfiguration, message, field: field) }
    }
    try require(steps > 0, "steps", "expected at least one step, got \(steps)")
    try require(batchSize > 0, "batchSize", "expected at least one row, got \(batchSize)")
    try require(
      validationFraction >= 0 && validationFraction < 1, "validationFraction",
      "expected a share in [0, 1), got \(validationFraction)")
    try require(
      validationInterval > 0, "validationInterval",
      "expected at least one step, got \(validationInterval)")
    try require(
      learningRate.peak > 0 && learningRate.peak.isFinite, "learningRate",
      "expected a positive rate, got \(learningRate.peak)")
    try require(
      averageDecay.map { $0 >= 0 && $0 < 1 } ?? true, "averageDecay",
      "expected a decay in [0, 1), got \(averageDecay ?? 0)")
    try require(
      nonFiniteLimit > 0, "nonFiniteLimit", "expected a positive number, got \(nonFiniteLimit)")
    try require(
      patience.map { $0 > 0 } ?? true, "patience",
      "expected at least one validation, got \(patience ?? 0)")
    switch clipping {
    case .none: break
    case .norm(let limit), .value(let limit):
      try require(limit > 0, "clipping", "expected a positive limit, got \(limit)")
    }
    switch checkpoint?.interval {
    case .steps(let steps):
      try require(steps > 0, "checkpoint", "expected at least one step, got \(steps)")
    case .minutes(let minutes):
      try require(minutes >= 0, "checkpoint", "expected a time, got \(minutes) minutes")
    case nil: break
    }
  }
}
