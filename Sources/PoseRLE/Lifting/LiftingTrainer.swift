import Flows

/// How far a training is.
public struct LiftingProgress: Sendable {
  /// Steps done, those that were skipped included.
  public let step: Int
  /// The loss of the last step, in nats, reduced as the likelihood says; nil before the first.
  public let loss: Double?
  /// Steps that were not taken because their loss or gradient was not finite.
  public let skippedSteps: Int
}

/// Trains a lifter: its network and the flows of its likelihood together, by one optimizer.
///
/// Every step is a function of its number and the seed: the poses, which of them are mirrored, and the
/// nodes of the normaliser. So a training that goes on from a checkpoint ends with the same weights as
/// one that was never stopped, and the number of threads changes no digit.
///
/// ```swift
/// let data = try LiftingDataset(contentsOf: folder, split: "train")
/// let trainer = try LiftingTrainer(data, likelihood: .residual)
/// try trainer.run { progress in print(progress.step); return true }
/// try trainer.model.save(to: "lifter.safetensors")
/// ```
public final class LiftingTrainer {
  /// How it is trained.
  public let options: LiftingOptions
  /// Steps done, those that were skipped included.
  public internal(set) var step = 0
  /// Steps that were not taken because their loss or gradient was not finite.
  public internal(set) var skippedSteps = 0
  var skippedInARow = 0
  var lastLoss: Double?

  let trainer: Trainer<LiftingModel<Float>>
  /// Tells data sets apart, so that a checkpoint of another is refused.
  let fingerprint: UInt64
  /// Poses, and after them all of them mirrored.
  private let features: Tensor<Float>
  private let positions: Tensor<Float>
  private let weights: Tensor<Float>
  private let poses: Int
  private let generator: PhiloxGenerator
  private var order: [Int] = []
  private var orderPass = -1

  /// A trainer with fresh weights.
  ///
  /// - Parameters:
  ///   - dataset: the poses to train on.
  ///   - likelihood: under what errors are likely.
  ///   - options: how.
  ///   - threads: threads to work with; nil for all, which changes no result.
  /// - Throws: ``PoseError`` of kind `invalidConfiguration`, or `invalidData` where there are less than
  ///   two poses or a coordinate is not finite.
  public init(
    _ dataset: LiftingDataset, likelihood: KeypointLikelihood,
    options: LiftingOptions = LiftingOptions(), threads: Int? = nil
  ) throws {
    try options.validate()
    let architecture = LiftingArchitecture(
      skeleton: dataset.skeleton, imageWidth: dataset.imageWidth,
      imageHeight: dataset.imageHeight, likelihood: likelihood, width: options.width,
      blocks: options.blocks, scaleLogit: options.scaleLogit)
    if let problem = architecture.problem { throw PoseError(.invalidConfiguration, problem) }
    guard dataset.count > 1 else {
      throw PoseError(
        .invalidData, "expected two poses or more to train on, found \(dataset.count)")
    }
    try dataset.checkFinite()
    var generator = PhiloxGenerator(seed: options.seed, stream: 0x11f7)
    var model = LiftingModel<Float>(architecture, using: &generator)
    let mirrored = dataset.mirrored
    let features = Tensor.concatenated([
      model.features(of: dataset.keypoints), model.features(of: mirrored.keypoints),
    ])
    model.network.standardize(options.mirrors ? features : features[rows: 0..<dataset.count])
    self.options = options
    self.features = features
    positions = .concatenated([dataset.positions, mirrored.positions])
    weights = model.weights(poses: Swift.min(options.batchSize, dataset.count))
    poses = dataset.count
    fingerprint = dataset.fingerprint
    self.generator = generator
    trainer = Trainer(
      model, optimizer: options.optimizer, clipping: options.clipping,
      averageDecay: options.averageDecay, threads: threads ?? Workers.count)
  }

  /// The model as it is now; that of the moving average where one is kept.
  public var model: LiftingModel<Float> { trainer.averagedModel }

  /// How far it is.
  public var progress: LiftingProgress {
    LiftingProgress(step: step, loss: lastLoss, skippedSteps: skippedSteps)
  }

  /// Trains to the last step.
  ///
  /// - Parameters:
  ///   - checkpoint: where and how often the state is written, and from where training goes on if a
  ///     file is there.
  ///   - report: called after every step; training stops where it returns false, and its state is
  ///     written if there is a checkpoint.
  /// - Throws: ``PoseError`` of kind `trainingFailed` after too many steps in a row that could not be
  ///   taken (the weights are those of the last good step), or what reading and writing a checkpoint
  ///   throws.
  public func run(
    checkpoint: LiftingCheckpoint? = nil, report: (LiftingProgress) -> Bool = { _ in true }
  ) throws {
    try checkpoint?.resume(self)
    while step < options.steps {
      try takeStep()
      let isDue = checkpoint.map { step % $0.interval == 0 } ?? false || step == options.steps
      if isDue { try checkpoint?.write(self) }
      if !report(progress) {
        if !isDue { try checkpoint?.write(self) }
        return
      }
    }
  }

  private func takeStep() throws {
    let own = generator.forked(UInt64(step))
    let indices = poseIndices(using: own)
    let features = features.rows(indices)
    let labels = KeypointLabels(positions: positions.rows(indices), weights: weights)
    let result = trainer.step(
      labels, loss: \.loss,
      learningRate: options.learningRate.rate(at: step, of: options.steps),
      tilePoses: Self.tilePoses, generator: own.forked(1)
    ) { model, poses in
      model.network(features[rows: poses])
    }
    step += 1
    if result.wasTaken {
      skippedInARow = 0
      lastLoss = result.loss
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

  /// Poses of a tile.
  ///
  /// Few enough to feed two threads, enough that the network's weights are not read more often than
  /// needed. A constant, since results depend on it in the last bits.
  private static let tilePoses = 32

  /// The poses of a step: consecutive ones of a shuffle of all, that of the pass; where they are
  /// mirrored, their place in the second half.
  private func poseIndices(using generator: PhiloxGenerator) -> [Int] {
    let batch = Swift.min(options.batchSize, poses)
    let batches = poses / batch
    let pass = step / batches
    if pass != orderPass {
      orderPass = pass
      var own = self.generator.forked(1 << 40 + UInt64(pass))
      order = Array(0..<poses).shuffled(portably: &own)
    }
    let start = (step % batches) * batch
    var coins = generator
    return order[start..<start + batch].map { pose in
      options.mirrors && coins.next() >> 63 == 1 ? pose + poses : pose
    }
  }
}

extension LiftingNetwork {
  /// Takes mean and deviation of some features as those to standardise by.
  mutating func standardize(_ features: Tensor<Scalar>) {
    featureMean = features.mean(axis: 0)
    let deviation = sqrt(features.variance(axis: 0))
    featurePrecision = Tensor.select(
      where: deviation .> Scalar(1e-6), 1 / Tensor.maximum(deviation, Tensor(Scalar(1e-6))),
      else: .ones(deviation.shape))
  }
}

extension LiftingDataset {
  /// The same poses in a mirror: x changes its sign, in the image about its middle, and left joints
  /// become right ones.
  public var mirrored: LiftingDataset {
    let order = skeleton.mirrored
    let image = Tensor<Float>([-1, 1])
    let shift = Tensor<Float>([Float(imageWidth), 0])
    return LiftingDataset(
      skeleton: skeleton, imageWidth: imageWidth, imageHeight: imageHeight,
      keypoints: (keypoints * image + shift).gathering(order, axis: 1),
      positions: (positions * Tensor<Float>([-1, 1, 1])).gathering(order, axis: 1),
      motions: motions, motionOfPose: motionOfPose)
  }

  /// Throws where a coordinate is no finite number, and says which.
  func checkFinite() throws {
    for (name, tensor) in [("keypoints", keypoints), ("positions", positions)] {
      guard let bad = tensor.withScalars({ $0.firstIndex { !$0.isFinite } }) else { continue }
      let axes = tensor.shape[2]
      let (pose, rest) = bad.quotientAndRemainder(dividingBy: skeleton.count * axes)
      throw PoseError(
        .invalidData, "expected a finite number, found \(tensor.scalars[bad])",
        path: "\(name), row \(pose), joint \(rest / axes), axis \(rest % axes)")
    }
  }

  /// A number of all coordinates (FNV-1a), the same for the same data.
  var fingerprint: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for tensor in [keypoints, positions] {
      tensor.withScalars { scalars in
        for scalar in scalars { hash = (hash ^ UInt64(scalar.bitPattern)) &* 0x100_0000_01b3 }
      }
    }
    return hash
  }
}
