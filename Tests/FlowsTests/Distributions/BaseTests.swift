import FlowChecks
import Foundation
import Testing

@testable import Flows

/// A base density with its closed forms in one column.
struct BaseRow: Sendable, CustomTestStringConvertible {
  let name: String
  let make: @Sendable (Tensor<Double>, Tensor<Double>, Bool) -> any Distribution<Double>
  /// log f(z) of the standard density, its derivative, and its distribution function.
  let logDensity: @Sendable (Double) -> Double
  let slope: @Sendable (Double) -> Double
  let distribution: @Sendable (Double) -> Double

  var testDescription: String { name }

  static let all = [
    BaseRow(
      name: "Gaussian", make: { Gaussian(location: $0, scale: $1, isLearnable: $2) },
      logDensity: { -0.5 * $0 * $0 - 0.918_938_533_204_672_7 }, slope: { -$0 },
      distribution: { 0.5 * erfc(-$0 / 2.0.squareRoot()) }),
    BaseRow(
      name: "Laplace", make: { Laplace(location: $0, scale: $1, isLearnable: $2) },
      logDensity: { -Swift.abs($0) - Foundation.log(2.0) }, slope: { $0 > 0 ? -1 : 1 },
      distribution: { $0 < 0 ? 0.5 * Foundation.exp($0) : 1 - 0.5 * Foundation.exp(-$0) }),
  ]
}

@Suite("Bases")
struct BaseTests {
  private let location = [0.5, -2.0, 300.0]
  private let scale = [1.0, 0.01, 40.0]

  private func base(_ row: BaseRow, isLearnable: Bool = false) -> any Distribution<Double> {
    row.make(Tensor(location), Tensor(scale), isLearnable)
  }

  /// Rows whose columns lie between −6 and 6 scales from the location.
  private var rows: [[Double]] {
    (0..<25).map { row in
      (0..<3).map { column in
        let place = Double((row * 7 + column * 5) % 25) / 2 - 5.98
        return location[column] + scale[column] * place
      }
    }
  }

  @Test("have the closed form of their log-density", arguments: BaseRow.all)
  func logDensities(row: BaseRow) {
    let expected = rows.map { x in
      var total = 0.0
      for column in 0..<3 {
        let z = (x[column] - location[column]) / scale[column]
        total += row.logDensity(z) - Foundation.log(scale[column])
      }
      return total
    }
    for set in InstructionSet.available {
      InstructionSet.with(set) {
        let found = base(row).logDensity(of: Tensor(rows))
        let problem = deviation(
          "\(row.name), \(set)", found: found.scalars, expected: expected, tolerance: 1e-12)
        #expect(problem == nil)
      }
    }
  }

  @Test("have known values")
  func knownValues() {
    let origin = Tensor<Double>([[0, 0]])
    #expect(
      Swift.abs(Gaussian(dimension: 2).logDensity(of: origin).scalar + 1.837_877_066_409_345_3)
        < 1e-15)
    #expect(
      Swift.abs(Laplace(dimension: 2).logDensity(of: origin).scalar + 1.386_294_361_119_890_6)
        < 1e-15)
    let narrow = Gaussian<Float>(location: Tensor([0]), scale: Tensor([1e-4]))
    #expect(Swift.abs(narrow.logDensity(of: Tensor([[0]])).scalar - 8.291_402) < 1e-5)
  }

  @Test("stay finite far out, in value and gradient", arguments: BaseRow.all)
  func extremes(row: BaseRow) {
    let base = row.make(.zeros([1]), .ones([1]), true)
    let x = Tensor<Double>([[1e4], [-1e4], [1e100]])
    #expect(base.logDensity(of: x).isFinite)
    #expect(gradient(at: x) { base.logDensity(of: $0).sum() }.isFinite)
  }

  @Test("have the closed form of their gradients", arguments: BaseRow.all)
  func gradients(row: BaseRow) throws {
    let model = NormalizingFlow(
      base: base(row, isLearnable: true), flow: Composition(dimension: 3))
    let x = Tensor<Double>(rows)
    let z: [[Double]] = rows.map { x in (0..<3).map { (x[$0] - location[$0]) / scale[$0] } }
    let byX = gradient(at: x) { model.logDensity(of: $0).sum() }
    let expectedByX: [Double] = z.flatMap { z in (0..<3).map { row.slope(z[$0]) / scale[$0] } }
    #expect(
      deviation("by x", found: byX.scalars, expected: expectedByX, tolerance: 1e-11) == nil)

    let trained = TrainedTensors(gradient(at: model) { $0.logDensity(of: x).sum() })
    #expect(trained.names == ["base.location", "base.logScale"])
    let byLocation: [Double] = (0..<3).map { d in
      z.reduce(0) { $0 - row.slope($1[d]) / scale[d] }
    }
    let byLogScale: [Double] = (0..<3).map { d in
      z.reduce(0) { $0 - row.slope($1[d]) * $1[d] - 1 }
    }
    #expect(
      deviation(
        "by location", found: try #require(trained.tensors.first).scalars, expected: byLocation,
        tolerance: 1e-11) == nil)
    #expect(
      deviation(
        "by log-scale", found: try #require(trained.tensors.last).scalars, expected: byLogScale,
        tolerance: 1e-11) == nil)
  }

  @Test("are trained only where they say so", arguments: BaseRow.all)
  func learnable(row: BaseRow) {
    #expect(base(row, isLearnable: true).parameterCount == 6)
    #expect(base(row).parameterCount == 0)
    #expect(base(row).namedTensors.map(\.name) == ["location", "logScale"])
  }

  @Test("draw from the density that they state", arguments: BaseRow.all)
  func draws(row: BaseRow) {
    let base = base(row)
    var generator = PhiloxGenerator(seed: 11)
    let (draws, logDensity) = base.sampleWithLogDensity(5_000, using: &generator)
    #expect(draws.shape == [5_000, 3])
    #expect(logDensity == base.logDensity(of: draws))
    for column in 0..<3 {
      let p = kolmogorovSmirnov(draws.columns([column]).scalars) {
        row.distribution(($0 - location[column]) / scale[column])
      }
      #expect(p > 0.001, "\(row.name), column \(column): p = \(p)")
      let wrong = kolmogorovSmirnov(draws.columns([column]).scalars) {
        row.distribution(($0 - location[column]) / (1.2 * scale[column]))
      }
      #expect(wrong < 0.001, "the test sees no error of 20 % in the scale: p = \(wrong)")
    }
    let next = base.sample(5_000, using: &generator)
    var again = PhiloxGenerator(seed: 11)
    #expect(next != draws)
    #expect(base.sample(5_000, using: &again) == draws)
  }

  @Test("let derivatives flow through draws", arguments: BaseRow.all)
  func reparameterized(row: BaseRow) {
    let model = NormalizingFlow(
      base: base(row, isLearnable: true), flow: Composition(dimension: 3))
    let trained = TrainedTensors(
      gradient(at: model) { model in
        var generator = PhiloxGenerator(seed: 12)
        return model.sampleWithLogDensity(100, using: &generator).samples.mean(axis: 0).sum()
      })
    #expect(
      deviation(
        "by location", found: trained.tensors.first?.scalars ?? [], expected: [1, 1, 1],
        tolerance: 1e-12) == nil)
  }
}
