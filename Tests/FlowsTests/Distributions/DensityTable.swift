import FlowChecks
import Testing

@testable import Flows

/// Every density; a new line here gets every check of ``FlowCheck/allForDensities``.
enum DensityTable {
  static let types = StorableTypes(
    bases: [TestDensity<Double>.self], floatBases: [TestDensity<Float>.self])

  static let rows: [DensityCase] =
    BaseTable.rows + [
      DensityCase("flow of two columns", noise: 0.25) {
        NormalizingFlow.realNVP(dimension: 2, layers: 4, hidden: [16], using: &$0)
      },
      DensityCase("flow with context and units") { generator in
        var flow = NormalizingFlow<Double>.realNVP(
          dimension: 3, contextDimension: 2, layers: 2, hidden: [16],
          base: Laplace(dimension: 3, isLearnable: true), using: &generator)
        flow.standardization = Standardization(
          scale: Tensor([2, 0.1, 5]), shift: Tensor([1, -1, 7]))
        flow.contextStandardization = Standardization(
          scale: Tensor([2, 0.5]), shift: Tensor([1, -1]))
        return flow
      },
      DensityCase("flow onto a support, with units", noise: 0.25) { generator in
        var flow = NormalizingFlow<Double>.realNVP(
          dimension: 2, layers: 2, hidden: [16], using: &generator)
        flow.flow.flows.append(SupportMap([.positive, .interval(-1, 2)]))
        flow.standardization = Standardization(
          scale: Tensor([0.7, 1.4]), shift: Tensor([0.3, -0.2]))
        return flow
      },
      DensityCase("circular splines, D 1", noise: 0.25, nodes: 640) {
        NormalizingFlow.circularSpline(dimension: 1, layers: 2, hidden: [8], bins: 4, using: &$0)
      },
      DensityCase("circular splines, D 2, context 1", noise: 0.25, nodes: 640) {
        NormalizingFlow.circularSpline(
          dimension: 2, contextDimension: 1, layers: 2, hidden: [8], bins: 4, using: &$0)
      },
      DensityCase("circular splines of an angle and a number", noise: 0.25, nodes: 640) {
        NormalizingFlow.circularSpline(
          angles: [true, false], layers: 3, hidden: [8], bins: 4, using: &$0)
      },
      DensityCase("closed splines, D 2", noise: 0.25, nodes: 640) { generator in
        let spline = RationalQuadraticSpline(bins: 4, interval: 0...1, tails: .closed)
        return NormalizingFlow<Double>(base: Uniform(dimension: 2)) {
          for index in 0..<2 {
            Coupling<Double>(
              dimension: 2, mask: .alternating(index), transform: .spline(spline), hidden: [8],
              using: &generator)
          }
        }
      },
      DensityCase("residual density, D 1") { _ in
        ResidualDensity(
          base: Laplace<Double>(dimension: 1, isLearnable: true),
          shape: Gaussian(location: Tensor([0.8]), scale: Tensor([0.7]), isLearnable: true))
      },
      DensityCase("residual density of a flow, D 2", noise: 0.25) { generator in
        ResidualDensity(
          base: Laplace<Double>(dimension: 2),
          shape: NormalizingFlow.realNVP(
            dimension: 2, layers: 2, hidden: [8], activation: .tanh, using: &generator))
      },
    ]
    + [2, 5].map { dimension in
      DensityCase("correlated columns, D \(dimension)", noise: 0) { generator in
        var coupling = AdditiveCoupling<Double>(
          dimension: dimension, mask: .alternating(0), hidden: [], using: &generator)
        coupling.shiftNetwork.layers[0].weight = Tensor(
          repeating: 1.5, shape: coupling.shiftNetwork.layers[0].weight.shape)
        return NormalizingFlow(
          base: Gaussian<Double>(dimension: dimension),
          flow: Composition(dimension: dimension, [coupling]))
      }
    }
    + TestDensity<Double>.Family.allCases.flatMap { family in
      [1, 2, 3].map { dimension in
        DensityCase("a user's \(family), D \(dimension)", types: types) { _ in
          TestDensity(family, dimension: dimension)
        }
      }
    }
}

@Suite("Every density")
struct DensityTableTests {
  @Test(
    "passes every check on every instruction set", arguments: DensityTable.rows,
    FlowCheck.allForDensities)
  func check(_ row: DensityCase, _ check: FlowCheck) {
    let report = row.report([check])
    #expect(report.problems.isEmpty && report.skipped.isEmpty, "\(report)")
  }

  @Test("has a name of its own in the table")
  func names() {
    #expect(Set(DensityTable.rows.map(\.name)).count == DensityTable.rows.count)
  }
}

/// Standard Gaussian draws with the density of a Gaussian of another scale.
private struct OtherScale: Distribution {
  typealias Scalar = Double
  let density: Gaussian<Double>
  var dimension: Int { density.dimension }

  func logDensity(of x: Tensor<Double>, context: Tensor<Double>?) -> Tensor<Double> {
    density.logDensity(of: x, context: nil)
  }
  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Double>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Double>, logDensity: Tensor<Double>) {
    let samples = Tensor<Double>.normal([count, dimension], using: &generator)
    return (samples, logDensity(of: samples, context: nil))
  }
  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}

@Suite("Power of the checks of densities")
struct DensityCheckPowerTests {
  private func isCaught(
    _ fault: TestDensity<Double>.Fault, by check: FlowCheck,
    _ family: TestDensity<Double>.Family = .cauchy, dimension: Int = 1
  ) -> Bool {
    let row = DensityCase("\(fault)", types: DensityTable.types) { _ in
      TestDensity(family, dimension: dimension, logScale: 0.3, fault: fault)
    }
    return !row.report([check]).problems.isEmpty
  }

  @Test(
    "a density that is not normalised is caught", arguments: TestDensity<Double>.Family.allCases)
  func unnormalized(_ family: TestDensity<Double>.Family) {
    #expect(isCaught(.unnormalized, by: .integral, family))
    #expect(isCaught(.unnormalized, by: .integral, family, dimension: 2))
    #expect(isCaught(.unnormalized, by: .distributionFunction, family))
  }

  @Test(
    "draws that are too wide are caught",
    arguments: [TestDensity<Double>.Family.cauchy, .laplace, .weibull], [1, 2, 3])
  func draws(_ family: TestDensity<Double>.Family, dimension: Int) {
    #expect(isCaught(.wideDraws, by: .samples, family, dimension: dimension))
  }

  @Test(
    "a wrong bound is caught", arguments: [TestDensity<Double>.Family.cauchy, .laplace], [1, 3])
  func bound(_ family: TestDensity<Double>.Family, dimension: Int) {
    #expect(isCaught(.lowBound, by: .bound, family, dimension: dimension))
  }

  @Test("other faults are caught")
  func others() {
    #expect(isCaught(.otherDistribution, by: .distributionFunction))
    #expect(isCaught(.otherDrawDensity, by: .sampleDensities, dimension: 3))
    #expect(isCaught(.wrongSupport, by: .extremes))
    #expect(isCaught(.lostState, by: .files))
  }

  @Test("a density of quite another width is caught", arguments: [1, 2], [1e-3, 0.9, 1.1, 1e3])
  func width(dimension: Int, scale: Double) {
    let row = DensityCase("other scale") { _ in
      OtherScale(
        density: Gaussian(
          location: .zeros([dimension]), scale: Tensor(repeating: scale, shape: [dimension])))
    }
    #expect(!row.report([.samples]).problems.isEmpty)
    #expect(goodnessOfFit(counts: [50, 50], masses: [0.5, .nan], total: 100) == 0)
    #expect(goodnessOfFit(counts: [45, 53], masses: [0.5, 0.48], total: 100) > 0.1)
  }

  @Test("a quadrature of few nodes still is one")
  func fewNodes() {
    let row = DensityCase("few nodes", nodes: 77) { _ in Gaussian<Double>(dimension: 2) }
    #expect(row.report([.integral]).problems.isEmpty)
  }
}
