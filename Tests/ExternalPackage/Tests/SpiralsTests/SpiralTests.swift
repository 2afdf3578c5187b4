import FlowChecks
import Flows
import Foundation
import Spirals
import Testing

@Suite("A flow of another package")
struct SpiralTests {
  private static let types = StorableTypes(
    flows: [Spiral<Double>.self], floatFlows: [Spiral<Float>.self])

  private static let cases = [
    FlowCase("spiral", types: types) { _ in Spiral<Double>(twist: 2.5, logScale: 0.3) },
    FlowCase("spiral with context", types: types) { _ in
      Spiral<Double>(twist: 1, contextDimension: 2)
    },
    FlowCase("spirals around a coupling", types: types) { generator in
      Composition(
        dimension: 2,
        [
          Spiral<Double>(twist: 1),
          AffineCoupling<Double>(
            dimension: 2, mask: .alternating(0), hidden: [8], using: &generator),
          Spiral<Double>(twist: -2).inverted,
        ])
    },
  ]

  @Test("passes the table of checks", arguments: cases)
  func checks(_ flow: FlowCase) {
    let report = flow.report()
    #expect(report.problems.isEmpty, "\(report)")
    #expect(report.skipped.isEmpty, "\(report)")
  }

  @Test("is a density that passes the checks of densities")
  func density() {
    let report = DensityCase("spiral density", types: Self.types) { _ in
      NormalizingFlow(base: Gaussian<Double>(dimension: 2)) { Spiral<Double>(twist: 2) }
    }.report()
    #expect(report.problems.isEmpty, "\(report)")
    #expect(report.skipped.isEmpty, "\(report)")
  }

  @Test("is fitted on tiles, the same for any number of threads, stored and loaded by identifier")
  func fitted() throws {
    var generator = PhiloxGenerator(seed: 1)
    let context = Tensor<Float>.normal([4_000, 1], using: &generator)
    var truth = model(twist: 2, logScale: 0.5)
    var spiral = Spiral<Float>(twist: 2, logScale: 0.5, contextDimension: 1)
    spiral.weights = Tensor([0.7])
    truth.flow.flows = [spiral]
    let data = truth.sample(4_000, context: context, using: &generator)

    func fitted(threads: Int) throws -> (flow: NormalizingFlow<Float>, report: FitReport) {
      var flow = model(twist: 0.5, logScale: 0)
      let options = FitOptions {
        $0.steps = 600
        $0.learningRate = .cosine(3e-2)
        $0.standardizes = false
        $0.threads = threads
      }
      let report = try flow.fit(data, context: context, options: options)
      return (flow, report)
    }
    let (flow, report) = try fitted(threads: 2)
    #expect(report.stopReason == .finished || report.stopReason == .earlyStopping)
    let found = try #require(flow.flow.flows[0] as? Spiral<Float>)
    #expect(abs(found.twist.scalar - 2) < 0.2)
    #expect(abs(found.logScale.scalar - 0.5) < 0.05)
    #expect(abs(found.weights.scalar - 0.7) < 0.1)
    let again = try fitted(threads: 1).flow
    #expect(again.namedTensors.map(\.tensor) == flow.namedTensors.map(\.tensor))

    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("spiral-\(UUID().uuidString).safetensors").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try flow.save(to: path)
    let loaded = try NormalizingFlow<Float>.load(from: path, types: [Spiral<Float>.self])
    #expect(
      loaded.logDensity(of: data, context: context) == flow.logDensity(of: data, context: context))
    #expect(throws: FlowsError.self) { try NormalizingFlow<Float>.load(from: path) }
  }

  private func model(twist: Float, logScale: Float) -> NormalizingFlow<Float> {
    NormalizingFlow(base: Laplace<Float>(location: Tensor([2, 0]), scale: Tensor([0.5, 0.5]))) {
      Spiral(twist: twist, logScale: logScale, contextDimension: 1)
    }
  }
}

/// A flow that is not generic and that no file holds.
private struct Stretch: Flow {
  typealias Scalar = Double

  var logFactors = Tensor<Double>([0.2, -0.4, 0.1])
  var dimension: Int { 3 }

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(
      value: z * exp(logFactors), logDet: logFactors.sum().broadcast(to: [z.shape[0]]))
  }

  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(
      value: x * exp(-logFactors), logDet: (-logFactors).sum().broadcast(to: [x.shape[0]]))
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {
    visitor.visit("logFactors", &logFactors)
  }
}

@Suite("A flow without generics")
struct StretchTests {
  @Test("passes what can be checked without files")
  func checks() {
    let report = FlowCase("stretch") { _ in Stretch() }.report()
    #expect(report.problems.isEmpty, "\(report)")
    #expect(report.skipped.count == 4, "\(report)")
  }
}
