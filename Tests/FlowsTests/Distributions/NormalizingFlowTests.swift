import FlowChecks
import Testing

@testable import Flows

@Suite("Normalizing flows")
struct NormalizingFlowTests {
  private func built(_ hasNorm: Bool) -> NormalizingFlow<Double> {
    var generator = PhiloxGenerator(seed: 21)
    return NormalizingFlow(base: Laplace<Double>(dimension: 3)) {
      for index in 0..<3 {
        AffineCoupling(dimension: 3, mask: .alternating(index), hidden: [8], using: &generator)
        if index % 2 == 0 {
          Permutation.reversed(dimension: 3)
        } else {
          AdditiveCoupling(dimension: 3, mask: .half(index), hidden: [4], using: &generator)
        }
      }
      if hasNorm { ActNorm(dimension: 3) }
    }
  }

  private func explicit(_ hasNorm: Bool) -> NormalizingFlow<Double> {
    var generator = PhiloxGenerator(seed: 21)
    var flows: [any Flow<Double>] = []
    for index in 0..<3 {
      flows.append(
        AffineCoupling<Double>(
          dimension: 3, mask: .alternating(index), hidden: [8], using: &generator))
      flows.append(
        index % 2 == 0
          ? Permutation<Double>.reversed(dimension: 3)
          : AdditiveCoupling<Double>(
            dimension: 3, mask: .half(index), hidden: [4], using: &generator))
    }
    if hasNorm { flows.append(ActNorm<Double>(dimension: 3)) }
    return NormalizingFlow(
      base: Laplace<Double>(dimension: 3), flow: Composition(dimension: 3, flows))
  }

  private func normal(_ shape: [Int], seed: UInt64 = 22) -> Tensor<Double> {
    var generator = PhiloxGenerator(seed: seed)
    return .normal(shape, using: &generator)
  }

  @Test("can be built with loops and conditions", arguments: [false, true])
  func builder(hasNorm: Bool) {
    let (one, other) = (built(hasNorm), explicit(hasNorm))
    #expect(one.flow.flows.count == (hasNorm ? 7 : 6))
    #expect(one.namedTensors.map(\.name) == other.namedTensors.map(\.name))
    let x = normal([50, 3])
    #expect(one.logDensity(of: x) == other.logDensity(of: x))
  }

  @Test("give draws the log-density that they have")
  func draws() {
    var model = built(true)
    model.standardization = Standardization(
      scale: Tensor([0.2, 3, 50]), shift: Tensor([1, -4, 200]))
    var generator = PhiloxGenerator(seed: 23)
    let (x, logDensity) = model.sampleWithLogDensity(300, using: &generator)
    #expect(
      deviation(
        "log-density", found: logDensity, expected: model.logDensity(of: x), tolerance: 1e-10)
        == nil)
    var again = PhiloxGenerator(seed: 23)
    let alone = model.sample(300, using: &again)
    #expect(deviation("draws", found: alone, expected: x, tolerance: 1e-12) == nil)
    let back = model.toData(model.toLatent(x).value)
    #expect(deviation("round trip", found: back.value, expected: x, tolerance: 1e-11) == nil)
  }

  @Test("have densities in the units of the data")
  func units() {
    var generator = PhiloxGenerator(seed: 24)
    var model = NormalizingFlow<Double>(base: Gaussian<Double>(dimension: 2)) {
      AffineCoupling(dimension: 2, mask: .alternating(0), hidden: [8], using: &generator)
    }
    let inner = model
    let (scale, shift) = (Tensor<Double>([0.02, 500]), Tensor<Double>([7, -1_000]))
    model.standardization = Standardization(scale: scale, shift: shift)
    let z = normal([40, 2])
    let expected = inner.logDensity(of: z) - log(scale).sum()
    #expect(
      deviation(
        "log-density", found: model.logDensity(of: z * scale + shift), expected: expected,
        tolerance: 1e-11) == nil)

    let side = Tensor<Double>.linearSpace(-14...14, count: 281)
    let nodes = grid([side * 0.02 + 7, side * 500 - 1_000])
    let total = exp(model.logDensity(of: nodes)).sum().scalar * (0.1 * 0.02) * (0.1 * 500)
    #expect(Swift.abs(total - 1) < 1e-4, "the density integrates to \(total)")
  }

  @Test("standardise their context")
  func contextUnits() {
    var generator = PhiloxGenerator(seed: 25)
    var model = NormalizingFlow<Double>(base: Gaussian<Double>(dimension: 2)) {
      AffineCoupling(
        dimension: 2, mask: .alternating(0), contextDimension: 1, hidden: [8], using: &generator)
    }
    let inner = model
    model.contextStandardization = Standardization(scale: Tensor([10]), shift: Tensor([100]))
    let (x, context) = (normal([20, 2]), normal([20, 1], seed: 26))
    let scaled = context * 10 + 100
    #expect(
      deviation(
        "log-density", found: model.logDensity(of: x, context: scaled),
        expected: inner.logDensity(of: x, context: context), tolerance: 1e-12) == nil)
    #expect(
      deviation(
        "image", found: model.toData(x, context: scaled).value,
        expected: inner.toData(x, context: context).value, tolerance: 1e-12) == nil)
  }

  @Test("can be bases of one another")
  func nested() {
    let inner = built(false)
    let outer = NormalizingFlow(
      base: inner, flow: Composition(dimension: 3, [ActNorm<Double>(dimension: 3)]))
    let x = normal([20, 3])
    #expect(outer.logDensity(of: x) == inner.logDensity(of: x))
    #expect(outer.parameterCount == inner.parameterCount + 6)
  }

  @Test("come in presets")
  func presets() {
    var generator = PhiloxGenerator(seed: 27)
    let rle = NormalizingFlow<Float>.rle(using: &generator)
    #expect(rle.dimension == 2)
    #expect(rle.flow.flows.count == 6)
    // Six couplings of two networks 1 → 64 → 64 → 1.
    #expect(rle.parameterCount == 6 * 2 * (64 + 64 + 64 * 64 + 64 + 64 + 1))
    let realNVP = NormalizingFlow<Float>.realNVP(
      dimension: 4, contextDimension: 3, base: Laplace<Float>(dimension: 4), using: &generator)
    #expect(realNVP.contextDimension == 3)
    #expect(realNVP.base is Laplace<Float>)
    let identity = NormalizingFlow<Double>.realNVP(dimension: 3, using: &generator)
    let x = normal([20, 3])
    let latent = identity.toLatent(x)
    #expect(latent.logDet == .zeros([20]))
    #expect(
      deviation(
        "log-density", found: identity.logDensity(of: x),
        expected: Gaussian(dimension: 3).logDensity(of: x), tolerance: 1e-14) == nil)
  }
}

/// All points of a grid `[n, D]` of one or two sides, the last fastest.
func grid(_ sides: [Tensor<Double>]) -> Tensor<Double> {
  guard sides.count == 2 else { return sides[0].expanded(axis: 1) }
  let (rows, columns) = (sides[0].count, sides[1].count)
  let first = sides[0].expanded(axis: 1).broadcast(to: [rows, columns])
  let second = sides[1].broadcast(to: [rows, columns])
  return .concatenated(
    [first.reshaped(to: [-1, 1]), second.reshaped(to: [-1, 1])], axis: 1)
}
