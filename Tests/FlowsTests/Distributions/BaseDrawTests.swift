import FlowChecks
import Testing

@testable import Flows

@Suite("Draws of bases")
struct BaseDrawTests {
  /// The bases whose distribution function is known in closed form.
  static let cases = BaseTable.rows.filter { $0.fresh.base.columnwise != nil }

  @Test("follow the distribution function of every column", arguments: cases)
  func distribution(_ row: DensityCase) throws {
    let density = try #require(row.fresh.base.columnwise)
    var generator = PhiloxGenerator(seed: 91)
    let draws = density.sample(20_000, context: nil, using: &generator)
    let levels = density.cumulativeProbability(of: draws)
    for column in 0..<density.dimension {
      let p = kolmogorovSmirnov(levels.columns([column]).scalars) { $0 }
      // Some 40 columns are tested: by chance one falls below this in 250 changes of the seed.
      #expect(p > 1e-4, "column \(column): p = \(p)")
    }
  }

  @Test("of another scale are told apart")
  func power() {
    var generator = PhiloxGenerator(seed: 92)
    let density = Logistic<Double>(dimension: 1)
    let draws = density.sample(20_000, using: &generator) * 1.1
    let levels = density.cumulativeProbability(of: draws)
    #expect(kolmogorovSmirnov(levels.scalars) { $0 } < 1e-4)
  }
}
