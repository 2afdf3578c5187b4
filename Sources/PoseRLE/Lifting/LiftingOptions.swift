import Flows

/// How a lifter is trained.
///
/// The defaults were chosen on motions held out of the training poses of the data set
/// `cmu_mocap17`, for all likelihoods together.
public struct LiftingOptions: Hashable, Sendable, Codable {
  /// The width of the hidden layers.
  public var width = 512
  /// The number of residual blocks.
  public var blocks = 2
  /// The logit of all scales at the start: sigmoid(−3) is 47 mm.
  public var scaleLogit = -3.0
  /// The number of training steps.
  public var steps = 3_000
  /// Poses of a step.
  public var batchSize = 128
  /// The learning rate over the steps.
  public var learningRate = LearningRateSchedule.cosine(3e-3).warmingUp(over: 200)
  /// The rule by which weights follow their gradient.
  public var optimizer = Optimizer.adamW(weightDecay: 0.01)
  /// How gradients are held back.
  public var clipping = GradientClipping.norm(35)
  /// Decay of a moving average of the weights; nil for none: the weights of the last step are kept.
  public var averageDecay: Double?
  /// Whether half of the poses are mirrored, drawn anew in each step.
  public var mirrors = true
  /// Steps in a row with a loss or gradient that is not finite, after which training stops.
  public var nonFiniteLimit = 20
  /// Seeds weights, the order of poses and all draws.
  public var seed: UInt64 = 0

  /// The defaults.
  public init() {}

  /// The defaults with some changes: `LiftingOptions { $0.steps = 500 }`.
  public init(_ change: (inout LiftingOptions) -> Void) {
    change(&self)
  }

  func validate() throws {
    func require(_ condition: Bool, _ path: String, _ message: String) throws {
      if !condition { throw PoseError(.invalidConfiguration, message, path: path) }
    }
    try require(
      (1...65_536).contains(width), "width", "expected a width of 1 to 65536, got \(width)")
    try require((0...1_000).contains(blocks), "blocks", "expected 0 to 1000 blocks, got \(blocks)")
    try require(scaleLogit.isFinite, "scaleLogit", "expected a finite number, got \(scaleLogit)")
    try require(steps > 0, "steps", "expected at least one step, got \(steps)")
    try require(batchSize > 0, "batchSize", "expected at least one pose, got \(batchSize)")
    try require(
      learningRate.peak > 0 && learningRate.peak.isFinite, "learningRate",
      "expected a positive rate, got \(learningRate.peak)")
    try require(
      averageDecay.map { $0 >= 0 && $0 < 1 } ?? true, "averageDecay",
      "expected a decay in [0, 1), got \(averageDecay ?? 0)")
    try require(
      nonFiniteLimit > 0, "nonFiniteLimit", "expected a positive number, got \(nonFiniteLimit)")
    switch clipping {
    case .none: break
    case .norm(let limit), .value(let limit):
      try require(limit > 0, "clipping", "expected a positive limit, got \(limit)")
    }
  }
}
