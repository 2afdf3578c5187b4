import CFlowKernels
import FlowChecks
import Foundation
import Testing

@testable import Flows

/// Densities, distribution functions and quantiles against SciPy's, as
/// `make_distribution_goldens.py` writes them.
@Suite("Densities against SciPy")
struct DistributionGoldenTests {
  private func fixture() throws -> SafetensorsFile {
    let url = try #require(
      Bundle.module.url(
        forResource: "distributions", withExtension: "safetensors", subdirectory: "Fixtures"))
    return try SafetensorsFile(contentsOf: url.path)
  }

  /// The density of a case from its parameters.
  private func density(_ kind: String, _ parameters: [Double], columns: Int) throws
    -> any Distribution<Double>
  {
    let n = columns
    let p = parameters.map { Tensor<Double>([$0]) }
    let rest = Array(parameters.dropFirst(n))
    switch kind {
    case "Gaussian": return Gaussian(location: p[0], scale: p[1])
    case "Laplace": return Laplace(location: p[0], scale: p[1])
    case "Logistic": return Logistic(location: p[0], scale: p[1])
    case "Uniform": return Uniform(low: p[0], high: p[1])
    case "StudentT": return StudentT(location: p[0], scale: p[1], degreesOfFreedom: p[2])
    case "Gamma": return Gamma(concentration: p[0], rate: p[1])
    case "Beta": return Beta(alpha: p[0], beta: p[1])
    case "MultivariateGaussian":
      return try MultivariateGaussian(
        mean: Tensor(Array(parameters.prefix(n))),
        covariance: Tensor(shape: [n, n], scalars: rest))
    default:
      let r = rest.count / n - 1
      return LowRankGaussian(
        mean: Tensor(Array(parameters.prefix(n))),
        factor: Tensor(shape: [n, r], scalars: Array(rest.prefix(n * r))),
        diagonal: Tensor(Array(rest.suffix(n))))
    }
  }

  /// The largest relative error of values that may be tiny.
  private func relativeError(_ found: Tensor<Double>, _ expected: Tensor<Double>) -> Double {
    zip(found.scalars, expected.scalars).map { found, expected in
      found == expected ? 0 : abs(found - expected) / abs(expected)
    }.map { $0.isNaN ? .infinity : $0 }.max() ?? .infinity
  }

  @Test("agree to 1e-12")
  func goldens() throws {
    let file = try fixture()
    let cases = Set(
      file.names.map { $0.components(separatedBy: "/").prefix(2).joined(separator: "/") })
    #expect(cases.count == 29)
    for name in cases.sorted() {
      func tensor(_ part: String) throws -> Tensor<Double> { try file.tensor("\(name)/\(part)") }
      let x = try tensor("x")
      let density = try density(
        name.components(separatedBy: "/")[0], try tensor("parameters").scalars,
        columns: x.shape[1])
      let expected = try tensor("log_density")
      for set in InstructionSet.available {
        InstructionSet.with(set) {
          let found = density.logDensity(of: x, context: nil)
          let problem = deviation(name, found: found, expected: expected, tolerance: 1e-12)
          #expect(problem == nil, "\(set)")
        }
      }
      guard let columnwise = density as? any ColumnwiseDistribution<Double> else { continue }
      let cdf = relativeError(columnwise.cumulativeProbability(of: x), try tensor("cdf"))
      #expect(cdf <= 1e-12, "distribution function of \(name): \(cdf)")
      let quantile = relativeError(
        columnwise.quantile(of: try tensor("p")), try tensor("quantile"))
      #expect(quantile <= 1e-12, "quantile of \(name): \(quantile)")
    }
  }

  @Test("special functions beyond what densities ask of them")
  func special() {
    // By arithmetic of 60 digits.
    #expect(abs(fk_gamma_cumulative(1e6, 990_000, false) / 5.446_644_693_010_808_7e-24 - 1) < 1e-12)
    // ν = 1 is the Cauchy distribution.
    for t in [-1e200, -1e10, -1, -1e-5, 1e-3, 5] {
      let exact = t < -1 ? Foundation.atan(-1 / t) / .pi : 0.5 + Foundation.atan(t) / .pi
      #expect(abs(fk_student_cumulative(1, t) / exact - 1) < 1e-13, "\(t)")
    }
    // ν → ∞ is the normal one.
    for t in [-8.0, -2, 0.5, 3] {
      let exact = 0.5 * Foundation.erfc(-t / 2.0.squareRoot())
      #expect(abs(fk_student_cumulative(1e15, t) / exact - 1) < 1e-11, "\(t)")
    }
    for t in [-8.0, 0.5] {
      let exact = 0.5 * Foundation.erfc(-t / 2.0.squareRoot())
      #expect(abs(fk_student_cumulative(.infinity, t) / exact - 1) < 1e-13, "\(t)")
    }
    #expect(fk_student_quantile(1e300, 0.3) == fk_normal_quantile(0.3))
    // Large shapes, by quadrature of the density.
    let large: [(a: Double, x: Double, lower: Double)] = [
      (1.1e9, 1099801002.5125787, 9.844523961274855e-10),
      (1e10, 9999700000.0, 0.0013497798514428355),
      (1e10, 10000020000.0, 0.5792609607751181),
      (1e12, 999994000000.0, 9.865167619641131e-10),
      (1e12, 1000000000010.0, 0.5000041224035133),
    ]
    for (a, x, lower) in large {
      #expect(abs(fk_gamma_cumulative(a, x, false) / lower - 1) < 1e-8, "\(a), \(x)")
      #expect(abs(fk_gamma_quantile(a, lower) / x - 1) < 1e-12, "\(a), \(x)")
    }
    for a in [1e15, 1e20, 1e300] {
      #expect(abs(fk_gamma_quantile(a, 0.3) / a - 1) < 1e-6, "\(a)")
    }
    // What is not a number ends the loops.
    for bad in [Double.nan, .infinity, -.infinity] {
      _ = [fk_gamma_cumulative(bad, 1, false), fk_gamma_quantile(bad, 0.3)]
      _ = [fk_gamma_cumulative(2, bad, true), fk_gamma_quantile(2, bad)]
      _ = [fk_beta_cumulative(bad, 2, 0.3, false), fk_beta_quantile(2, bad, 0.3)]
      #expect(fk_gamma_cumulative(.infinity, 1, false).isNaN)
      #expect(fk_beta_quantile(2, .infinity, 0.3).isNaN)
    }
    for x in [1e-3, 0.7, 9.99, 10.0, 123.4] {
      #expect(abs(fk_log_gamma(x) - lgamma(x)) <= 1e-14 * max(1, abs(lgamma(x))))
      #expect(abs(fk_digamma(x + 1) - fk_digamma(x) - 1 / x) <= 1e-14 * max(1, 1 / x))
    }
    // The expansions for many degrees of freedom against differences of log-gamma and digamma.
    for nu in [19.9, 20.0, 20.1, 24, 40] {
      let a = nu / 2
      let constant = lgamma(a + 0.5) - lgamma(a) - 0.5 * Foundation.log(nu * .pi)
      #expect(abs(fk_student_constant(nu) - constant) < 3e-14, "\(nu)")
    }
    // Both tails of one place add up to 1, and quantiles find the way back.
    for a in [0.01, 0.5, 3, 40, 1e4] {
      for p in [1e-200, 1e-20, 0.2, 0.5, 0.9, 0.999_999] {
        let x = fk_gamma_quantile(a, p)
        guard x > 1e-290 else { continue }
        #expect(abs(fk_gamma_cumulative(a, x, false) / p - 1) < 1e-11, "\(a), \(p)")
        let both = fk_gamma_cumulative(a, x, false) + fk_gamma_cumulative(a, x, true)
        #expect(abs(both - 1) < 1e-14)
        for b in [0.5, 7, 1e3] {
          let y = fk_beta_quantile(a, b, p)
          guard y > 1e-290 && y < 0.99 else { continue }
          #expect(abs(fk_beta_cumulative(a, b, y, false) / p - 1) < 1e-11, "\(a), \(b), \(p)")
        }
      }
    }
  }
}
