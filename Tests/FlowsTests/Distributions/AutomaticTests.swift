import Foundation
import Testing

@testable import Flows

@Suite("Automatic choice")
struct AutomaticTests {
  private func rows(_ count: Int, _ columns: Int, seed: UInt64 = 1) -> Tensor<Float> {
    var generator = PhiloxGenerator(seed: seed)
    return .normal([count, columns], using: &generator)
  }

  private func choice(
    _ data: Tensor<Float>, support: [Support]? = nil, names: [String]? = nil
  ) throws -> AutomaticChoice<Float> {
    var generator = PhiloxGenerator(seed: 2)
    return try NormalizingFlow.automatic(
      for: data, support: support, names: names, using: &generator)
  }

  private func recommendation(_ data: Tensor<Float>, _ support: [Support]? = nil)
    -> FlowRecommendation
  {
    FlowRecommendation(TableReport(inspecting: data), contextDimension: 0, declared: support)
  }

  @Test("follows columns and rows")
  func kinds() {
    #expect(recommendation(rows(100, 1)).kind == .elementwise)
    #expect(recommendation(rows(100, 2)).kind == .coupling)
    #expect(recommendation(rows(100, 6)).kind == .autoregressive)
    #expect(recommendation(rows(100, 100)).kind == .coupling)
    #expect(recommendation(rows(100, 2), [.circle, .real]).kind == .circular)
    let (few, many) = (recommendation(rows(500, 3)), recommendation(rows(30_000, 3)))
    #expect(few.hidden[0] < many.hidden[0] && few.layers < many.layers)
    #expect(few.fitOptions.validationFraction > many.fitOptions.validationFraction)
    if case .adamW = few.fitOptions.optimizer {} else { Issue.record("no weight decay") }
    #expect(recommendation(rows(60, 6)).reasons.contains { $0.contains("MultivariateGaussian") })
  }

  @Test("puts a map onto the support that the table suggests, or that is declared")
  func support() throws {
    let z = rows(3_000, 2)
    let data = Tensor<Float>.concatenated(
      [exp(z.columns([0])), sigmoid(z.columns([1]) * 2)], axis: 1)
    let found = try choice(data, names: ["income", "share"])
    #expect(found.flow.support == [.positive, .interval(0, 1)])
    #expect(
      found.reasons[0]
        == "column 1 \"income\" is positive, and within 2.5 standard deviations of 0: a support map "
        + "keeps draws in (0, ∞), and rows outside of it have density zero")
    #expect(try choice(data, support: [.real, .real]).flow.support == [.real, .real])
    #expect(
      errorText { try choice(data, support: [.real, .interval(0, 0.5)]) }
        .contains("expected a number in [0.0, 0.5]"))
    #expect(
      errorText { try choice(data, support: [.real]) }
        == "\"support\": expected a support for each of 2 columns, got 1")
  }

  @Test("makes flows that train")
  func trains() throws {
    for columns in [1, 2, 4] {
      let data = exp(rows(600, columns) * 0.5)
      let choice = try choice(data)
      var flow = choice.flow
      var options = choice.fitOptions
      options.steps = 60
      let report = try flow.fit(data, options: options)
      let curve = report.validationCurve
      #expect(report.skippedSteps == 0 && !curve.isEmpty)
      #expect(flow.logDensity(of: data).isFinite)
    }
  }

  @Test("refuses tables without a density, and repeats what the report warns of")
  func warnings() throws {
    let data = rows(500, 1)
    let doubled = Tensor<Float>.concatenated([data, data * 2], axis: 1)
    #expect(errorText { try choice(doubled) }.contains("column 2 is 2 times column 1"))
    var constant = rows(500, 2)
    constant.withMutableScalars { for row in 0..<500 { $0[2 * row + 1] = 3 } }
    #expect(errorKind { try choice(constant) } == .invalidData)
    var mass = rows(500, 2)
    mass.withMutableScalars { for row in 0..<200 { $0[2 * row] = 0 } }
    let found = try choice(mass)
    #expect(found.reasons.contains { $0.hasPrefix("column 1 takes the value 0 in 40 % of rows") })
    #expect(found.description.hasPrefix("* "))
  }
}
