import Foundation
import Testing

@testable import Flows

@Suite("Log-likelihoods")
struct LogLikelihoodTests {
  @Test("have the standard error of a mean")
  func mean() {
    let mean = LogLikelihood(rows: [-1, -2, -4, -5]).mean
    #expect(mean.value == -3)
    // s² = (4 + 1 + 1 + 4) / 3
    #expect(abs(mean.standardError - (10.0 / 3 / 4).squareRoot()) < 1e-15)
    #expect("\(Estimate(value: 1.14382, standardError: 0.02251))" == "1.1438 ± 0.0225")
    #expect(Estimate(meanOf: [2]).standardError.isNaN)
    #expect(Estimate(meanOf: []).value.isNaN)
    #expect(LogLikelihood(rows: [0, -.infinity]).mean.value == -.infinity)
  }

  @Test("count a row of weight 2 as two and one of weight 0 as none")
  func weights() {
    let plain = LogLikelihood(rows: [-1, -2, -2]).mean
    let weighted = LogLikelihood(rows: [-1, -2, .nan], weights: [1, 2, 0]).mean
    #expect(abs(weighted.value - plain.value) < 1e-15)
    let doubled = LogLikelihood(rows: [-1, -2, -4, -5], weights: [2, 2, 2, 2]).mean
    let single = LogLikelihood(rows: [-1, -2, -4, -5]).mean
    #expect(abs(doubled.standardError - single.standardError) < 1e-15)
  }

  @Test("cover the truth as often as they say")
  func coverage() {
    var generator = PhiloxGenerator(seed: 70)
    let truth = Gaussian<Double>(dimension: 1)
    let other = Laplace<Double>(dimension: 1)
    // −½ log 2π − ½, and the difference to a Laplace density: E|x| + log 2 less that.
    let entropy = 0.5 * Foundation.log(2 * .pi) + 0.5
    let gap = (2 / Double.pi).squareRoot() + Foundation.log(2) - entropy
    var (covered, paired) = (0, 0)
    let rounds = 400
    for _ in 0..<rounds {
      let x = truth.sample(200, using: &generator)
      let (a, b) = (truth.logLikelihood(of: x), other.logLikelihood(of: x))
      if abs(a.mean.value + entropy) < 1.96 * a.mean.standardError { covered += 1 }
      let difference = a.difference(from: b)
      if abs(difference.value - gap) < 1.96 * difference.standardError { paired += 1 }
      #expect(difference.standardError < a.mean.standardError)
    }
    // 95 % of 400 is 380, give or take 4.4.
    #expect((363...397).contains(covered), "\(covered)")
    #expect((363...397).contains(paired), "\(paired)")
  }

  @Test("of a fit come with each row that was held out")
  func report() throws {
    let data = GaussianRows(500, seed: 71).rows
    var flow = smallFlow()
    let report = try flow.fit(
      data,
      options: FitOptions {
        $0.steps = 60
        $0.validationInterval = 20
      })
    let held = try #require(report.validationLogLikelihood)
    #expect(report.heldOutRows.count == 50)
    #expect(held == flow.logLikelihood(of: data.rows(report.heldOutRows)))
    #expect(held.mean.value == -(try #require(report.bestValidationLoss)))
    let best = try #require(report.validationCurve.first { $0.step == report.bestStep })
    #expect(held.mean.standardError == best.standardError)
    #expect(report.trainingCurve.count == 3)
    #expect(throws: Never.self) { try JSONEncoder().encode(report) }
    #expect(report.trainingCurve.allSatisfy { (0...1).contains($0.standardError ?? -1) })
    // Another fit on the same split is compared row by row.
    var other = smallFlow(99)
    let second = try other.fit(data, options: FitOptions { $0.steps = 60 })
    #expect(second.heldOutRows == report.heldOutRows)
    let difference = held.difference(from: try #require(second.validationLogLikelihood))
    #expect(difference.standardError < held.mean.standardError)
  }
}
