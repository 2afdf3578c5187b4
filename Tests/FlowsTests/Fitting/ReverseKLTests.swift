import Foundation
import Testing

@testable import Flows

@Suite("Reverse KL")
struct ReverseKLTests {
  private func options(_ steps: Int) -> FitOptions {
    FitOptions {
      $0.steps = steps
      $0.batchSize = 256
      $0.validationInterval = 50
      $0.learningRate = .cosine(1e-2)
      $0.averageDecay = 0.95
    }
  }

  @Test("reaches a known Gaussian, and its normaliser")
  func gaussian() throws {
    let target = Gaussian<Float>(location: Tensor([1, -0.5]), scale: Tensor([0.5, 2]))
    let logNormalizer = 3.0
    var flow = smallFlow()
    let report = try flow.fit(
      toLogDensity: { target.logDensity(of: $0) + Float(logNormalizer) }, options: options(400))
    let loss = try #require(report.bestValidationLoss)
    #expect(Swift.abs(loss + logNormalizer) < 0.02, "KL \(loss + logNormalizer)")
    var generator = PhiloxGenerator(seed: 62)
    let (x, logDensity) = flow.sampleWithLogDensity(20_000, using: &generator)
    let divergence = (logDensity - target.logDensity(of: x)).mean().scalar
    #expect(divergence > -0.01 && divergence < 0.02, "KL \(divergence)")
    #expect(flow.standardization == nil)
  }

  @Test("depends on its seed and not on threads")
  func determinism() throws {
    func fitted(_ change: (inout FitOptions) -> Void) throws -> [Tensor<Float>] {
      var options = options(20)
      change(&options)
      var flow = smallFlow()
      try flow.fit(toLogDensity: { -($0 - 1).squared().sum(axis: 1) }, options: options)
      return allTensors(flow)
    }
    let first = try fitted { $0.threads = 1 }
    #expect(try fitted { $0.threads = 2 } == first)
    #expect(try fitted { $0.seed = 7 } != first)
  }
}
