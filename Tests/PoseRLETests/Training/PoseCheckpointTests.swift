import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Pose regressors: checkpoints")
struct PoseCheckpointTests {
  private static let steps = 6

  private static func trainer(
    _ likelihood: KeypointLikelihood = TinyPose.residual, images: StoredSource? = nil,
    validation: StoredSource? = nil, width: Int = 2,
    _ change: (inout PoseTrainingOptions) -> Void = { _ in }
  ) throws -> PoseTrainer {
    let options = TinyPose.options(steps: steps) {
      $0.batchSize = 4
      $0.validationInterval = 2
      change(&$0)
    }
    return try PoseTrainer(
      images ?? TinyPose.persons(8), validation: validation,
      architecture: TinyPose.architecture(likelihood, side: 16, width: width), options: options)
  }

  private func write(to file: String) throws {
    try Self.trainer().run(checkpoint: PoseCheckpoint(file: file)) { $0.step < 5 }
  }

  @Test("of other images, options or models are refused with a sentence")
  func other() throws {
    let folder = ScratchFolder()
    let file = folder.path("checkpoint")
    try write(to: file)
    func refused(
      _ trainer: PoseTrainer, sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let error = #expect(throws: PoseError.self, sourceLocation: sourceLocation) {
        try trainer.run(checkpoint: PoseCheckpoint(file: file))
      }
      #expect(error?.kind == .modelMismatch, sourceLocation: sourceLocation)
      #expect(
        error?.description
          == "\(file): the checkpoint is of another training: images, architecture or options differ",
        sourceLocation: sourceLocation)
      #expect(trainer.step == 0, sourceLocation: sourceLocation)
    }
    refused(try Self.trainer(.laplace))
    refused(try Self.trainer(width: 3))
    refused(try Self.trainer(images: try TinyPose.persons(8, seed: 3)))
    refused(try Self.trainer(validation: try TinyPose.persons(9)))
    refused(try Self.trainer { $0.seed = 8 })
    refused(try Self.trainer { $0.learningRate = .cosine(1e-3) })
    refused(try Self.trainer { $0.augmentation.rotation = nil })
    refused(try Self.trainer { $0.averageDecay = 0.5 })
    refused(try Self.trainer { $0.steps = 7 })
    let same = try Self.trainer()
    try same.run(checkpoint: PoseCheckpoint(file: file))
    #expect(same.step == Self.steps)
  }

  @Test("hold limits and losses that are infinite")
  func infinite() throws {
    let folder = ScratchFolder()
    let checkpoint = PoseCheckpoint(file: folder.path("checkpoint"))
    func trainer() throws -> PoseTrainer { try Self.trainer { $0.clipping = .norm(.infinity) } }
    let first = try trainer()
    try first.run(checkpoint: checkpoint) { $0.step < 3 }
    first.history.validations.append(
      .init(step: 3, loss: .infinity, meanError: 1, pck: 0))
    try checkpoint.write(first)
    let second = try trainer()
    try second.run(checkpoint: checkpoint) { _ in false }
    #expect(second.history.validations[0].loss == .infinity)
    #expect(second.step == 4)
  }

  @Test("that are no files of this kind, or cannot be written, are named")
  func files() throws {
    let folder = ScratchFolder()
    let file = folder.path("checkpoint")
    try "text".write(toFile: file, atomically: true, encoding: .utf8)
    func error(_ path: String) throws -> PoseError {
      try #require(throws: PoseError.self) {
        try Self.trainer().run(checkpoint: PoseCheckpoint(file: path))
      }
    }
    #expect(try error(file).kind == .malformedFile && error(file).file == file)
    try Self.trainer().model.save(to: file)
    #expect(try error(file).message.contains("expected the checkpoint"))
    let missing = folder.path("no/such/folder")
    #expect(try error(missing).kind == .unwritableFile && error(missing).file == missing)
  }

  @Test("with contradictory or endless numbers are refused")
  func numbers() throws {
    let folder = ScratchFolder()
    let (file, copy) = (folder.path("checkpoint"), folder.path("copy"))
    try write(to: file)
    let key = "poserle.training.counters"
    for (old, new) in [
      ("\"skipped\":0", "\"skipped\":-1"), ("\"skipped\":0", "\"skipped\":1"),
      ("\"skippedInARow\":0", "\"skippedInARow\":5"), ("\"step\":5}", "\"step\":4}"),
      ("\"step\":5}", "\"step\":9223372036854775807}"),
      ("\"nonFiniteJoints\":0", "\"nonFiniteJoints\":9223372036854775807"),
      ("\"count\":5", "\"count\":-9223372036854775808"), ("\"count\":5", "\"count\":0"),
    ] {
      var content = try SafetensorsFile(contentsOf: file)
      let text = try #require(content.metadata[key])
      #expect(text.contains(old), "\(old) in \(text)")
      content.metadata[key] = text.replacing(old, with: new)
      try content.write(to: copy)
      let trainer = try Self.trainer()
      let error = #expect(throws: PoseError.self, "\(new)") {
        try trainer.run(checkpoint: PoseCheckpoint(file: copy))
      }
      #expect(error?.kind == .malformedFile && error?.file == copy)
      #expect(trainer.step == 0)
    }
  }

  @Test("240 corrupted files are read or refused, and never end the program")
  func corruptions() throws {
    let folder = ScratchFolder()
    let (file, copy) = (folder.path("checkpoint"), folder.path("copy"))
    try write(to: file)
    var mutations = try FileMutations(of: file, seed: 19)
    var (accepted, refused) = (0, 0)
    for _ in 0..<240 {
      try mutations.next().write(to: URL(fileURLWithPath: copy))
      let trainer = try Self.trainer()
      do {
        // The last step and the next checkpoint.
        try trainer.run(checkpoint: PoseCheckpoint(file: copy))
        #expect(trainer.step == Self.steps)
        accepted += 1
      } catch {
        #expect(error is PoseError, "\(error)")
        if (error as? PoseError)?.kind != .trainingFailed {
          #expect((error as? PoseError)?.file == copy, "\(error)")
        }
        refused += 1
      }
    }
    #expect(accepted > 5 && refused > 120, "\(accepted) accepted, \(refused) refused")
  }
}
