import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Lifting: training")
struct LiftingTrainerTests {
  static func options(steps: Int) -> LiftingOptions {
    LiftingOptions {
      $0.width = 32
      $0.blocks = 1
      $0.scaleLogit = -1
      $0.steps = steps
      $0.batchSize = 50
      $0.learningRate = .cosine(4e-3).warmingUp(over: 10)
    }
  }

  /// All weights after a training.
  private static func weights(_ trainer: LiftingTrainer) -> [[Float]] {
    trainer.model.namedTensors.map(\.tensor.scalars)
  }

  @Test(
    "a short run is far better than the mean pose",
    arguments: KeypointLikelihood.presets.map(\.name))
  func learns(name: String) throws {
    let likelihood = try #require(
      KeypointLikelihood.presets.first { $0.name == name }?.likelihood)
    let data = try LiftingPoses.dataset(motions: 16, seed: 1)
    let test = try LiftingPoses.dataset(motions: 4, seed: 2)
    let trainer = try LiftingTrainer(
      data, likelihood: likelihood, options: Self.options(steps: 400))
    try trainer.run()
    #expect(trainer.step == 400 && trainer.skippedSteps == 0)
    let evaluation = try LiftingEvaluation(
      trainer.model, on: test, calibration: try LiftingPoses.dataset(motions: 4, seed: 3))
    let mean = LiftingEvaluation.meanDistances(
      LiftingBaseline.meanPose.predictions(for: test, training: data), test
    ).mpjpe
    #expect(evaluation.mpjpe < 0.8 * mean, "\(evaluation.mpjpe) of \(mean)")
    #expect(evaluation.alignedMPJPE < evaluation.mpjpe)
    #expect(evaluation.negativeLogLikelihood.isFinite)
    for coverage in evaluation.coverage {
      #expect(abs(coverage.calibrated - coverage.level) < 0.15, "\(coverage)")
    }
  }

  @Test("the number of threads changes no bit", arguments: [KeypointLikelihood.l1, .residual])
  func threads(likelihood: KeypointLikelihood) throws {
    let data = try LiftingPoses.dataset(motions: 5, seed: 1)
    let results = try [1, 3].map { threads in
      let trainer = try LiftingTrainer(
        data, likelihood: likelihood, options: Self.options(steps: 12), threads: threads)
      try trainer.run()
      return Self.weights(trainer)
    }
    #expect(results[0] == results[1])
  }

  @Test("a training that goes on from a checkpoint ends with the same bits")
  func checkpoint() throws {
    let folder = ScratchFolder()
    let data = try LiftingPoses.dataset(motions: 5, seed: 1)
    func trainer(_ likelihood: KeypointLikelihood = .residual) throws -> LiftingTrainer {
      try LiftingTrainer(data, likelihood: likelihood, options: Self.options(steps: 20))
    }
    let whole = try trainer()
    try whole.run()
    let checkpoint = LiftingCheckpoint(file: folder.path("state"), interval: 5)
    let first = try trainer()
    try first.run(checkpoint: checkpoint) { $0.step < 12 }
    #expect(first.step == 12)
    let second = try trainer()
    var steps: [Int] = []
    try second.run(checkpoint: checkpoint) {
      steps.append($0.step)
      return true
    }
    #expect(steps == Array(13...20))
    #expect(Self.weights(second) == Self.weights(whole))
    let third = try trainer()
    try third.run(checkpoint: checkpoint) { _ in
      Issue.record("nothing was left to do")
      return true
    }
    #expect(Self.weights(third) == Self.weights(whole))

    let other = #expect(throws: PoseError.self) {
      try trainer(.laplace).run(checkpoint: checkpoint)
    }
    #expect(other?.kind == .modelMismatch)
    try "text".write(toFile: folder.path("state"), atomically: true, encoding: .utf8)
    let broken = #expect(throws: PoseError.self) { try trainer().run(checkpoint: checkpoint) }
    #expect(broken?.kind == .malformedFile)
    #expect(broken?.file?.hasSuffix("state") == true)
  }

  @Test("steps that are not finite are skipped, and too many in a row end it with good weights")
  func nonFinite() throws {
    let data = try LiftingPoses.dataset(motions: 2, seed: 1)
    var scalars = data.positions.scalars
    scalars[3] = 3e38
    let spoiled = LiftingDataset(
      skeleton: data.skeleton, imageWidth: data.imageWidth, imageHeight: data.imageHeight,
      keypoints: data.keypoints, positions: Tensor(shape: data.positions.shape, scalars: scalars),
      motions: data.motions, motionOfPose: data.motionOfPose)
    var options = Self.options(steps: 30)
    options.batchSize = 20
    options.nonFiniteLimit = 3
    // One batch of three holds the pose: a step is skipped now and then, never three in a row.
    let some = try LiftingTrainer(spoiled, likelihood: .l2, options: options)
    try some.run()
    #expect((5...15).contains(some.skippedSteps))
    #expect(some.model.namedTensors.allSatisfy { $0.tensor.isFinite })
    options.batchSize = 60
    let all = try LiftingTrainer(spoiled, likelihood: .l2, options: options)
    let error = #expect(throws: PoseError.self) { try all.run() }
    #expect(error?.kind == .trainingFailed)
    #expect(all.step == 3 && all.skippedSteps == 3)
    #expect(all.model.namedTensors.allSatisfy { $0.tensor.isFinite })
  }

  @Test("a coordinate that is no finite number is named", arguments: [Float.nan, .infinity])
  func notFinite(value: Float) throws {
    let data = try LiftingPoses.dataset(motions: 2, seed: 1)
    func spoiled(_ tensor: Tensor<Float>, _ index: Int) -> Tensor<Float> {
      var scalars = tensor.scalars
      scalars[index] = value
      return Tensor(shape: tensor.shape, scalars: scalars)
    }
    func refused(_ path: String, _ keypoints: Tensor<Float>, _ positions: Tensor<Float>) {
      let error = #expect(throws: PoseError.self) {
        try LiftingTrainer(
          LiftingDataset(
            skeleton: data.skeleton, imageWidth: data.imageWidth, imageHeight: data.imageHeight,
            keypoints: keypoints, positions: positions, motions: data.motions,
            motionOfPose: data.motionOfPose), likelihood: .l1)
      }
      #expect(error?.kind == .invalidData)
      #expect(error?.path == path)
    }
    refused(
      "keypoints, row 7, joint 2, axis 1", spoiled(data.keypoints, 7 * 12 + 5), data.positions)
    refused(
      "positions, row 7, joint 2, axis 1", data.keypoints, spoiled(data.positions, 7 * 18 + 7))
  }

  @Test("options that make no sense are named")
  func options() throws {
    let data = try LiftingPoses.dataset(motions: 2, seed: 1)
    func refused(
      _ path: String?, _ likelihood: KeypointLikelihood = .l1,
      _ change: (inout LiftingOptions) -> Void
    ) {
      let error = #expect(throws: PoseError.self) {
        try LiftingTrainer(data, likelihood: likelihood, options: LiftingOptions(change))
      }
      #expect(error?.kind == .invalidConfiguration)
      #expect(error?.path == path)
    }
    refused("steps") { $0.steps = 0 }
    refused("width") { $0.width = 0 }
    refused("batchSize") { $0.batchSize = -1 }
    refused("learningRate") { $0.learningRate.peak = 0 }
    refused("clipping") { $0.clipping = .norm(0) }
    refused(nil, KeypointLikelihood(hasFullCovariance: true)) { _ in }
  }
}
