import FlowChecks
import Foundation
import Testing

@testable import Flows

/// What users of other libraries reported of densities; each test names the thread.
@Suite("Reported of densities")
struct DensityReportTests {
  @Test("normflows#24, zuko#55, flowjax#102: users check ∫ p = 1 themselves, in one column")
  func massOfOneColumn() throws {
    let densities: [any Distribution<Double>] = [
      NormalizingFlow(base: Laplace<Double>(dimension: 1)) {
        Sinh<Double>(sign: -1)
        Standardization<Double>(scale: Tensor([30]), shift: Tensor([2]))
      },
      NormalizingFlow(base: StudentT<Double>(dimension: 1, degreesOfFreedom: 2)) {
        ActNorm<Double>(dimension: 1)
      },
      Mixture<Double>([Gaussian(dimension: 1), Uniform(dimension: 1)]),
      ResidualDensity(
        base: Laplace<Double>(dimension: 1), shape: Logistic<Double>(dimension: 1)),
    ]
    for density in densities {
      let mass = try mass(density)
      #expect(abs(mass - 1) < 2e-5, "\(type(of: density))")
    }
    // The check can fail: this product says that it is not normalised.
    let omitted = ResidualDensity(
      base: Gaussian<Double>(dimension: 1), shape: Gaussian<Double>(dimension: 1),
      normalization: .omitted)
    // ∫ φ² = 1/(2√π).
    #expect(abs(try mass(omitted) - 0.282_094_791_773_878) < 1e-8)
    #expect(
      abs(try mass(TestDensity<Double>(.laplace, dimension: 1, fault: .unnormalized)) - 1) > 0.009)
  }

  private func mass<D: Distribution>(_ density: D) throws -> Double {
    try Opaque(density).distributionFunction().mass
  }

  @Test("normflows#24, zuko#55, flowjax#102: users check ∫ p = 1 themselves, in more columns")
  func massOfMoreColumns() {
    var generator = PhiloxGenerator(seed: 171)
    let flow = NormalizingFlow(base: Laplace<Double>(dimension: 3)) {
      for index in 0..<4 {
        AffineCoupling(
          dimension: 3, mask: .alternating(index), hidden: [16], using: &generator)
      }
    }
    // A proposal of draws of the flow, widened; it knows nothing of the flow's determinants.
    let draws = flow.sample(4_000, using: &generator)
    let spread = draws.variance(axis: 0).scalars.map { $0.squareRoot() }
    let proposal = Mixture<Double>([
      StudentT(
        location: draws.mean(axis: 0), scale: Tensor(spread), degreesOfFreedom: Tensor([3, 3, 3]))
    ])
    let weights = proposal.evidence(
      of: { flow.logDensity(of: $0) }, draws: 200_000, using: &generator
    ).weights
    #expect(isNear(weights.logMean, 0) && weights.logMean.standardError < 0.02)
    // It can fail: a log-density that is 0.1 too high.
    let wrong = proposal.evidence(
      of: { flow.logDensity(of: $0) + 0.1 }, draws: 200_000, using: &generator
    ).weights
    #expect(!isNear(wrong.logMean, 0))
  }

  @Test("nflows#56, ultralytics#23233: log p > 0 and a negative loss are right, not errors")
  func positiveLogDensity() throws {
    let narrow = Gaussian<Float>(location: Tensor([0]), scale: Tensor([1e-3]))
    // −log(σ √2π).
    #expect(abs(narrow.logDensity(of: Tensor([[0]])).scalar - 5.988_817) < 1e-5)
    #expect(abs(try Opaque(narrow).distributionFunction().mass - 1) < 1e-5)
    var generator = PhiloxGenerator(seed: 172)
    #expect(narrow.entropy(using: &generator).value < -5)
    // A fit reports its loss as it is, and goes on below 0.
    let data = Tensor<Float>.normal([2_000, 2], using: &generator) * 1e-3
    var flow = NormalizingFlow<Float>.realNVP(
      dimension: 2, layers: 2, hidden: [8], using: &generator)
    let report = try flow.fit(data, options: FitOptions { $0.steps = 100 })
    let loss = try #require(report.bestValidationLoss)
    // The entropy of the data.
    #expect(abs(loss - (1 + log(2 * Double.pi) + 2 * log(1e-3))) < 0.3)
    #expect(report.stopReason == .finished && report.skippedSteps == 0)
  }

  @Test("flowjax#147: an infinite loss from a bounded base and unbounded data")
  func boundedBase() throws {
    var generator = PhiloxGenerator(seed: 173)
    let data = Tensor<Float>.normal([500, 2], using: &generator)
    // A density that declares its support says which number lies outside, before training.
    var box = Mixture<Float>([Uniform(dimension: 2)], isLearnable: true)
    do {
      try box.fit(data)
      Issue.record("unbounded data on a bounded support")
    } catch let error as FlowsError {
      #expect(error.kind == .invalidData && error.row != nil && error.column != nil)
      #expect(error.message.contains("[0.0, 1.0]"))
    }
    // A flow over it has parts that are infinitely unlikely: no weights become NaN, no fit "succeeds".
    var flow = NormalizingFlow<Float>.realNVP(
      dimension: 2, layers: 2, hidden: [8], base: Uniform<Float>(dimension: 2), using: &generator)
    let start = flow.namedTensors.map(\.tensor)
    do {
      let report = try flow.fit(data, options: FitOptions { $0.steps = 40 })
      Issue.record("a fit with infinite losses ended as \(report.stopReason)")
    } catch let error as FlowsError {
      #expect(error.kind == .trainingFailed)
    }
    let tensors = flow.namedTensors.map(\.tensor)
    #expect(tensors.allSatisfy { $0.isFinite })
    #expect(start.allSatisfy { $0.isFinite })
    // What to ask in place of a mean: how many rows have no density at all.
    let impossible = flow.logLikelihood(of: data).rows.count { $0 == -.infinity }
    #expect(impossible > 0)
    #expect(flow.logLikelihood(of: data).mean.value == -.infinity)
  }
}
