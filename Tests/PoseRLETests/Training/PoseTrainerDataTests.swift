import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Pose regressors: data that are not as they should be")
struct PoseTrainerDataTests {
  private static let side = 16

  /// Noise with one joint in each corner of the middle.
  private static func sample(_ index: Int) -> KeypointSample {
    var generator = PhiloxGenerator(seed: 11).forked(UInt64(index))
    let image = PixelImage(
      width: side, height: side, channels: 1,
      bytes: (0..<side * side).map { _ in UInt8(generator.next() >> 56) })
    let places = [4.0, 12].flatMap { y in [4.0, 12].map { SIMD2($0, y) } }
    return .whole(image, places, name: "sample \(index)")
  }

  private static func trainer(
    _ likelihood: KeypointLikelihood = TinyPose.residual, count: Int = 16,
    options: PoseTrainingOptions, validation: MemorySource? = nil,
    make: @escaping @Sendable (Int) throws -> KeypointSample
  ) throws -> PoseTrainer {
    try PoseTrainer(
      MemorySource(count: count, make: make), validation: validation,
      architecture: TinyPose.architecture(likelihood, skeleton: MemorySource.four, side: side),
      options: options)
  }

  private static func plain(
    _ steps: Int, _ change: (inout PoseTrainingOptions) -> Void = { _ in }
  ) -> PoseTrainingOptions {
    TinyPose.options(steps: steps) {
      $0.batchSize = 4
      $0.augmentation = .none
      change(&$0)
    }
  }

  @Test(
    "labels that are no numbers, lie outside or are not there are counted, and training goes on")
  func counts() throws {
    @Sendable func make(_ index: Int) -> KeypointSample {
      var sample = Self.sample(index)
      switch index % 4 {
      case 0: sample.keypoints[1] = SIMD2(.nan, 3)
      case 1:
        sample.keypoints[2] = SIMD2(-3, 4)
        sample.keypoints[3] = SIMD2(4, 1e30)
        sample.keypoints[0].y = .infinity
      case 2:
        sample.visibility = Array(repeating: .unlabelled, count: 4)
        sample.keypoints[3] = SIMD2(.nan, .nan)
      default: sample.decoderWarnings = 2
      }
      return sample
    }
    for likelihood in [TinyPose.residual, .l1, .residualReleased] {
      let trainer = try Self.trainer(likelihood, options: Self.plain(8), make: make)
      try trainer.run()
      var expected = KeypointBatch.Counts()
      expected.nonFiniteJoints = 2 * 8
      expected.outOfCropJoints = 2 * 8
      expected.imagesWithoutJoints = 2 * 4
      expected.decoderWarnings = 2 * 8
      #expect(trainer.counts == expected)
      #expect(trainer.skippedSteps == 0 && trainer.step == 8)
      #expect(trainer.model.namedTensors.allSatisfy { $0.tensor.isFinite })
    }
  }

  @Test("batches without any label change weights by their running averages alone")
  func unlabelled() throws {
    for likelihood in [TinyPose.residual, .laplace, .residualMMPose] {
      let trainer = try Self.trainer(likelihood, options: Self.plain(6)) { index in
        var sample = Self.sample(index)
        sample.visibility = Array(repeating: .unlabelled, count: 4)
        return sample
      }
      try trainer.run()
      #expect(trainer.counts.imagesWithoutJoints == 24)
      #expect(trainer.skippedSteps == 0)
      #expect(trainer.history.losses.map(\.value) == [0])
      #expect(trainer.model.namedTensors.allSatisfy { $0.tensor.isFinite })
    }
  }

  private struct Broken: Error, CustomStringConvertible {
    let description = "the disk is gone"
  }

  @Test("a source that cannot give a sample ends training with its error")
  func sourceErrors() throws {
    for isOwn in [true, false] {
      let trainer = try Self.trainer(options: Self.plain(8)) { index in
        guard index != 5 else {
          if isOwn { throw PoseError(.malformedFile, "cannot be decoded", file: "5.jpg") }
          throw Broken()
        }
        return Self.sample(index)
      }
      let error = try #require(throws: PoseError.self) { try trainer.run() }
      #expect(
        error.description
          == (isOwn ? "5.jpg: cannot be decoded" : "sample 5: the disk is gone"))
      #expect(trainer.step < 4)
      #expect(trainer.model.namedTensors.allSatisfy { $0.tensor.isFinite })
    }
    let empty = try Self.trainer(options: Self.plain(8)) { index in
      var sample = Self.sample(index)
      sample.box = SIMD4(0, 0, 0, 0)
      return sample
    }
    let error = try #require(throws: PoseError.self) { try empty.run() }
    #expect(error.kind == .invalidData && error.description.hasPrefix("sample "))
    let few = try Self.trainer(options: Self.plain(8)) { index in
      var sample = Self.sample(index)
      sample.keypoints.removeLast()
      sample.visibility.removeLast()
      return sample
    }
    #expect(try #require(throws: PoseError.self) { try few.run() }.kind == .invalidData)
  }

  @Test("validation images without labels end training with a sentence")
  func unlabelledValidation() throws {
    let validation = MemorySource(count: 3) { index in
      var sample = Self.sample(index)
      sample.visibility = Array(repeating: .unlabelled, count: 4)
      return sample
    }
    let trainer = try Self.trainer(
      options: Self.plain(8), validation: validation, make: Self.sample)
    let error = try #require(throws: PoseError.self) { try trainer.run() }
    #expect(error.kind == .invalidData && error.message.contains("labelled joints"))
  }

  @Test("steps that are not finite are skipped and counted, and too many in a row end it")
  func nonFinite() throws {
    func trainer(_ limit: Int, _ spoiled: @escaping @Sendable (Int) -> Bool) throws -> PoseTrainer {
      let options = Self.plain(12) {
        $0.nonFiniteLimit = limit
        // So that joints far away count.
        $0.outOfCropWeight = 1
      }
      return try Self.trainer(.l2, options: options) { index in
        var sample = Self.sample(index)
        if spoiled(index) { sample.keypoints[0].x = 1e30 }
        return sample
      }
    }
    // One batch of four in each pass, so at most two in a row.
    let some = try trainer(3) { $0 == 3 }
    try some.run()
    #expect(some.skippedSteps == 3 && some.step == 12)
    #expect(some.history.losses.map(\.count) == [9])
    #expect(some.model.namedTensors.allSatisfy { $0.tensor.isFinite })

    let folder = ScratchFolder()
    let checkpoint = PoseCheckpoint(file: folder.path("checkpoint"), interval: 1)
    let all = try trainer(4) { _ in true }
    let before = all.model.namedTensors.map(\.tensor)
    let error = try #require(throws: PoseError.self) { try all.run(checkpoint: checkpoint) }
    #expect(error.kind == .trainingFailed && error.message.hasPrefix("4 steps in a row"))
    #expect(all.step == 4 && all.skippedSteps == 4)
    #expect(all.model.namedTensors.map(\.tensor) == before)
    // The three steps before the last one are in the checkpoint.
    let again = try trainer(4) { _ in true }
    #expect(throws: PoseError.self) { try again.run(checkpoint: checkpoint) }
    #expect(again.step == 4 && again.skippedSteps == 4)
  }
}
