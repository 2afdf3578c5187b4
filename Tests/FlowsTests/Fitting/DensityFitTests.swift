import Foundation
import Testing

@testable import Flows

@Suite("Fits of any density")
struct DensityFitTests {
  private let options = FitOptions {
    $0.steps = 800
    $0.batchSize = 256
    $0.learningRate = .cosine(0.05).warmingUp(over: 10)
    $0.averageDecay = 0.98
    $0.patience = nil
  }

  @Test("find the mean and the deviation of a Gaussian")
  func gaussian() throws {
    var generator = PhiloxGenerator(seed: 80)
    let truth = Gaussian<Float>(location: Tensor([2, -1]), scale: Tensor([0.5, 3]))
    let data = truth.sample(4_000, using: &generator)
    var density = Gaussian<Float>(dimension: 2, isLearnable: true)
    let report = try density.fit(data, options: options)
    let fresh = truth.sample(4_000, using: &generator)
    let gap = truth.logLikelihood(of: fresh).difference(from: density.logLikelihood(of: fresh))
    #expect(gap.value < 0.01, "\(gap)")
    #expect(Swift.abs(density.scale[1] - 3) < 0.15)
    #expect(report.bestValidationLoss != nil)
    // No units: the report is in those of the data without any constant.
    let held = data.rows(report.heldOutRows)
    #expect(report.validationLogLikelihood == density.logLikelihood(of: held))
  }

  @Test("of a density without parameters measure it")
  func fixed() throws {
    var generator = PhiloxGenerator(seed: 81)
    var density = Laplace<Float>(dimension: 2)
    let data = density.sample(500, using: &generator)
    let report = try density.fit(data, options: FitOptions { $0.steps = 3 })
    #expect(report.steps == 3)
    let expected = 2 * (1 + Foundation.log(2.0))
    #expect(Swift.abs(try #require(report.bestValidationLoss) - expected) < 0.5)
  }

  @Test("by reverse KL find the density itself")
  func reverseKL() throws {
    let truth = Gaussian<Float>(location: Tensor([2, -1]), scale: Tensor([0.5, 3]))
    var density = Gaussian<Float>(dimension: 2, isLearnable: true)
    let report = try density.fit(toLogDensity: { truth.logDensity(of: $0) }, options: options)
    #expect(Swift.abs(try #require(report.bestValidationLoss)) < 1e-3)
  }
}
