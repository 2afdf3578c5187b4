import Foundation
import Testing

@testable import Flows

/// Distribution functions, worked out independently of the library.
private enum CDF {
  static func normal(_ x: Double) -> Double { 0.5 * erfc(-x * 0.5.squareRoot()) }
  static func laplace(_ x: Double) -> Double { x < 0 ? exp(x) / 2 : 1 - exp(-x) / 2 }

  /// The regularised lower incomplete gamma function by its power series.
  static func gamma(_ alpha: Double, _ x: Double) -> Double {
    if x <= 0 { return 0 }
    var term = 1 / alpha
    var sum = term
    var k = 1.0
    while term > sum * 1e-16 {
      term *= x / (alpha + k)
      sum += term
      k += 1
    }
    return min(1, sum * exp(alpha * Foundation.log(x) - x - lgamma(alpha)))
  }
}

/// √n times the largest distance between the empirical and the exact distribution function.
///
/// Kolmogorov's limit law puts it above 1.95 with a probability of 0.001; seeds are fixed, so what
/// passes once passes always.
private func kolmogorov(_ draws: [Double], _ cdf: (Double) -> Double) -> Double {
  let sorted = draws.sorted()
  let n = Double(sorted.count)
  var distance = 0.0
  for (i, x) in sorted.enumerated() {
    let p = cdf(x)
    distance = max(distance, Double(i + 1) / n - p, p - Double(i) / n)
  }
  return distance * n.squareRoot()
}

@Suite("Random draws")
struct DrawTests {
  static let count = 10_000
  static let limit = 1.95

  @Test("uniforms lie in [0, 1) and are uniform")
  func uniform() {
    var generator = PhiloxGenerator(seed: 11)
    let singles = Tensor<Float>.uniform([Self.count], using: &generator).scalars
    let doubles = Tensor<Double>.uniform([Self.count], using: &generator).scalars
    #expect(singles.allSatisfy { $0 >= 0 && $0 < 1 } && doubles.allSatisfy { $0 >= 0 && $0 < 1 })
    #expect(kolmogorov(singles.map(Double.init)) { $0 } < Self.limit)
    #expect(kolmogorov(doubles) { $0 } < Self.limit)
  }

  @Test("uniforms between bounds never reach the upper one")
  func bounds() {
    var generator = PhiloxGenerator(seed: 12)
    // Between these only few values of Float exist, so that rounding would reach the bound.
    let (lower, upper): (Float, Float) = (1_000, 1_000.001)
    let draws = Tensor<Float>.uniform([2_000], in: lower..<upper, using: &generator).scalars
    #expect(draws.allSatisfy { $0 >= lower && $0 < upper })
    let wide = Tensor<Double>.uniform([Self.count], in: -3..<5, using: &generator).scalars
    #expect(kolmogorov(wide) { ($0 + 3) / 8 } < Self.limit)
  }

  @Test("normals are normal")
  func normal() {
    var generator = PhiloxGenerator(seed: 13)
    let doubles = Tensor<Double>.normal([Self.count], using: &generator).scalars
    let singles = Tensor<Float>.normal([Self.count], using: &generator).scalars.map(Double.init)
    #expect(kolmogorov(doubles, CDF.normal) < Self.limit)
    #expect(kolmogorov(singles, CDF.normal) < Self.limit)
    expectMoments(doubles, mean: 0, variance: 1, fourth: 3)
  }

  @Test("Laplace draws are Laplace")
  func laplace() {
    var generator = PhiloxGenerator(seed: 14)
    let draws = Tensor<Double>.laplace([Self.count], using: &generator).scalars
    #expect(kolmogorov(draws, CDF.laplace) < Self.limit)
    expectMoments(draws, mean: 0, variance: 2, fourth: 24)
  }

  @Test("gamma draws are gamma", arguments: [0.05, 0.5, 1, 1.7, 5, 40])
  func gamma(_ alpha: Double) {
    var generator = PhiloxGenerator(seed: 15)
    let draws = Tensor<Double>.gamma([Self.count], alpha: alpha, using: &generator).scalars
    #expect(draws.allSatisfy { $0 >= 0 && $0.isFinite })
    let distance = kolmogorov(draws) { CDF.gamma(alpha, $0) }
    #expect(distance < Self.limit, "alpha \(alpha): \(distance)")
    expectMoments(draws, mean: alpha, variance: alpha, fourth: 3 * alpha * alpha + 6 * alpha)
  }

  @Test("draws of small shapes stay within the support, in Float as well")
  func smallShapes() {
    var generator = PhiloxGenerator(seed: 16)
    let small = Tensor<Float>([0.001, 0.05, 1])
    let gamma = Tensor<Float>.gamma([2_000, 3], concentration: small, using: &generator).scalars
    #expect(gamma.allSatisfy { $0 > 0 && $0.isFinite })
    let beta = Tensor<Float>.beta([2_000, 3], alpha: small, beta: small, using: &generator).scalars
    #expect(beta.allSatisfy { $0 > 0 && $0 < 1 })
    let t = Tensor<Float>.studentT([2_000, 3], degreesOfFreedom: small, using: &generator).scalars
    #expect(t.allSatisfy { $0.isFinite })
    let none = Tensor<Float>.gamma([2, 2], concentration: Tensor([0, .nan]), using: &generator)
    #expect(none.scalars.allSatisfy { $0.isNaN })
  }

  @Test("beta draws have the parameters of their row")
  func betaRows() {
    var generator = PhiloxGenerator(seed: 17)
    let (alpha, beta) = (Tensor<Double>([[0.5], [30]]), Tensor<Double>([[2], [10]]))
    let draws = Tensor<Double>.beta([2, Self.count], alpha: alpha, beta: beta, using: &generator)
    for (row, (a, b)) in [(0.5, 2.0), (30, 10)].enumerated() {
      let (mean, n) = (a / (a + b), a + b)
      let variance = mean * (1 - mean) / (n + 1)
      let spread = (a - b) * (a - b) * (n + 1) - a * b * (n + 2)
      let excess = 6 * spread / (a * b * (n + 2) * (n + 3))
      expectMoments(
        draws.rows([row]).scalars, mean: mean, variance: variance,
        fourth: (excess + 3) * variance * variance)
    }
  }

  /// Mean and variance within four standard errors; `fourth` is the fourth central moment.
  private func expectMoments(_ draws: [Double], mean: Double, variance: Double, fourth: Double) {
    let n = Double(draws.count)
    let found = draws.reduce(0, +) / n
    let spread = draws.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
    #expect((found - mean).magnitude < 4 * (variance / n).squareRoot(), "mean \(found)")
    let error = ((fourth - variance * variance) / n).squareRoot()
    #expect((spread - variance).magnitude < 4 * error, "variance \(spread)")
  }

  @Test("Student draws of degrees of freedom that overflow are normal")
  func infiniteDegrees() {
    var generator = PhiloxGenerator(seed: 16)
    for degrees: Float in [1e16, 1e38, .infinity] {
      let draws = Tensor<Float>.studentT(
        [Self.count], degreesOfFreedom: Tensor(degrees), using: &generator
      ).scalars
      #expect(kolmogorov(draws.map(Double.init), CDF.normal) < Self.limit)
    }
  }
}
