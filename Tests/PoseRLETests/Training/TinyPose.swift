import Flows
import Foundation
import PoseRLE

/// Trainings of a moment: generated persons of 32 pixels, and a network of some thousand weights.
enum TinyPose {
  static let side = 32

  /// Drawn once for all tests.
  static func persons(_ count: Int = 40, seed: UInt64 = 1) throws -> StoredSource {
    try known.source(count, seed: seed)
  }

  private static let known = KnownPersons()

  private final class KnownPersons: @unchecked Sendable {
    private let lock = NSLock()
    private var sources: [SIMD2<UInt64>: StoredSource] = [:]

    func source(_ count: Int, seed: UInt64) throws -> StoredSource {
      try lock.withLock {
        let key = SIMD2(UInt64(count), seed)
        if let source = sources[key] { return source }
        let source = try StoredSource(PersonGenerator(count: count, seed: seed, side: side))
        sources[key] = source
        return source
      }
    }
  }

  static func architecture(
    _ likelihood: KeypointLikelihood = residual, skeleton: Skeleton = .lsp14, side: Int = side,
    width: Int = 4
  ) -> PoseArchitecture {
    PoseArchitecture(
      skeleton: skeleton, input: .gray(CropSize(width: side, height: side)),
      backbone: ResNetConfiguration(
        channels: 1, width: width, block: .basic, stages: [1, 1], stem: .compact, start: .pyTorch),
      likelihood: likelihood)
  }

  static let residual = KeypointLikelihood(flow: KeypointFlow(layers: 2, hidden: [8]))

  static func options(
    steps: Int = 12, _ change: (inout PoseTrainingOptions) -> Void = { _ in }
  ) -> PoseTrainingOptions {
    PoseTrainingOptions {
      $0.steps = steps
      $0.batchSize = 8
      $0.learningRate = .cosine(3e-3).warmingUp(over: 2)
      $0.validationInterval = 5
      $0.seed = 7
      change(&$0)
    }
  }

  /// A model with random weights whose predictions differ from image to image.
  static func model(
    _ likelihood: KeypointLikelihood = residual, seed: UInt64 = 3, side: Int = side
  ) -> PoseModel<Float> {
    var generator = PhiloxGenerator(seed: seed)
    var model = PoseModel<Float>(architecture(likelihood, side: side), using: &generator)
    model.head.coordinates.weight =
      Tensor<Float>.normal(model.head.coordinates.weight.shape, using: &generator) * 0.1
    model.head.scales.weight =
      Tensor<Float>.normal(model.head.scales.weight.shape, using: &generator) * 0.1
    model.head.scales.bias = Tensor(repeating: -3, shape: [2 * model.architecture.skeleton.count])
    return model
  }
}
