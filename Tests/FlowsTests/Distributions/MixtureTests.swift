import FlowChecks
import Testing

@testable import Flows

@Suite("Mixtures and products")
struct MixtureTests {
  private let parts: [any Distribution<Double>] = [
    Uniform(low: Tensor([0]), high: Tensor([1])), Uniform(low: Tensor([2]), high: Tensor([3])),
    Gamma(concentration: Tensor([2]), rate: Tensor([1])),
  ]

  @Test("have the log of the weighted sum")
  func values() {
    let mixture = Mixture(parts, weights: [1, 2, 5])
    let x = Tensor<Double>([[0.5], [2.5], [1.5], [-1]])
    let gamma = exp(parts[2].logDensity(of: x, context: nil)).scalars
    let expected = [0.125 + 0.625 * gamma[0], 0.25 + 0.625 * gamma[1], 0.625 * gamma[2], 0]
    #expect(
      deviation(
        "densities", found: exp(mixture.logDensity(of: x)).scalars, expected: expected,
        tolerance: 1e-15) == nil)
    #expect(
      deviation(
        "weights", found: mixture.weights.scalars, expected: [0.125, 0.25, 0.625],
        tolerance: 1e-15) == nil)
  }

  @Test("draw from each part by its weight")
  func shares() {
    let mixture = Mixture(Array(parts.prefix(2)), weights: [3, 7])
    var generator = PhiloxGenerator(seed: 41)
    let draws = mixture.sample(20_000, using: &generator).scalars
    let share = Double(draws.count { $0 < 1.5 }) / 20_000
    // Five standard deviations.
    #expect(abs(share - 0.3) < 5 * (0.3 * 0.7 / 20_000).squareRoot())
    #expect(draws.allSatisfy { $0 <= 1 || $0 >= 2 })
  }

  @Test("give context rows to the parts that take them, row by row")
  func context() {
    var generator = PhiloxGenerator(seed: 42)
    let flow = NormalizingFlow(base: Gaussian<Double>(dimension: 2)) {
      AffineCoupling(
        dimension: 2, mask: .alternating(0), contextDimension: 1, hidden: [4], using: &generator)
    }
    let plain = Laplace<Double>(dimension: 2)
    let mixture = Mixture<Double>([plain, flow], weights: [1, 3])
    let product = ProductDistribution<Double>([plain, flow])
    let x = Tensor<Double>.normal([6, 4], using: &generator)
    let context = Tensor<Double>.normal([6, 1], using: &generator)
    let pair = x[columns: 2..<4]
    let inner = flow.logDensity(of: pair, context: context)
    #expect(
      deviation(
        "mixture", found: mixture.logDensity(of: pair, context: context),
        expected: log(exp(inner) * 0.75 + exp(plain.logDensity(of: pair)) * 0.25),
        tolerance: 1e-13) == nil)
    #expect(
      deviation(
        "product", found: product.logDensity(of: x, context: context),
        expected: inner + plain.logDensity(of: x[columns: 0..<2]), tolerance: 1e-13) == nil)
    // Draws are those of their own context row: the density of the mixture sees them as likely.
    let many = Tensor<Double>.linearSpace(-3...3, count: 3_000).expanded(axis: 1)
    let draws = mixture.sample(3_000, context: many, using: &generator)
    let swapped = many.rows(Array((0..<3_000).reversed()))
    let own = mixture.logDensity(of: draws, context: many).mean().scalar
    let other = mixture.logDensity(of: draws, context: swapped).mean().scalar
    #expect(own > other)
  }

  @Test("join supports, kinks and bounds")
  func descriptions() {
    let laplace = Laplace<Double>(location: Tensor([0.25]), scale: Tensor([1]))
    let all = Mixture(parts + [laplace])
    #expect(all.support == [.real])
    #expect(all.kinks == [[0, 0.25, 1, 2, 3]])
    #expect(Mixture(parts).support == [.positive])
    #expect(Mixture(parts).kinks == [[1, 2, 3]])
    #expect(Mixture(Array(parts.prefix(2))).support == [.interval(0, 3)])
    let bound = Mixture(Array(parts.prefix(2))).logDensityBound ?? .nan
    #expect(abs(bound) < 1e-15)
    let open = Gamma<Double>(concentration: Tensor([0.5]), rate: Tensor([1]))
    #expect(Mixture<Double>([laplace, open]).logDensityBound == nil)
    let product = ProductDistribution<Double>([laplace, parts[1], open])
    #expect(product.support == [.real, .interval(2, 3), .positive])
    #expect(product.kinks == [[0.25], [], []])
    #expect(product.logDensityBound == nil)
    #expect(product.isColumnwise)
    #expect(!ProductDistribution<Double>([laplace, all]).isColumnwise)
    let sum = ProductDistribution<Double>([laplace, parts[1]]).logDensityBound ?? .nan
    #expect(abs(sum + 0.693_147_180_559_945_3) < 1e-15)
  }

  @Test("learn their weights")
  func fitting() throws {
    var generator = PhiloxGenerator(seed: 43)
    let truth = Mixture(Array(parts.prefix(2)), weights: [1, 9])
    let data = truth.sample(4_000, using: &generator)
    var model = NormalizingFlow(
      base: Mixture(Array(parts.prefix(2)), isLearnable: true), flow: Composition(dimension: 1))
    var options = FitOptions()
    options.steps = 600
    options.standardizes = false
    options.learningRate = .constant(0.02)
    try model.fit(data, options: options)
    let weights = (model.base as? Mixture<Double>)?.weights.scalars ?? []
    let share = Double(data.scalars.count { $0 < 1.5 }) / 4_000
    #expect(abs((weights.first ?? .nan) - share) < 0.02)
  }

  @Test("have no gradient from parts of weight zero")
  func lostParts() {
    let narrow = Mixture<Float>([
      Laplace(dimension: 1), Gaussian(location: Tensor([0]), scale: Tensor([1e-20])),
    ])
    let far = Tensor<Float>([[1e20], [-1e20]])
    #expect(gradient(at: far) { narrow.logDensity(of: $0).sum() }.scalars == [-1, 1])
    let steep = Mixture<Double>([
      Laplace(dimension: 1), Gamma(concentration: Tensor([1e6]), rate: Tensor([1])),
    ])
    let near = Tensor<Double>([[.leastNonzeroMagnitude]])
    #expect(gradient(at: near) { steep.logDensity(of: $0).sum() }.scalars == [-1])
  }

  @Test("take weights whose sum overflows")
  func largeWeights() {
    #expect(
      Mixture(Array(parts.prefix(2)), weights: [1e308, 1e308]).weights.scalars == [0.5, 0.5])
  }
}
