import Flows

/// How a pose regressor is trained.
public struct PoseTrainingOptions: Hashable, Sendable, Codable {
  /// The number of training steps.
  public var steps = 3_450
  /// Images of a step.
  public var batchSize = 64
  /// The learning rate over the steps.
  public var learningRate = LearningRateSchedule.cosine(1e-3).warmingUp(over: 200)
  /// The rule by which weights follow their gradient.
  public var optimizer = Optimizer.adam()
  /// How gradients are held back.
  public var clipping = GradientClipping.norm(35)
  /// The share of the steps during which means follow the gradient of the base alone; see
  /// ``shapeWeight(at:)``.
  public var guidedShare = 1.0
  /// Decay of a moving average of the weights; nil for none: the weights of the last step are kept.
  public var averageDecay: Double?
  /// How crops are varied.
  public var augmentation = Augmentation.standard
  /// What joints outside of their crop count: 0 as in mmpose, 1 as in the released code.
  public var outOfCropWeight = 0.0
  /// What joints count that are labelled though they cannot be seen.
  public var hiddenWeight = 1.0
  /// Steps between two validations, where there are images for it; the last step is validated as well.
  public var validationInterval = 500
  /// How many of the validation images are looked at, from the first on.
  public var validationImages = 512
  /// Steps in a row with a loss or gradient that is not finite, after which training stops.
  public var nonFiniteLimit = 20
  /// Seeds weights, the order of images and all draws.
  public var seed: UInt64 = 0

  /// The defaults.
  public init() {}

  /// The defaults with some changes: `PoseTrainingOptions { $0.steps = 500 }`.
  public init(_ change: (inout PoseTrainingOptions) -> Void) {
    change(&self)
  }

  /// How far means follow the gradient of a likelihood with a flow at a step, instead of that of its base:
  /// 0 during the first ``guidedShare`` of the steps, then 1.
  ///
  /// Scales and flow always follow the likelihood. Early errors are those of a mean pose, nearly Gaussian,
  /// and a flow learns that at once; its gradient by the mean is then nearly that of a squared error.
  public func shapeWeight(at step: Int) -> Double {
    Double(step) < guidedShare * Double(steps) ? 0 : 1
  }

  func validate() throws {
    func require(_ condition: Bool, _ path: String, _ message: String) throws {
      if !condition { throw PoseError(.invalidConfiguration, message, path: path) }
    }
    try require(steps > 0, "steps", "expected at least one step, got \(steps)")
    try require(batchSize > 0, "batchSize", "expected at least one image, got \(batchSize)")
    try require(
      learningRate.peak > 0 && learningRate.peak.isFinite, "learningRate",
      "expected a positive rate, got \(learningRate.peak)")
    try require(
      (0...1).contains(guidedShare), "guidedShare",
      "expected a share of the steps from 0 to 1, got \(guidedShare)")
    try require(
      averageDecay.map { $0 >= 0 && $0 < 1 } ?? true, "averageDecay",
      "expected a decay in [0, 1), got \(averageDecay ?? 0)")
    for (name, weight) in [("outOfCropWeight", outOfCropWeight), ("hiddenWeight", hiddenWeight)] {
      try require(
        weight >= 0 && Float(weight).isFinite, name,
        "expected a weight of 0 or more, got \(weight)")
    }
    try require(
      validationInterval > 0, "validationInterval",
      "expected a positive number of steps, got \(validationInterval)")
    try require(
      validationImages > 0, "validationImages",
      "expected at least one image, got \(validationImages)")
    try require(
      nonFiniteLimit > 0, "nonFiniteLimit", "expected a positive number, got \(nonFiniteLimit)")
    if let problem = augmentation.problem {
      throw PoseError(.invalidConfiguration, problem, path: "augmentation")
    }
    switch clipping {
    case .none: break
    case .norm(let limit), .value(let limit):
      try require(limit > 0, "clipping", "expected a positive limit, got \(limit)")
    }
  }
}
