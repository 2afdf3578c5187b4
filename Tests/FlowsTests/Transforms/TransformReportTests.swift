import Flows
import Testing

/// What users of other libraries reported of their transforms, tried here.
@Suite("Reports from users of other libraries: transforms")
struct TransformReportTests {
  private static let splines: [RationalQuadraticSpline] = [
    RationalQuadraticSpline(), RationalQuadraticSpline(tails: .learned),
    RationalQuadraticSpline(parametrization: .floored),
    RationalQuadraticSpline(parametrization: .flooredIdentity),
  ]

  /// Elementwise splines of random, steep parameters on rows from −8 to 8.
  private static func steep<S: TensorScalar>(
    _ spline: RationalQuadraticSpline, seed: UInt64, as type: S.Type
  ) -> Elementwise<S> {
    var generator = PhiloxGenerator(seed: seed)
    var flow = Elementwise<S>(dimension: 1, transform: .spline(spline), using: &generator)
    flow.parameters = Tensor<S>.normal(flow.parameters.shape, using: &generator).scaled(by: 6)
    return flow
  }

  private static func isFinite<S: TensorScalar>(_ tensor: Tensor<S>) -> Bool {
    tensor.scalars.allSatisfy { $0.isFinite }
  }

  private static func rows<S: TensorScalar>(_ values: [S]) -> Tensor<S> {
    Tensor(shape: [values.count, 1], scalars: values)
  }

  @Test(
    "nflows#87: the quadratic of a spline never has a negative discriminant that matters in Float",
    arguments: splines)
  func discriminant(_ spline: RationalQuadraticSpline) {
    for seed in 0..<40 as Range<UInt64> {
      let flow = Self.steep(spline, seed: seed, as: Float.self)
      let z = Self.rows((0...800).map { Float($0) / 50 - 8 })
      let x = flow.forward(z)
      #expect(Self.isFinite(x.value) && Self.isFinite(x.logDet))
      let increasing = zip(x.value.scalars, x.value.scalars.dropFirst()).allSatisfy { $0 <= $1 }
      #expect(increasing)
    }
  }

  @Test(
    "flowjax#239, bayesflow#721: no gradient beyond the interval is NaN", arguments: splines)
  func gradientsBeyondTheInterval(_ spline: RationalQuadraticSpline) {
    let flow = Self.steep(spline, seed: 1, as: Float.self)
    let x = Self.rows([-1e4, -100, -5.000001, -5, 5, 5.000001, 100, 1e4] as [Float])
    for toData in [false, true] {
      let (_, gradient) = valueAndGradient(at: flow) { flow in
        let y = toData ? flow.forward(x) : flow.inverse(x)
        return (y.value * 1e-4).sum() + y.logDet.sum()
      }
      #expect(Self.isFinite(gradient.parameters))
      let (_, gx) = valueAndGradient(at: x) { x in
        let y = toData ? flow.forward(x) : flow.inverse(x)
        return y.value.sum() + y.logDet.sum()
      }
      #expect(Self.isFinite(gx))
    }
  }

  @Test("pyro#3139: beyond the interval both directions of a spline are the identity")
  func identityBeyondTheInterval() {
    let flow = Self.steep(RationalQuadraticSpline(), seed: 2, as: Double.self)
    let x = Self.rows([-1e4, -7.25, -5.5, 5.5, 6.5, 1e4])
    #expect(flow.forward(x).value == x && flow.inverse(x).value == x)
    #expect(flow.forward(x).logDet == .zeros([6]) && flow.inverse(x).logDet == .zeros([6]))
  }

  @Test("nflows#23: a batch may lie in the tails as a whole, or within as a whole")
  func wholeBatchInTheTails() {
    let flow = Self.steep(RationalQuadraticSpline(tails: .learned), seed: 3, as: Double.self)
    for start in [6.0, -40, 0] {
      let x = Self.rows((0..<9).map { start + Double($0) / 4 })
      let back = flow.forward(flow.inverse(x).value).value
      for (a, b) in zip(back.scalars, x.scalars) { #expect(abs(a - b) < 1e-9) }
    }
  }

  @Test(
    "normflows#73, #47: 32 affine couplings of 19 columns stay finite, and so do their inverses")
  func deepAffineCouplings() {
    var generator = PhiloxGenerator(seed: 4)
    var flows: [any Flow<Float>] = []
    for index in 0..<32 {
      flows.append(
        Coupling<Float>(
          dimension: 19, mask: .alternating(index), transform: .affine(), hidden: [64],
          outputInitializer: .pyTorch, using: &generator))
    }
    let flow = Composition(dimension: 19, flows)
    let z = Tensor<Float>.normal([256, 19], using: &generator)
    let (x, latent) = (flow.forward(z), flow.inverse(z))
    #expect(Self.isFinite(x.value) && Self.isFinite(latent.value))
    #expect(Self.isFinite(x.logDet) && Self.isFinite(latent.logDet))
  }

  @Test("nflows#49: a default affine transform can stretch as well as it can shrink")
  func affineStretches() {
    var generator = PhiloxGenerator(seed: 5)
    var flow = Elementwise<Double>(dimension: 1, transform: .affine(), using: &generator)
    let one = Self.rows([1.0])
    flow.parameters = Tensor([1.5, 0])
    let stretched = flow.forward(one).value.scalars[0]
    flow.parameters = Tensor([-1.5, 0])
    let shrunk = flow.forward(one).value.scalars[0]
    #expect(stretched > 2 && abs(stretched * shrunk - 1) < 1e-12)
  }

  @Test("zuko#20: draws are finite where an equation is solved, however steep the map")
  func solvedDraws() {
    for transform in [ColumnTransform.logisticMixture(components: 8), .bernstein()] {
      var generator = PhiloxGenerator(seed: 6)
      var flow = Elementwise<Float>(dimension: 1, transform: transform, using: &generator)
      flow.parameters = Tensor<Float>.normal(flow.parameters.shape, using: &generator)
        .scaled(by: 8)
      let z = Self.rows((0...400).map { Float($0) / 10 - 20 })
      let x = flow.forward(z)
      #expect(Self.isFinite(x.value) && Self.isFinite(x.logDet))
    }
  }

  @Test(
    "normflows#58, #62, margarine#74, flowjax#147: one column and odd numbers of them keep their context",
    arguments: [1, 2, 3, 5, 7])
  func contextOfFewColumns(_ dimension: Int) {
    var generator = PhiloxGenerator(seed: 7)
    let flows: [NormalizingFlow<Double>] = [
      .maf(dimension: dimension, contextDimension: 1, layers: 2, hidden: [8], using: &generator),
      .neuralSpline(
        .autoregressive, dimension: dimension, contextDimension: 1, layers: 2, hidden: [8],
        using: &generator),
      .neuralSpline(
        .coupling, dimension: dimension, contextDimension: 1, layers: 2, hidden: [8],
        using: &generator),
    ]
    for var flow in flows {
      flow.perturb(by: 0.5, using: &generator)
      let x = Tensor<Double>.normal([4, dimension], using: &generator)
      let first = flow.logDensity(of: x, context: Tensor(repeating: 0.3, shape: [4, 1]))
      let second = flow.logDensity(of: x, context: Tensor(repeating: -1.2, shape: [4, 1]))
      for (a, b) in zip(first.scalars, second.scalars) { #expect(abs(a - b) > 1e-6) }
    }
  }
}

extension Parameterized {
  /// Adds noise to every trained tensor.
  fileprivate mutating func perturb(by size: Double, using generator: inout PhiloxGenerator) {
    var visitor = Perturbation<Scalar>(size: size, generator: generator)
    visitParameters(&visitor)
    generator = visitor.generator
  }
}

private struct Perturbation<Scalar: TensorScalar>: ParameterVisitor {
  let size: Double
  var generator: PhiloxGenerator

  mutating func visit(_ name: String, _ parameter: inout Tensor<Scalar>) {
    parameter =
      parameter + Tensor.normal(parameter.shape, using: &generator).scaled(by: Scalar(size))
  }
}
