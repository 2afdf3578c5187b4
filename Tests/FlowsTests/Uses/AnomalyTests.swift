import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Anomalies")
struct AnomalyTests {
  @Test("have a threshold of the exact rank")
  func rank() throws {
    let scores = (1...99).map { Double($0) }
    let threshold = try AnomalyThreshold(heldOutScores: scores.shuffled(), falseAlarmRate: 0.05)
    #expect(threshold.rank == 95 && threshold.score == 95)
    #expect(abs(threshold.expectedFalseAlarmRate - 0.05) < 1e-15)
    // SciPy: beta.ppf([0.025, 0.975], 5, 95).
    let interval = threshold.falseAlarmInterval()
    #expect(abs(interval.lowerBound - 0.016_599_91) < 1e-7)
    #expect(abs(interval.upperBound - 0.100_227_91) < 1e-7)
    #expect(!threshold.isExceeded(by: 95) && threshold.isExceeded(by: 95.001))
    #expect(threshold.isExceeded(by: .infinity) && threshold.isExceeded(by: .nan))
    #expect(threshold.pValue(ofScore: 200) == 0.01 && threshold.pValue(ofScore: 0) == 1)
    #expect(threshold.pValue(ofScore: 99) == 0.02)
  }

  @Test("are reported by ordinary rows at the promised rate, for few held-out rows as well")
  func falseAlarms() throws {
    let density = Gaussian<Double>(dimension: 3)
    var generator = PhiloxGenerator(seed: 141)
    var alarms = 0
    for _ in 0..<400 {
      let detector = try AnomalyDetector(
        density, heldOut: density.sample(24, using: &generator), falseAlarmRate: 0.1)
      alarms += detector.isAnomalous(density.sample(50, using: &generator)).count { $0 }
    }
    // k = 23 of 24: 2/25 on average; the rate of one detector has a variance of Beta(2, 23).
    let variance = 0.08 * 0.92 / 26 / 400 + 0.08 * 0.92 / 20_000
    #expect(abs(Double(alarms) / 20_000 - 0.08) < 4.5 * variance.squareRoot())
  }

  @Test("are found, also by a conditional density")
  func detection() throws {
    let density = LinearGaussian<Float>(slopes: [1, 2], deviation: 0.1)
    var generator = PhiloxGenerator(seed: 142)
    let context = Tensor<Float>.normal([2_000, 1], using: &generator)
    let detector = try AnomalyDetector(
      density, heldOut: density.sample(2_000, context: context, using: &generator),
      context: context, falseAlarmRate: 0.001)
    let rows = Tensor<Float>([[1, 2], [1, 2], [.nan, 0]])
    let flags = detector.isAnomalous(rows, context: Tensor([[1], [-1], [1]]))
    #expect(flags == [false, true, true])
    let scores = detector.scores(of: rows, context: Tensor([[1], [-1], [1]]))
    // −log p at the mean: log 2π + 2 log σ.
    #expect(abs(scores[0] - (log(2 * Double.pi) + 2 * log(0.1))) < 1e-5)
    #expect(scores[2] == .infinity)
    #expect(detector.pValues(of: rows[rows: 1..<2], context: Tensor([[-1]])) == [1.0 / 2_001])
  }

  @Test("detectors are written and read in one piece")
  func coding() throws {
    var generator = PhiloxGenerator(seed: 143)
    let flow = NormalizingFlow<Float>.realNVP(
      dimension: 2, layers: 2, hidden: [4], using: &generator)
    let rows = flow.sample(200, using: &generator)
    let detector = try AnomalyDetector(flow, heldOut: rows, falseAlarmRate: 0.02)
    let data = try JSONEncoder().encode(detector)
    let copy = try JSONDecoder().decode(AnomalyDetector<NormalizingFlow<Float>>.self, from: data)
    #expect(copy.threshold == detector.threshold)
    #expect(copy.scores(of: rows) == detector.scores(of: rows))
    #expect(throws: DecodingError.self) {
      _ = try JSONDecoder().decode(AnomalyDetector<Gaussian<Float>>.self, from: data)
    }
    let infinite = try AnomalyThreshold(
      heldOutScores: Array(repeating: 1, count: 99) + [.infinity], falseAlarmRate: 0.05)
    let text = try JSONEncoder().encode(infinite)
    #expect(try JSONDecoder().decode(AnomalyThreshold.self, from: text) == infinite)
    let wrong = Data(#"{"falseAlarmRate": 0.01, "scores": [1, 2]}"#.utf8)
    #expect(throws: DecodingError.self) {
      _ = try JSONDecoder().decode(AnomalyThreshold.self, from: wrong)
    }
  }

  @Test("refuse what promises nothing")
  func refusals() {
    func message(_ scores: [Double], _ rate: Double) -> String {
      do {
        _ = try AnomalyThreshold(heldOutScores: scores, falseAlarmRate: rate)
        return "none"
      } catch { return "\(error)" }
    }
    #expect(message(Array(repeating: 0, count: 98), 0.01).contains("at least 99 held-out rows"))
    #expect(message(Array(repeating: 0, count: 99), 0.01) == "none")
    #expect(message([1, .nan], 0.5).contains("row 2"))
    #expect(message([1, 2], 1.5).contains("rate in (0, 1)"))
    #expect(
      message(Array(repeating: .infinity, count: 50) + Array(repeating: 0, count: 50), 0.1)
        .contains("50 of 100"))
  }
}
