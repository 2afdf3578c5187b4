import FlowChecks
import Testing

@testable import Flows

@Suite("Gaussians with covariances")
struct MultivariateGaussianTests {
  private let mean = Tensor<Double>([1, -2, 0.5])
  private let covariance = Tensor<Double>([[2, 0.6, -0.3], [0.6, 1, 0.2], [-0.3, 0.2, 0.5]])

  /// Mean and covariance of draws, within five standard errors.
  private func check(_ density: some Distribution<Double>, covariance: Tensor<Double>) {
    let (n, d) = (40_000, density.dimension)
    var generator = PhiloxGenerator(seed: 51)
    let x = density.sample(n, using: &generator)
    let centred = x - mean
    let found = centred.transposed().matmul(centred) / Double(n)
    let offset = centred.mean(axis: 0)
    for i in 0..<d {
      #expect(abs(offset[i]) < 5 * (covariance[i, i] / Double(n)).squareRoot())
      for j in 0..<d {
        let variance = covariance[i, i] * covariance[j, j] + covariance[i, j] * covariance[i, j]
        #expect(
          abs(found[i, j] - covariance[i, j]) < 5 * (variance / Double(n)).squareRoot(),
          "covariance of \(i), \(j)")
      }
    }
  }

  @Test("draw with their covariance")
  func draws() throws {
    let full = try MultivariateGaussian(mean: mean, covariance: covariance)
    #expect(
      deviation(
        "covariance", found: full.covariance, expected: covariance, tolerance: 1e-15) == nil)
    check(full, covariance: covariance)
    let low = LowRankGaussian(
      mean: mean, factor: Tensor([[1, 0.2], [-0.5, 1], [0, 0.7]]), diagonal: Tensor([0.3, 1, 0.1]))
    check(low, covariance: low.covariance)
    let same = try MultivariateGaussian(mean: mean, covariance: low.covariance)
    let x = Tensor<Double>([[0, 0, 0], [3, -1, 2], [100, 50, -70]])
    #expect(
      deviation(
        "low rank", found: low.logDensity(of: x), expected: same.logDensity(of: x),
        tolerance: 1e-12) == nil)
  }

  @Test("keep their precision where the factor is large against the diagonal")
  func nearlySingular() {
    let low = LowRankGaussian<Double>(
      mean: Tensor([0, 0]), factor: Tensor([[1e5], [1e5]]), diagonal: Tensor([1e-4, 1e-4]))
    // Along (1, 1) the variance is 2e10 + 1e-4, across it 1e-4.
    let x = Tensor<Double>([[1e5, 1e5 + 0.02]])
    let along = (2e5 + 0.02) * (2e5 + 0.02) / 2 / (2e10 + 1e-4)
    let expected =
      -0.5 * (along + 2.0 + 23.718_998_110_500_4 - 9.210_340_371_976_18)
      - 1.837_877_066_409_345_3
    #expect(abs(low.logDensity(of: x).scalar - expected) < 1e-5)
  }

  @Test("refuse covariances that are none")
  func invalid() {
    func text(_ covariance: Tensor<Double>) -> String {
      errorText { try MultivariateGaussian(mean: Tensor([0, 0]), covariance: covariance) }
    }
    #expect(
      text(Tensor([[1, 2], [2, 1]])) == "\"covariance\": the covariance is not positive definite")
    #expect(text(Tensor([[0, 0], [0, 0]])).hasSuffix("the covariance is not positive definite"))
    #expect(text(Tensor([[1, 0.5], [0.4, 1]])).contains("a covariance is symmetric"))
    #expect(text(Tensor([[1, .nan], [.nan, 1]])).contains("finite"))
    #expect(text(Tensor([[1]])).contains("got the shapes [2], [1, 1]"))
  }

  @Test("are learned by fit")
  func fitting() throws {
    var generator = PhiloxGenerator(seed: 52)
    let truth = try MultivariateGaussian(mean: mean, covariance: covariance)
    let data = truth.sample(6_000, using: &generator)
    var model = NormalizingFlow(
      base: MultivariateGaussian<Double>(dimension: 3, isLearnable: true),
      flow: Composition(dimension: 3))
    var options = FitOptions()
    options.steps = 800
    options.standardizes = false
    options.learningRate = .constant(0.02)
    try model.fit(data, options: options)
    let fresh = truth.sample(20_000, using: &generator)
    let excess = (truth.logDensity(of: fresh) - model.logDensity(of: fresh)).mean().scalar
    #expect(excess < 0.01, "KL \(excess)")
  }

  @Test("of low rank may have collinear factors and a small diagonal", arguments: [1e-4, 1e-7])
  func collinear(variance: Double) throws {
    func low<S: TensorScalar>(_: S.Type) -> LowRankGaussian<S> {
      LowRankGaussian(
        mean: .zeros([10]), factor: .ones([10, 3]),
        diagonal: Tensor(repeating: S(variance), shape: [10]))
    }
    var generator = PhiloxGenerator(seed: 53)
    let x = low(Float.self).sample(20, using: &generator)
    let precise = low(Double.self)
    let dense = try MultivariateGaussian(mean: .zeros([10]), covariance: precise.covariance)
    let expected = dense.logDensity(of: Tensor<Double>(x))
    #expect(
      deviation(
        "Double", found: precise.logDensity(of: Tensor<Double>(x)), expected: expected,
        tolerance: 1e-6) == nil)
    // What the rounding of (x − μ) / √v to Float leaves.
    let found = Tensor<Double>(low(Float.self).logDensity(of: x))
    let error = abs(found - expected).max(axis: 0).scalar
    #expect(error < 1e-5 / variance.squareRoot(), "\(error)")
  }
}
