import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Entropies and divergences")
struct EntropyTests {
  @Test("of known densities are known, negative ones too")
  func entropies() {
    check(Double.self)
    check(Float.self)
  }

  private func check<S: TensorScalar>(_ type: S.Type) {
    var generator = PhiloxGenerator(seed: 111)
    let half = 0.5 * (1 + log(2 * Double.pi))
    let gaussian = Gaussian<S>(location: Tensor([3, -1]), scale: Tensor([0.1, 2]))
    let first = gaussian.entropy(using: &generator)
    #expect(isNear(first, 2 * half + log(0.1) + log(2.0)))
    // The variance of log p of a Gaussian is D/2.
    #expect(abs(first.standardError / (1 / 16_384.0).squareRoot() - 1) < 0.1)
    let narrow = Gaussian<S>(location: Tensor([0]), scale: Tensor([0.01])).entropy(
      using: &generator)
    #expect(isNear(narrow, half + log(0.01)) && narrow.value < -3)
    let laplace = Laplace<S>(location: Tensor([0]), scale: Tensor([5])).entropy(using: &generator)
    #expect(isNear(laplace, 1 + log(10.0)))
    let uniform = Uniform<S>(low: Tensor([0]), high: Tensor([0.25])).entropy(using: &generator)
    #expect(abs(uniform.value - log(0.25)) < 1e-6)
    let logistic = Logistic<S>(dimension: 1).entropy(using: &generator)
    #expect(isNear(logistic, 2))
    // log π + ½ … of Cauchy: log 4π.
    let cauchy = StudentT<S>(dimension: 1, degreesOfFreedom: 1).entropy(using: &generator)
    #expect(isNear(cauchy, log(4 * Double.pi)))
  }

  @Test("between Gaussians are known, and paired errors are small")
  func divergences() {
    var generator = PhiloxGenerator(seed: 112)
    let p = Gaussian<Double>(location: Tensor([0.5]), scale: Tensor([1.5]))
    let q = Gaussian<Double>(dimension: 1)
    let expected = -log(1.5) + (1.5 * 1.5 + 0.25) / 2 - 0.5
    let found = p.klDivergence(to: q, using: &generator)
    #expect(isNear(found, expected))
    let cross = p.crossEntropy(to: q, using: &generator)
    #expect(isNear(cross, 0.5 * log(2 * Double.pi) + (1.5 * 1.5 + 0.25) / 2))
    #expect(p.klDivergence(to: p, using: &generator) == Estimate(value: 0, standardError: 0))
    let near = Gaussian<Double>(location: Tensor([0.5]), scale: Tensor([1.501]))
    let small = p.klDivergence(to: near, using: &generator)
    #expect(small.standardError < 1e-4 * p.entropy(using: &generator).standardError.squareRoot())
    #expect(abs(small.value) < 1e-4)
  }

  @Test("are infinite where a draw is impossible")
  func impossible() {
    var generator = PhiloxGenerator(seed: 113)
    let wide = Gaussian<Double>(dimension: 1)
    let found = wide.klDivergence(to: Uniform<Double>(dimension: 1), using: &generator)
    #expect(found.value == .infinity && found.standardError.isNaN)
    let inner = Uniform<Double>(dimension: 1).klDivergence(to: wide, using: &generator)
    #expect(isNear(inner, 0.5 * log(2 * Double.pi) + 1.0 / 6))
  }

  @Test("of conditional densities are averaged over the rows of context")
  func context() {
    var generator = PhiloxGenerator(seed: 114)
    let p = LinearGaussian<Double>(slopes: [2, -1], deviation: 0.5)
    let context = Tensor<Double>([[-1], [0], [4]])
    let entropy = p.entropy(context: context, using: &generator)
    #expect(isNear(entropy, 1 + log(2 * Double.pi) + 2 * log(0.5)))
    // KL(c) = |(slopes − slopes′) c|² / 2σ², with c² = 17/3 on average.
    let q = LinearGaussian<Double>(slopes: [2.1, -1], deviation: 0.5)
    let divergence = p.klDivergence(to: q, context: context, using: &generator)
    #expect(isNear(divergence, 0.01 * 17 / 3 / 0.5))
    // Only one of both takes context.
    let fixed = Gaussian<Double>(location: Tensor([2, -1]), scale: Tensor([0.5, 0.5]))
    let one = Tensor<Double>([[1]])
    #expect(abs(fixed.klDivergence(to: p, context: one, using: &generator).value) < 1e-12)
    #expect(abs(p.klDivergence(to: fixed, context: one, using: &generator).value) < 1e-12)
  }
}
