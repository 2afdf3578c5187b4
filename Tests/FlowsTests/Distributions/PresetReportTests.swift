import Flows
import Testing

/// What users of other libraries reported of whole flows and their fits, tried here.
@Suite("Reports from users of other libraries: presets")
struct PresetReportTests {
  private static func presets(
    _ dimension: Int, context: Int = 0, seed: UInt64 = 1
  ) -> [(name: String, flow: NormalizingFlow<Double>)] {
    var g = PhiloxGenerator(seed: seed)
    let hidden = [8]
    return [
      (
        "realNVP",
        .realNVP(
          dimension: dimension, contextDimension: context, layers: 2, hidden: hidden, using: &g)
      ),
      (
        "nice",
        .nice(dimension: dimension, contextDimension: context, layers: 2, hidden: hidden, using: &g)
      ),
      (
        "glow",
        .glow(dimension: dimension, contextDimension: context, layers: 2, hidden: hidden, using: &g)
      ),
      (
        "maf",
        .maf(dimension: dimension, contextDimension: context, layers: 2, hidden: hidden, using: &g)
      ),
      (
        "iaf",
        .iaf(dimension: dimension, contextDimension: context, layers: 2, hidden: hidden, using: &g)
      ),
      (
        "neuralSpline couplings",
        .neuralSpline(
          .coupling, dimension: dimension, contextDimension: context, layers: 2, hidden: hidden,
          using: &g)
      ),
      (
        "neuralSpline autoregressive",
        .neuralSpline(
          .autoregressive, dimension: dimension, contextDimension: context, layers: 2,
          hidden: hidden, using: &g)
      ),
      (
        "circularSpline",
        .circularSpline(
          dimension: dimension, contextDimension: context, layers: 2, hidden: hidden, using: &g)
      ),
      (
        "gaussianization",
        .gaussianization(
          dimension: dimension, contextDimension: context, layers: 2, components: 3,
          hidden: hidden, using: &g)
      ),
    ]
  }

  @Test(
    "normflows#45, nflows#68, tfp#1410: every preset takes context, in fits, densities and draws")
  func contextEverywhere() throws {
    var generator = PhiloxGenerator(seed: 2)
    let x = Tensor<Double>.uniform([200, 2], in: -2..<2, using: &generator)
    let context = Tensor<Double>.normal([200, 1], using: &generator)
    for (name, preset) in Self.presets(2, context: 1) {
      var flow = preset
      let options = FitOptions {
        $0.steps = 5
        $0.batchSize = 64
        $0.patience = nil
      }
      try flow.fit(x, context: context, options: options)
      let near = flow.logDensity(of: x, context: context)
      let far = flow.logDensity(of: x, context: context + 1.5)
      let changes = zip(near.scalars, far.scalars).contains { $0 != $1 }
      #expect(changes, "\(name)")
      let draws = flow.sample(200, context: context, using: &generator)
      #expect(draws.shape == [200, 2] && draws.scalars.allSatisfy { $0.isFinite }, "\(name)")
    }
  }

  @Test("normflows PR#55: spline flows start as the identity")
  func identity() {
    var generator = PhiloxGenerator(seed: 3)
    let flow = NormalizingFlow<Double>.neuralSpline(
      .coupling, dimension: 2, layers: 4, hidden: [8], using: &generator)
    let x = Tensor<Double>.normal([50, 2], using: &generator) * 3
    let found = flow.logDensity(of: x).scalars
    let expected = Gaussian<Double>(dimension: 2).logDensity(of: x).scalars
    for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-10) }
  }

  @Test("distrax#324: parts run in the order in which they are written, from latent to data")
  func chainOrder() {
    let flow = NormalizingFlow(base: Gaussian<Double>(dimension: 1)) {
      Standardization<Double>(scale: Tensor([2]), shift: Tensor([0]))
      Standardization<Double>(scale: Tensor([1]), shift: Tensor([5]))
    }
    #expect(flow.toData(Tensor([[1]])).value.scalars == [7])
    #expect(flow.toLatent(Tensor([[7]])).value.scalars == [1])
  }

  @Test("normflows#29: an estimate of a reverse KL is not negative beyond its error")
  func reverseKL() {
    var generator = PhiloxGenerator(seed: 4)
    let target = Gaussian<Float>(location: Tensor([0.5, -1]), scale: Tensor([2, 0.3]))
    for (_, preset) in Self.presets(2, seed: 5) {
      guard let flow = try? NormalizingFlow<Float>(converting: preset) else {
        Issue.record("the preset has no form in Float")
        continue
      }
      let (draws, own) = flow.sampleWithLogDensity(20_000, using: &generator)
      let differences = (own - target.logDensity(of: draws)).scalars.map(Double.init)
      let mean = differences.reduce(0, +) / 20_000
      let spread = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 20_000
      #expect(mean > -4 * (spread / 20_000).squareRoot())
    }
  }

  @Test("nflows#51, sbi#1620: the same seeds give the same fit to the last bit")
  func reproducible() throws {
    var generator = PhiloxGenerator(seed: 6)
    let x = Tensor<Double>.normal([300, 2], using: &generator)
    let options = FitOptions {
      $0.steps = 20
      $0.batchSize = 64
      $0.patience = nil
      $0.seed = 7
    }
    for index in Self.presets(2).indices where Self.presets(2)[index].name != "circularSpline" {
      var (first, second) = (Self.presets(2)[index].flow, Self.presets(2)[index].flow)
      try first.fit(x, options: options)
      try second.fit(x, options: options)
      for (a, b) in zip(first.namedTensors, second.namedTensors) {
        #expect(a.tensor == b.tensor, "\(a.name)")
      }
    }
  }

  @Test("sbi#585: rows beyond a declared support are refused by row, column and support")
  func boundedData() {
    var generator = PhiloxGenerator(seed: 8)
    var flow = NormalizingFlow<Double>.neuralSpline(
      .coupling, dimension: 2, layers: 2, hidden: [8], using: &generator
    ).support([.positive, .interval(0, 1)])
    var rows = (0..<40).map { [0.1 + Double($0), (Double($0) + 0.5) / 40] }
    rows[16][1] = 1.25
    do {
      try flow.fit(Tensor(rows))
      Issue.record("a row outside of the support was taken")
    } catch let error as FlowsError {
      #expect(error.row == 17 && error.column == 2)
      #expect(error.message.contains("[0.0, 1.0]"))
    } catch {
      Issue.record("another error: \(error)")
    }
  }

  @Test("zuko#46: batch normalisation gives one density in training and after it")
  func batchNormalization() throws {
    var generator = PhiloxGenerator(seed: 9)
    let x = Tensor<Double>.normal([400, 2], using: &generator) * 3 + 1
    var flow = NormalizingFlow(base: Gaussian<Double>(dimension: 2)) {
      AffineCoupling(dimension: 2, mask: .alternating(0), hidden: [8], using: &generator)
      BatchNormalizationFlow(dimension: 2)
    }
    let options = FitOptions {
      $0.steps = 30
      $0.batchSize = 64
      $0.patience = nil
    }
    try flow.fit(x, options: options)
    let rows = x[rows: 0..<100]
    let alone = (0..<100).map { flow.logDensity(of: rows[rows: $0..<$0 + 1]).scalars[0] }
    for (a, b) in zip(alone, flow.logDensity(of: rows).scalars) { #expect(abs(a - b) < 1e-12) }
    let back = flow.toData(flow.toLatent(rows).value).value
    for (a, b) in zip(back.scalars, rows.scalars) { #expect(abs(a - b) < 1e-10) }
  }
}
