import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Ranks and coverage")
struct CoverageTests {
  @Test("of a density's own draws are uniform")
  func ownDraws() throws {
    try check(Double.self, seed: 151)
    try check(Float.self, seed: 152)
  }

  private func check<S: TensorScalar>(_ type: S.Type, seed: UInt64) throws {
    var generator = PhiloxGenerator(seed: seed)
    let density = Mixture<S>([
      Gaussian(location: Tensor([2, 0, 1]), scale: Tensor([1, 2, 0.1])), Laplace(dimension: 3),
    ])
    let rows = density.sample(1_500, using: &generator)
    let found = try density.coverage(of: rows, draws: 6_000, using: &generator)
    #expect(found.uniformity.pValue > 1e-4 && abs(found.uniformity.count - 1_200) < 1e-9)
    #expect(isNear(found.bias, 0))
    #expect(found.levels.map(\.probability) == [0.5, 0.8, 0.95])
    for level in found.levels { #expect(isNear(level.coverage, level.probability)) }
    let columns = density.columnRanks(of: rows, draws: 6_000, using: &generator)
    #expect(columns.shape == [1_500, 3])
    for column in 0..<3 {
      #expect(
        UniformityTest(columns.columns([column]).scalars, effectiveCount: 1_200).pValue > 1e-4)
    }
  }

  @Test("show a density that is too narrow, and one that is too wide")
  func wrongDensities() throws {
    var generator = PhiloxGenerator(seed: 153)
    let truth = Gaussian<Double>(dimension: 2)
    let rows = truth.sample(1_000, using: &generator)
    let narrow = Gaussian<Double>(location: Tensor([0, 0]), scale: Tensor([0.8, 0.8]))
    let found = try narrow.coverage(of: rows, levels: [0.9], draws: 10_000, using: &generator)
    // The region at 0.9 holds 1 − 0.1^0.64 of the truth.
    #expect(isNear(found.levels[0].coverage, 1 - pow(0.1, 0.64), errors: 5))
    #expect(found.uniformity.pValue < 1e-6 && found.bias.value > 0.05)
    let wide = Gaussian<Double>(location: Tensor([0, 0]), scale: Tensor([1.3, 1.3]))
    let other = try wide.coverage(of: rows, using: &generator)
    #expect(other.uniformity.pValue < 1e-6 && other.bias.value < -0.05)
    let moved = Gaussian<Double>(location: Tensor([0.5, 0]), scale: Tensor([1, 1]))
    let ranks = moved.columnRanks(of: rows, draws: 10_000, using: &generator)
    #expect(UniformityTest(ranks.columns([0]).scalars).pValue < 1e-6)
    #expect(UniformityTest(ranks.columns([1]).scalars).pValue > 1e-4)
  }

  @Test("of conditional densities take draws for each row")
  func context() throws {
    var generator = PhiloxGenerator(seed: 154)
    let density = LinearGaussian<Double>(slopes: [3, -1], deviation: 0.2)
    let context = Tensor<Double>.normal([800, 1], using: &generator)
    let rows = density.sample(800, context: context, using: &generator)
    let found = try density.coverage(of: rows, context: context, draws: 200, using: &generator)
    #expect(found.uniformity.pValue > 1e-4 && found.uniformity.count == 800)
    for level in found.levels { #expect(isNear(level.coverage, level.probability)) }
    let swapped = context.rows(Array((0..<800).reversed()))
    let wrong = try density.coverage(of: rows, context: swapped, draws: 200, using: &generator)
    #expect(wrong.levels[2].coverage.value < 0.5 && wrong.uniformity.pValue < 1e-6)
  }

  @Test("of one column are those of its distribution function")
  func integralTransform() throws {
    var generator = PhiloxGenerator(seed: 155)
    let density = Opaque(StudentT<Double>(dimension: 1, degreesOfFreedom: 1.5))
    let rows = density.sample(2_000, using: &generator)
    #expect(UniformityTest(try density.probabilityIntegralTransform(of: rows)).pValue > 1e-4)
    let conditional = LinearGaussian<Float>(slopes: [2], deviation: 0.3)
    let context = Tensor<Float>.normal([60, 1], using: &generator)
    let y = conditional.sample(60, context: context, using: &generator)
    let values = try conditional.probabilityIntegralTransform(of: y, context: context)
    let expected = zip(y.scalars, context.scalars).map {
      normalProbability((Double($0) - 2 * Double($1)) / 0.3)
    }
    #expect(deviation("PIT", found: values, expected: expected, tolerance: 2e-5) == nil)
  }

  @Test("of ties are spread evenly")
  func ties() {
    var generator = PhiloxGenerator(seed: 156)
    let flat = Uniform<Double>(dimension: 2)
    let ranks = flat.densityRanks(of: flat.sample(2_000, using: &generator), using: &generator)
    #expect(UniformityTest(ranks).pValue > 1e-4)
    #expect(flat.densityRanks(of: Tensor([[5, 5]]), using: &generator)[0] > 0.99)
  }

  @Test("the test of uniformity has the right size")
  func uniformity() {
    var generator = PhiloxGenerator(seed: 157)
    let values = (0..<400).map { _ in
      UniformityTest(Tensor<Double>.uniform([50], using: &generator).scalars).pValue
    }
    // Its own p-values are uniform, but for the correction of the limit.
    #expect(abs(Double(values.count { $0 < 0.1 }) / 400 - 0.1) < 0.06)
    let grid = UniformityTest((0..<100).map { (Double($0) + 0.5) / 100 })
    #expect(abs(grid.distance - 0.005) < 1e-12 && grid.pValue == 1)
    #expect(UniformityTest([0.1, 0.1, 0.1, 0.1, 0.1, 0.1]).pValue < 1e-3)
  }
}
