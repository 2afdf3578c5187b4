import FlowChecks
import Foundation

@testable import Flows

/// Densities with independent columns that are hard to integrate, written as a user would.
struct TestDensity<Scalar: TensorScalar>: StorableDistribution, ColumnwiseDistribution {
  enum Family: String, Codable, Sendable, CaseIterable {
    /// Tails so heavy that there is no mean: 1 / π(1 + x²).
    case cauchy
    /// Infinite at 0, on (0, ∞): ½ x^−½ exp(−√x).
    case weibull
    /// Infinite at both ends of (1, 3).
    case arcsine
    /// A kink at 0: ½ exp(−|x|).
    case laplace
  }

  enum Fault: Sendable, CaseIterable {
    /// The density is 1.01 times too large.
    case unnormalized
    /// Draws are 1.05 times too wide; 1.2 times where the density is so wide that 5 % is little.
    case wideDraws
    /// The bound is too low.
    case lowBound
    /// The distribution function is that of another scale.
    case otherDistribution
    /// The log-density that comes with a draw is another one.
    case otherDrawDensity
    /// The support is one that the density exceeds.
    case wrongSupport
    /// The log-scale is not in files.
    case lostState
  }

  struct Configuration: Codable, Sendable {
    var family: Family
    var dimension: Int
  }

  static var identifier: String { "org.example.TestDensity" }

  let configuration: Configuration
  var fault: Fault?
  private var logScale: Tensor<Scalar>

  init(_ family: Family, dimension: Int, logScale: Double = 0, fault: Fault? = nil) {
    configuration = Configuration(family: family, dimension: dimension)
    self.logScale = Tensor(repeating: Scalar(logScale), shape: [dimension])
    self.fault = fault
  }

  init(configuration: Configuration) {
    self.init(configuration.family, dimension: configuration.dimension)
  }

  private var family: Family { configuration.family }
  var dimension: Int { configuration.dimension }

  var support: [Support] {
    let column: Support =
      switch family {
      case _ where fault == .wrongSupport: .interval(-1, 1)
      case .cauchy, .laplace: .real
      case .weibull: .positive
      case .arcsine: .interval(1, 3)
      }
    return Array(repeating: column, count: dimension)
  }

  var kinks: [[Double]] { Array(repeating: family == .laplace ? [0] : [], count: dimension) }

  var logDensityBound: Double? {
    let lowered = fault == .lowBound ? 0.1 : 0
    let logScale = Double(self.logScale.sum().scalar)
    switch family {
    case .cauchy: return -Double(dimension) * Foundation.log(Double.pi) - logScale - lowered
    case .laplace: return -Double(dimension) * Foundation.log(2.0) - logScale - lowered
    case .weibull, .arcsine: return nil
    }
  }

  func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    let logs: Tensor<Scalar>
    switch family {
    case .cauchy:
      let z = x * exp(-logScale)
      logs = -log(onePlus: z.squared()) - logScale - Scalar(Foundation.log(Double.pi))
    case .laplace:
      logs = -abs(x * exp(-logScale)) - logScale - Scalar(Foundation.log(2.0))
    case .weibull:
      let isInside = x .> 0
      let z = Tensor.select(where: isInside, x * exp(-logScale), else: Tensor(1))
      let inside = -0.5 * log(z) - sqrt(z) - logScale - Scalar(Foundation.log(2.0))
      logs = .select(where: isInside, inside, else: Tensor(-.infinity))
    case .arcsine:
      let isInside = (x .> 1) * (x .< 3)
      let z = Tensor.select(where: isInside, x, else: Tensor(2))
      let inside = -0.5 * (log(z - 1) + log(3 - z)) - Scalar(Foundation.log(Double.pi))
      logs = .select(where: isInside, inside, else: Tensor(-.infinity))
    }
    // Outside, no column has a gradient.
    let sum = logs.sum(axis: 1)
    let total = Tensor.select(where: sum .> Tensor(-.infinity), sum, else: Tensor(-.infinity))
    return fault == .unnormalized ? total + 0.00995 : total
  }

  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let p = Tensor<Scalar>.uniform([count, dimension], using: &generator).clipped(to: 1e-12...1)
    var samples = quantile(p)
    if fault == .wideDraws { samples = samples * (family == .weibull ? 1.2 : 1.05) }
    let logDensity = logDensity(of: samples, context: nil)
    return (samples, fault == .otherDrawDensity ? logDensity + 0.01 : logDensity)
  }

  private func quantile(_ p: Tensor<Scalar>) -> Tensor<Scalar> {
    let angle = (p - 0.5) * Scalar(Double.pi)
    switch family {
    case .cauchy: return sin(angle) / cos(angle) * exp(logScale)
    case .laplace:
      let tail = log(Tensor.minimum(p, 1 - p) * 2)
      return .select(where: p .> 0.5, -tail, else: tail) * exp(logScale)
    case .weibull: return log(onePlus: -p.clipped(to: 0...0.999_999_999)).squared() * exp(logScale)
    case .arcsine: return sin(angle) + 2
    }
  }

  func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    let z = x * exp(-logScale) * (fault == .otherDistribution ? 1.02 : 1)
    switch family {
    case .cauchy: return atan(z) / Scalar(Double.pi) + 0.5
    case .laplace:
      let tail = exp(-abs(z)) * 0.5
      return .select(where: z .> 0, 1 - tail, else: tail)
    case .weibull: return -expMinusOne(-sqrt(z.clipped(to: 0...Scalar.greatestFiniteMagnitude)))
    case .arcsine:
      // asin(y) = 2 atan(y / (1 + √(1 − y²))).
      let y = (x - 2).clipped(to: -1...1)
      return atan(y / (1 + sqrt(1 - y.squared()))) * Scalar(2 / Double.pi) + 0.5
    }
  }

  func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar> {
    // The ends exactly.
    let (low, high): (Scalar, Scalar) =
      switch family {
      case .cauchy, .laplace: (-.infinity, .infinity)
      case .weibull: (0, .infinity)
      case .arcsine: (1, 3)
      }
    let inner = quantile(probability.clipped(to: 1e-12...(1 - 1e-9)))
    let upper = Tensor.select(where: probability .< 1, inner, else: Tensor(high))
    return .select(where: probability .> 0, upper, else: Tensor(low))
  }

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    if family != .arcsine && fault != .lostState { visitor.visit("logScale", &logScale) }
  }
}
