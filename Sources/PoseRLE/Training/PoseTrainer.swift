import Flows
import Foundation

/// Trains a pose regressor: network, head and flows together, by one optimizer.
///
/// Every step is a function of its number and the seed: the images, how they are varied, and the nodes
/// of the normaliser. So a training that goes on from a checkpoint ends with the same weights as one
/// that was never stopped, and the number of threads changes no digit. Crops are made in the background.
///
/// ```swift
/// let trainer = try PoseTrainer(images, validation: others, architecture: architecture)
/// try trainer.run(checkpoint: PoseCheckpoint(file: "run.checkpoint")) { progress in
///   print(progress)
///   return true
/// }
/// try trainer.best.save(to: "person.safetensors")
/// ```
///
/// Source of the joint training: Li et al., ICCV 2021, §3.3.
public final class PoseTrainer {
  /// How it is trained.
  public let options: PoseTrainingOptions
  /// Steps done, those that were skipped included.
  public internal(set) var step = 0
  /// Steps that were not taken because their loss or gradient was not finite.
  public internal(set) var skippedSteps = 0
  /// How long the steps took, waiting for images included; validation and checkpoints are not.
  ///
  /// It goes on from a checkpoint.
  public internal(set) var seconds = 0.0
  /// What training came to so far.
  public internal(set) var history = PoseTrainingHistory()
  /// What was found in the batches so far: labels that are no numbers, joints outside of crops and more.
  public internal(set) var counts = KeypointBatch.Counts()
  var skippedInARow = 0
  var lastLoss: Double?
  var bestModel: PoseModel<Float>?

  let trainer: Trainer<PoseModel<Float>>
  let training: CropPipeline
  let validation: CropPipeline?
  private let order: EpochOrder
  private let generator: PhiloxGenerator

  /// A trainer with fresh weights.
  ///
  /// - Parameters:
  ///   - images: what is trained on.
  ///   - validation: other images, by which the best weights are chosen; nil for none.
  ///   - architecture: of the model.
  ///   - options: how it is trained.
  ///   - threads: threads to work with; nil for all, which changes no result.
  /// - Throws: ``PoseError`` of kind `invalidConfiguration` where the parts do not fit together.
  public convenience init(
    _ images: any KeypointSource, validation: (any KeypointSource)? = nil,
    architecture: PoseArchitecture, options: PoseTrainingOptions = PoseTrainingOptions(),
    threads: Int? = nil
  ) throws {
    var generator = PhiloxGenerator(seed: options.seed, stream: 0x905e)
    try self.init(
      images, validation: validation, model: PoseModel(architecture, using: &generator),
      options: options, threads: threads)
  }

  /// A trainer that starts from a model, such as one with published weights.
  public init(
    _ images: any KeypointSource, validation: (any KeypointSource)? = nil,
    model: PoseModel<Float>, options: PoseTrainingOptions = PoseTrainingOptions(),
    threads: Int? = nil
  ) throws {
    try options.validate()
    let architecture = model.architecture
    for source in [images, validation].compactMap(\.self)
    where source.skeleton.names != architecture.skeleton.names {
      throw PoseError(
        .invalidConfiguration,
        "the model predicts \(architecture.skeleton.names), the images are labelled with "
          + "\(source.skeleton.names)")
    }
    guard images.count > 1 else {
      throw PoseError(
        .invalidData, "expected two images or more to train on, found \(images.count)")
    }
    if let problem = options.augmentation.problem(for: images.skeleton) {
      throw PoseError(.invalidConfiguration, problem, path: "augmentation")
    }
    self.options = options
    training = CropPipeline(
      images, input: architecture.input, augmentation: options.augmentation,
      outOfCropWeight: options.outOfCropWeight, hiddenWeight: options.hiddenWeight,
      seed: options.seed)
    self.validation = validation.map {
      CropPipeline($0, input: architecture.input, seed: options.seed)
    }
    order = EpochOrder(
      count: images.count, batchSize: Swift.min(options.batchSize, images.count),
      seed: options.seed)
    generator = PhiloxGenerator(seed: options.seed, stream: 0x57e9)
    trainer = Trainer(
      model, optimizer: options.optimizer, clipping: options.clipping,
      averageDecay: options.averageDecay, threads: threads ?? Workers.count)
  }

  /// The model as it is now; that of the moving average where one is kept.
  public var model: PoseModel<Float> { trainer.averagedModel }

  /// The model with the least mean error on the validation images so far; that of now without such.
  public var best: PoseModel<Float> { bestModel ?? model }

  /// Trains to the last step.
  ///
  /// - Parameters:
  ///   - checkpoint: where and how often the state is written, and from where training goes on if a
  ///     file is there.
  ///   - report: called after every step; training stops where it returns false, and its state is
  ///     written if there is a checkpoint.
  /// - Throws: ``PoseError``: what a source throws that cannot give a sample; `trainingFailed` after too
  ///   many steps in a row that could not be taken (the weights are those of the last good step); or
  ///   what reading and writing a checkpoint throws.
  public func run(
    checkpoint: PoseCheckpoint? = nil, report: (PoseProgress) -> Bool = { _ in true }
  ) throws {
    try checkpoint?.resume(self)
    guard step < options.steps else { return }
    let batches = training.prefetched(order, steps: step..<options.steps)
    var clock = StepClock(first: step)
    while step < options.steps {
      let start = ContinuousClock.now
      guard let batch = try batches.next() else { break }
      try takeStep(batch)
      seconds += (ContinuousClock.now - start) / .seconds(1)
      let isLast = step == options.steps
      if isLast || step % options.validationInterval == 0 { try validate() }
      let isDue = isLast || (checkpoint.map { step % $0.interval == 0 } ?? false)
      if isDue { try checkpoint?.write(self) }
      let (rate, left) = clock.rate(at: step, of: options.steps)
      let progress = PoseProgress(
        step: step, steps: options.steps, loss: lastLoss,
        imagesPerSecond: rate * Double(order.batchSize), secondsLeft: left,
        skippedSteps: skippedSteps, validation: history.validations.last)
      if !report(progress) {
        if !isDue { try checkpoint?.write(self) }
        return
      }
    }
  }

  private func takeStep(_ batch: KeypointBatch) throws {
    let statistics = BatchStatistics<Float>()
    let result = trainer.step(
      batch.labels, loss: \.loss,
      learningRate: options.learningRate.rate(at: step, of: options.steps), mixesPoses: true,
      shapeWeight: options.shapeWeight(at: step), generator: generator.forked(UInt64(step))
    ) { model, _ in
      statistics.removeAll()
      return model(batch.images, statistics: statistics)
    }
    step += 1
    counts += batch.counts
    if result.wasTaken {
      trainer.update(with: statistics)
      skippedInARow = 0
      lastLoss = result.loss
      history.addLoss(result.loss, step: step)
    } else {
      skippedSteps += 1
      skippedInARow += 1
      if skippedInARow >= options.nonFiniteLimit {
        throw PoseError(
          .trainingFailed,
          "\(skippedInARow) steps in a row had a loss or a gradient that is not finite; "
            + "a lower learning rate may help")
      }
    }
  }

  private func validate() throws {
    guard let validation else { return }
    let model = model
    let (predictions, labels, _) = try validation.predictions(
      of: PosePredictor(model),
      indices: 0..<Swift.min(options.validationImages, validation.source.count))
    let errors = try PointErrors(
      predictions.reported, labels, size: model.architecture.input.size)
    let loss = Double(model.loss(predictions.prediction, labels).scalar)
    let isBest = history.validations.allSatisfy { errors.mean < $0.meanError }
    history.validations.append(
      .init(
        step: step, loss: loss.isFinite ? loss : nil,
        meanError: errors.mean, pck: errors.share(within: 0.2)))
    if isBest { bestModel = model }
  }
}

/// Steps in a second, of the last ones.
private struct StepClock {
  private let clock = ContinuousClock()
  private var marks: [(step: Int, time: ContinuousClock.Instant)] = []

  init(first: Int) { marks = [(first, clock.now)] }

  mutating func rate(at step: Int, of steps: Int) -> (rate: Double, left: Double?) {
    let now = clock.now
    let first = marks[0]
    let rate = Double(step - first.step) / Swift.max(1e-9, (now - first.time) / .seconds(1))
    // Half a minute back at most, so that the rate is that of now.
    if marks.last.map({ now - $0.time > .seconds(5) }) ?? true {
      marks.append((step, now))
      if marks.count > 6 { marks.removeFirst() }
    }
    return (rate, rate > 0 ? Double(steps - step) / rate : nil)
  }
}
