import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Pose regressors: training")
struct PoseTrainerTests {
  /// All that a training came to, but how fast.
  struct Outcome: Equatable {
    let weights: [Tensor<Float>]
    let best: [Tensor<Float>]
    let moments: [Tensor<Float>]
    let states: [Tensor<Float>]
    let history: PoseTrainingHistory
    let counts: KeypointBatch.Counts
    let skippedSteps: Int

    init(_ trainer: PoseTrainer) {
      weights = trainer.model.namedTensors.map(\.tensor)
      best = trainer.best.namedTensors.map(\.tensor)
      let state = trainer.trainer.state
      moments = state.moments
      states = [state.parameters] + state.states
      history = trainer.history
      counts = trainer.counts
      skippedSteps = trainer.skippedSteps
    }
  }

  private static func trainer(
    _ likelihood: KeypointLikelihood = TinyPose.residual, images: StoredSource? = nil,
    validation: StoredSource? = nil, options: PoseTrainingOptions = TinyPose.options(),
    threads: Int? = nil
  ) throws -> PoseTrainer {
    try PoseTrainer(
      images ?? TinyPose.persons(), validation: validation ?? TinyPose.persons(12, seed: 2),
      architecture: TinyPose.architecture(likelihood), options: options, threads: threads)
  }

  @Test("two runs, and any number of threads, give the same bits")
  func reproducible() throws {
    let cases: [(KeypointLikelihood, Double?)] = [(TinyPose.residual, 0.9), (.l1, nil)]
    for (likelihood, decay) in cases {
      let options = TinyPose.options {
        $0.averageDecay = decay
        $0.validationInterval = 8
      }
      let outcomes = try [1, 1, 2].map { threads in
        let trainer = try Self.trainer(likelihood, options: options, threads: threads)
        try trainer.run()
        #expect(trainer.step == 12 && trainer.skippedSteps == 0)
        return Outcome(trainer)
      }
      #expect(outcomes[0].history.validations.map(\.step) == [8, 12])
      #expect(outcomes[0].history.losses.map(\.count) == [12])
      for other in outcomes.dropFirst() { #expect(other == outcomes[0]) }
      let trainer = try Self.trainer(likelihood, options: options)
      #expect(Outcome(trainer).weights != outcomes[0].weights)
    }
  }

  @Test(
    "a training that goes on from a checkpoint ends with the same bits",
    arguments: [nil, 0.9] as [Double?])
  func resumes(decay: Double?) throws {
    let folder = ScratchFolder()
    let options = TinyPose.options {
      $0.averageDecay = decay
      $0.validationInterval = 6
    }
    let likelihood = decay == nil ? KeypointLikelihood.laplace : TinyPose.residual
    let whole = try Self.trainer(likelihood, options: options)
    try whole.run()
    let expected = Outcome(whole)
    for stop in decay == nil ? [4, 12] : [7] {
      let checkpoint = PoseCheckpoint(file: folder.path("\(stop).checkpoint"), interval: 4)
      let first = try Self.trainer(likelihood, options: options, threads: 1)
      try first.run(checkpoint: checkpoint) { $0.step < stop }
      #expect(first.step == stop)
      let second = try Self.trainer(likelihood, options: options, threads: 2)
      var steps: [Int] = []
      try second.run(checkpoint: checkpoint) {
        steps.append($0.step)
        return true
      }
      #expect(steps == Array(stop..<12).map { $0 + 1 })
      #expect(Outcome(second) == expected, "stopped after \(stop)")
      // The trainer that was stopped goes on as well.
      try first.run()
      #expect(Outcome(first) == expected, "stopped after \(stop), same trainer")
    }
    let name = decay == nil ? "4.checkpoint" : "7.checkpoint"
    let last = try Self.trainer(likelihood, options: options)
    try last.run(checkpoint: PoseCheckpoint(file: folder.path(name))) { _ in
      Issue.record("nothing was left to do")
      return true
    }
    #expect(Outcome(last) == expected)
  }

  @Test("a kill between checkpoints costs the steps since the last one, and no bit")
  func lostSteps() throws {
    let folder = ScratchFolder()
    let checkpoint = PoseCheckpoint(file: folder.path("checkpoint"), interval: 4)
    let options = TinyPose.options { $0.validationInterval = 12 }
    let whole = try Self.trainer(options: options)
    try whole.run()
    // A copy of the file of step 4 is what a kill at step 7 leaves.
    let first = try Self.trainer(options: options)
    try first.run(checkpoint: checkpoint) { progress in
      if progress.step == 7 {
        try? FileManager.default.copyItem(
          atPath: checkpoint.file, toPath: folder.path("left"))
      }
      return progress.step < 8
    }
    let second = try Self.trainer(options: options)
    var steps: [Int] = []
    try second.run(checkpoint: PoseCheckpoint(file: folder.path("left"), interval: 3)) {
      steps.append($0.step)
      return true
    }
    #expect(steps == Array(5...12))
    #expect(Outcome(second) == Outcome(whole))
  }

  @Test("the best weights are those of the least validation error, and are kept as they were")
  func best() throws {
    let options = TinyPose.options(steps: 12) {
      $0.validationInterval = 1
      $0.learningRate = .constant(0.03)
    }
    let validation = try TinyPose.persons(12, seed: 2)
    let trainer = try Self.trainer(.laplace, validation: validation, options: options)
    var kept: [(error: Double, weights: [Tensor<Float>])] = []
    try trainer.run { progress in
      kept.append(
        (progress.validation?.meanError ?? .nan, trainer.model.namedTensors.map(\.tensor)))
      return true
    }
    let errors = trainer.history.validations.map(\.meanError)
    #expect(kept.map(\.error) == errors && errors.count == 12)
    let place = try #require(errors.firstIndex { $0 == errors.min() })
    #expect(place < 11, "the last step is the best one, so that nothing is tested")
    #expect(trainer.best.namedTensors.map(\.tensor) == kept[place].weights)
    let pipeline = CropPipeline(validation, input: trainer.model.architecture.input, seed: 0)
    #expect(try pipeline.evaluate(PosePredictor(trainer.best)).meanError == errors[place])
  }

  @Test("training lowers the error")
  func learns() throws {
    let options = TinyPose.options(steps: 100) {
      $0.learningRate = .cosine(1e-2).warmingUp(over: 10)
      $0.validationInterval = 50
      $0.augmentation = .none
    }
    let trainer = try Self.trainer(
      validation: try TinyPose.persons(), options: options)
    try trainer.run()
    let validations = trainer.history.validations
    let (first, last) = (try #require(validations.first), try #require(validations.last))
    #expect(last.meanError < first.meanError, "\(first.meanError) to \(last.meanError)")
    let losses = trainer.history.losses
    #expect(losses.map(\.step) == [20, 40, 60, 80, 100])
    #expect(losses[4].value < losses[0].value)
  }

  @Test("options and data that make no sense are named")
  func refused() throws {
    func refused(
      _ path: String?, _ kind: PoseError.Kind = .invalidConfiguration,
      images: (any KeypointSource)? = nil, _ change: (inout PoseTrainingOptions) -> Void = { _ in },
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let error = #expect(throws: PoseError.self, sourceLocation: sourceLocation) {
        let images = try images ?? TinyPose.persons(4) as any KeypointSource
        return try PoseTrainer(
          images, architecture: TinyPose.architecture(),
          options: TinyPose.options(steps: 12, change))
      }
      #expect(error?.kind == kind, sourceLocation: sourceLocation)
      #expect(error?.path == path, "\(error?.description ?? "")", sourceLocation: sourceLocation)
    }
    refused("steps") { $0.steps = 0 }
    refused("batchSize") { $0.batchSize = 0 }
    refused("learningRate") { $0.learningRate.peak = .nan }
    refused("averageDecay") { $0.averageDecay = 1 }
    refused("hiddenWeight") { $0.hiddenWeight = -1 }
    refused("outOfCropWeight") { $0.outOfCropWeight = .infinity }
    refused("hiddenWeight") { $0.hiddenWeight = 1e300 }
    refused("validationInterval") { $0.validationInterval = 0 }
    refused("validationImages") { $0.validationImages = -4 }
    refused("nonFiniteLimit") { $0.nonFiniteLimit = 0 }
    refused("clipping") { $0.clipping = .norm(-1) }
    refused("augmentation") { $0.augmentation.flipProbability = 2 }
    refused(nil, .invalidData, images: try? TinyPose.persons(1))
    let other = MemorySource(count: 4) { _ in
      .whole(.constant(0, width: 8, height: 8), Array(repeating: SIMD2(1, 1), count: 4))
    }
    refused(nil, images: other)
  }
}
