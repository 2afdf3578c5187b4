import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Metrics of confidence")
struct ConfidenceMetricTests {
  struct Reference: Decodable {
    struct Pairs: Decodable {
      let x: [Double]
      let y: [Double]
      let coarseX: [Double]
      let coarseY: [Double]
      let pearson: Double
      let spearman: Double
      let coarsePearson: Double
      let coarseSpearman: Double
      let ranks: [Double]
    }
    struct Energy: Decodable {
      let samples: [[[[Double]]]]
      let label: [[[Double]]]
      let expected: [[Double]]
    }
    struct Reliability: Decodable {
      let confidence: [Double]
      let outcome: [Double]
      let error: Double
    }
    let correlation: Pairs
    let energy: Energy
    let reliability: Reliability
  }

  static let reference = Result {
    try MetricsFixture.decoded("metrics_expected.json", as: Reference.self)
  }

  @Test("correlations equal SciPy's, with ties too")
  func correlations() throws {
    let item = try Self.reference.get().correlation
    let pairs: [(Double?, Double)] = [
      (Correlation.pearson(item.x, item.y), item.pearson),
      (Correlation.spearman(item.x, item.y), item.spearman),
      (Correlation.pearson(item.coarseX, item.coarseY), item.coarsePearson),
      (Correlation.spearman(item.coarseX, item.coarseY), item.coarseSpearman),
    ]
    for (value, expected) in pairs { #expect(abs((value ?? .nan) - expected) < 1e-14) }
    #expect(Correlation.ranks(item.coarseX) == item.ranks)
  }

  @Test("correlations are defined or nil")
  func undefined() {
    #expect(Correlation.pearson([], []) == nil)
    #expect(Correlation.pearson([1], [2]) == nil)
    #expect(Correlation.pearson([0.1, 0.1, 0.1], [1, 2, 3]) == nil)
    #expect(Correlation.pearson([1, 2, .nan], [1, 2, 3]) == nil)
    #expect(Correlation.spearman([1, 2, .nan], [1, 2, 3]) == nil)
    #expect(Correlation.spearman([1, 2, .infinity], [1, 2, 3]) == 1)
    #expect(
      Correlation.pearson([1e300, 2e300], [1e-300, 2e-300]).map { abs($0 - 1) < 1e-12 } == true)
    #expect(Correlation.pearson([1, 2, 3], [3, 2, 1]).map { abs($0 + 1) < 1e-12 } == true)
  }

  @Test("reliability diagrams")
  func reliability() throws {
    let item = try Self.reference.get().reliability
    let diagram = try ReliabilityDiagram(confidences: item.confidence, outcomes: item.outcome)
    #expect(abs(diagram.expectedCalibrationError - item.error) < 1e-14)
    #expect(diagram.bins.reduce(0) { $0 + $1.count } == 200)
    #expect(diagram.maximumCalibrationError >= diagram.expectedCalibrationError)

    let border = try ReliabilityDiagram(
      confidences: [0, 0.5, 0.49, 1], outcomes: [0, 1, 0, 1], binning: .equalWidth(2))
    #expect(border.bins.map(\.count) == [2, 2] && border.bins.map(\.outcome) == [0, 1])
    let equal = try ReliabilityDiagram(
      confidences: [0.9, 0.1, 0.5, 0.7, 0.3], outcomes: [1, 0, 0, 1, 0], binning: .equalCount(2))
    #expect(equal.bins.map(\.count) == [2, 3])
    #expect(abs(equal.bins[0].confidence - 0.2) < 1e-15)
    let empty = try ReliabilityDiagram(confidences: [], outcomes: [])
    #expect(empty.bins.isEmpty && empty.expectedCalibrationError.isNaN)
    let error = #expect(throws: PoseError.self) {
      try ReliabilityDiagram(confidences: [0.5, 1.5], outcomes: [0, 1])
    }
    #expect(error?.path == "confidences[1]")
  }

  @Test("coverage at levels")
  func coverage() {
    let contents = JointTable(
      Tensor<Double>([[0.1, 0.5, 0.9], [0.3, 0.8, .nan]]),
      weights: Tensor<Double>([[1, 1, 1], [1, 1, 0]]))
    #expect(abs(contents.below(0.5).mean - 0.4) < 1e-15)
    #expect(abs(contents.within(0.5).mean - 0.6) < 1e-15)
    let diagram = ReliabilityDiagram(coverageOf: contents, at: [0.95, 0.5, 0.8])
    #expect(diagram.bins.map(\.confidence) == [0.5, 0.8, 0.95])
    #expect(diagram.bins.map(\.outcome) == [0.4, 0.6, 1])
    #expect(abs(diagram.expectedCalibrationError - 0.35 / 3) < 1e-15)
  }

  @Test("energy scores equal NumPy's")
  func energy() throws {
    let item = try Self.reference.get().energy
    let samples = Tensor(
      shape: [7, 2, 3, 2], scalars: item.samples.flatMap { Array($0.joined().joined()) })
    let table = try JointTable(energyScoresOf: samples, target: Tensor(poses: item.label))
    #expect(zip(table.values, item.expected.joined()).allSatisfy { abs($0 - $1) < 1e-14 })
  }

  @Test("the energy score is smallest for the true spread")
  func proper() throws {
    var generator = PhiloxGenerator(seed: 5)
    let target = Tensor<Double>.normal([400, 1, 2], using: &generator)
    let draws = Tensor<Double>.normal([40, 400, 1, 2], using: &generator)
    let means = try [0.4, 1, 2.5].map {
      try JointTable(energyScoresOf: draws * $0, target: target).mean
    }
    #expect(means[1] < means[0] && means[1] < means[2])
  }

  @Test("mean negative log-density of rows with a weight")
  func likelihood() {
    let table = JointTable(
      Tensor<Float>([[1, 2], [.infinity, 4]]), weights: Tensor<Float>([[1, 1], [0, 1]]))
    #expect(abs(table.estimate().value - 7.0 / 3) < 1e-14)
  }

  @Test("a bootstrap is the same for the same seed, and covers")
  func bootstrap() {
    var generator = PhiloxGenerator(seed: 6)
    let values = Tensor<Double>.normal([400], using: &generator).scalars
    let first = Bootstrap(replicates: 500, seed: 1).interval(meanOf: values)
    #expect(first == Bootstrap(replicates: 500, seed: 1).interval(meanOf: values))
    #expect(first != Bootstrap(replicates: 500, seed: 2).interval(meanOf: values))
    // The error of a mean of 400 standard normals is 0.05.
    #expect(abs(first.standardError - 0.05) < 0.008)
    #expect(abs(first.upper - first.lower - 2 * 1.96 * 0.05) < 0.03)
    #expect(first.lower < first.estimate && first.estimate < first.upper)

    let images = values.indices.map { $0 / 4 }
    let rows = Bootstrap(replicates: 500, seed: 1).interval(images: images) { rows in
      rows.reduce(0) { $0 + values[$1] } / Double(rows.count)
    }
    let sums = Bootstrap(replicates: 500, seed: 1).interval(meanOf: values, images: images)
    #expect(abs(rows.lower - sums.lower) < 1e-12 && abs(rows.upper - sums.upper) < 1e-12)
    let correlation = Bootstrap(replicates: 200).interval(images: [1, 1, 2]) { rows in
      Correlation.pearson(rows.map { values[$0] }, rows.map { Double($0) })
    }
    #expect(correlation.definedReplicates <= 200 && correlation.definedReplicates > 50)
    #expect(Bootstrap().interval(meanOf: []).estimate.isNaN)
  }
}
