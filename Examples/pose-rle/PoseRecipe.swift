import ExampleSupport
import Flows
import PoseRLE

/// How the example trains, from the command line.
struct PoseRecipe {
  /// Whether everything is as in published comparisons: no moving average, no flip test, losses summed
  /// over the joints of an image.
  let isPublished: Bool
  let batch: Int
  let rate: Double
  let epochs: Int?
  let steps: Int?
  let weightDecay: Double?
  let averageDecay: Double
  let augmentation: Augmentation
  let guidedShare: Double

  /// Steps where neither steps nor epochs are asked for: two trainings in under four minutes.
  static let defaultSteps = 1_200

  private static let augmentations: [(name: String, augmentation: Augmentation)] = [
    ("none", .none), ("lspet", .lspet), ("released", .released), ("mmpose", .mmpose),
    ("standard", .standard),
  ]

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    isPublished =
      try arguments.choice("recipe", from: ["standard", "published"], kind: "recipe") == "published"
    batch = try arguments.int("batch", in: 2...65_536)
    rate = try arguments.double("rate", in: .leastNonzeroMagnitude...10)
    if arguments.isGiven("epochs"), arguments.isGiven("steps") {
      throw .notExactlyOne(of: ["epochs", "steps"], given: ["epochs", "steps"])
    }
    epochs = arguments.isGiven("epochs") ? try arguments.int("epochs", in: 1...1_000_000) : nil
    steps = arguments.isGiven("steps") ? try arguments.int("steps", in: 1...100_000_000) : nil
    weightDecay =
      arguments.isGiven("weight-decay") ? try arguments.double("weight-decay", in: 0...10) : nil
    averageDecay =
      arguments.isGiven("average")
      ? try arguments.double("average", in: 0...0.99999) : isPublished ? 0 : 0.995
    guidedShare =
      arguments.isGiven("guided-share")
      ? try arguments.double("guided-share", in: 0...1) : isPublished ? 0 : 1
    let name =
      arguments.isGiven("augmentation")
      ? try arguments.choice(
        "augmentation", from: Self.augmentations.map(\.name), kind: "augmentation")
      : isPublished ? "lspet" : "standard"
    augmentation = Self.augmentations.first { $0.name == name }?.augmentation ?? .standard
  }

  /// Whether predictions are averaged with those of the mirrored crop.
  var flipTest: Bool { !isPublished }

  func options(images: Int) -> PoseTrainingOptions {
    var options = PoseTrainingOptions()
    options.batchSize = min(batch, images)
    options.steps = steps ?? epochs.map { $0 * (images / options.batchSize) } ?? Self.defaultSteps
    options.learningRate = .cosine(rate).warmingUp(over: min(200, options.steps / 5))
    options.validationInterval = max(50, options.steps / 10)
    options.augmentation = augmentation
    options.guidedShare = guidedShare
    options.averageDecay = averageDecay > 0 ? averageDecay : nil
    if let weightDecay, weightDecay > 0 { options.optimizer = .adamW(weightDecay: weightDecay) }
    return options
  }

  func likelihood(_ likelihood: KeypointLikelihood) -> KeypointLikelihood {
    // Summed over the joints of an image as published: the limit of the gradient's norm is for such sums.
    var copy = likelihood
    copy.reduction = .meanOverImages
    return copy
  }
}
