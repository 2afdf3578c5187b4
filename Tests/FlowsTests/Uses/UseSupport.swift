import Foundation

@testable import Flows

/// A density without its distribution functions: whatever is asked of it has to be worked out.
struct Opaque<Base: Distribution>: Distribution {
  typealias Scalar = Base.Scalar
  var base: Base
  init(_ base: Base) { self.base = base }

  var dimension: Int { base.dimension }
  var contextDimension: Int { base.contextDimension }
  var support: [Support] { base.support }
  var kinks: [[Double]] { base.kinks }

  func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    base.logDensity(of: x, context: context)
  }

  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    base.sampleWithLogDensity(count, context: context, using: &generator)
  }

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    base.visitParameters(&visitor)
  }
}

/// A Gaussian whose means are multiples of one number of context: all of it is known.
struct LinearGaussian<Scalar: TensorScalar>: Distribution {
  var slopes: Tensor<Scalar>
  var deviation: Scalar

  init(slopes: [Scalar], deviation: Scalar) {
    self.slopes = Tensor(slopes)
    self.deviation = deviation
  }

  var dimension: Int { slopes.count }
  var contextDimension: Int { 1 }

  private func mean(_ context: Tensor<Scalar>?) -> Tensor<Scalar> {
    guard let context else { return .zeros([1, dimension]) }
    return context * slopes
  }

  func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    let z = (x - mean(context)) / deviation
    let constant = Double(dimension) * (0.5 * Foundation.log(2 * Double.pi))
    return z.squared().sum(axis: 1) * -0.5
      - Scalar(constant + Double(dimension) * Foundation.log(Double(deviation)))
  }

  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let x =
      Tensor<Scalar>.normal([count, dimension], using: &generator) * deviation + mean(context)
    return (x, logDensity(of: x, context: context))
  }

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("slopes", state: &slopes)
  }
}

/// x = ∓sinh z: a map of one column that rises or falls, with heavy tails.
struct Sinh<Scalar: TensorScalar>: Flow {
  var sign: Scalar
  var dimension: Int { 1 }

  private func cosh(_ z: Tensor<Scalar>) -> Tensor<Scalar> { (exp(z) + exp(-z)) * 0.5 }

  func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    Transformed(
      value: (exp(z) - exp(-z)) * (0.5 * sign), logDet: log(cosh(z)).sum(axis: 1))
  }

  func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let y = x * sign
    let size = abs(y)
    let z = log(size + sqrt(size.squared() + 1)) * y.signum()
    return Transformed(value: z, logDet: -log(cosh(z)).sum(axis: 1))
  }

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {}
}

/// Φ, the distribution function of the standard normal density.
func normalProbability(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

/// Whether an estimate is within some standard errors of the truth, and its error is a number.
func isNear(_ estimate: Estimate, _ truth: Double, errors: Double = 4.5) -> Bool {
  estimate.standardError.isFinite
    && abs(estimate.value - truth) <= errors * estimate.standardError + 1e-12
}
