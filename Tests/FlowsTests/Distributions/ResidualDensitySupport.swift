import Foundation

@testable import Flows

/// A Cauchy density with independent columns; no moment of it exists.
struct Cauchy: Distribution, ColumnwiseDistribution {
  typealias Scalar = Double
  var location: Tensor<Double>
  var scale: Tensor<Double>
  var dimension: Int { location.count }
  var logDensityBound: Double? { -log(scale * Double.pi).sum().scalar }

  func logDensity(of x: Tensor<Double>, context: Tensor<Double>?) -> Tensor<Double> {
    let z = (x - location) / scale
    return -(log(onePlus: z.squared()) + log(scale * Double.pi)).sum(axis: 1)
  }

  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Double>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Double>, logDensity: Tensor<Double>) {
    let x = quantile(of: .uniform([count, dimension], in: 0.000_1..<1, using: &generator))
    return (x, logDensity(of: x, context: nil))
  }

  func cumulativeProbability(of x: Tensor<Double>) -> Tensor<Double> {
    atan((x - location) / scale) / Double.pi + 0.5
  }

  func quantile(of probability: Tensor<Double>) -> Tensor<Double> {
    let angle = (probability - 0.5) * Double.pi
    return sin(angle) / cos(angle) * scale + location
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {
    visitor.visit("location", &location)
    visitor.visit("scale", &scale)
  }
}

/// The uniform density of a box.
struct Box: Distribution {
  typealias Scalar = Double
  var low: [Double]
  var high: [Double]
  var dimension: Int { low.count }
  var support: [Support] { zip(low, high).map { .interval($0, $1) } }
  var logDensityBound: Double? { -zip(low, high).reduce(0) { $0 + Foundation.log($1.1 - $1.0) } }

  func logDensity(of x: Tensor<Double>, context: Tensor<Double>?) -> Tensor<Double> {
    let inside = (x .>= Tensor(low)) * (x .<= Tensor(high))
    return log(inside).sum(axis: 1) + (logDensityBound ?? 0)
  }

  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Double>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Double>, logDensity: Tensor<Double>) {
    let unit = Tensor<Double>.uniform([count, dimension], using: &generator)
    let x = unit * (Tensor(high) - Tensor(low)) + Tensor(low)
    return (x, logDensity(of: x, context: nil))
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {}
}

/// x = sinh((asinh z + skewness) · e^tail), column by column (Jones and Pewsey, 2009).
struct SinhArcsinh<Scalar: TensorScalar>: StorableFlow {
  struct Configuration: Codable, Sendable { var dimension: Int }
  static var identifier: String { "test.SinhArcsinh" }
  var skewness: Tensor<Scalar>
  var tail: Tensor<Scalar>
  var dimension: Int { skewness.count }
  var configuration: Configuration { Configuration(dimension: dimension) }

  init(configuration: Configuration) {
    skewness = .zeros([configuration.dimension])
    tail = .zeros([configuration.dimension])
  }

  init(dimension: Int) { self.init(configuration: Configuration(dimension: dimension)) }

  private func arcsinh(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let size = abs(x)
    return x.signum() * log(size + sqrt(size.squared() + 1))
  }

  private func halves(_ x: Tensor<Scalar>) -> (sinh: Tensor<Scalar>, cosh: Tensor<Scalar>) {
    let (up, down) = (exp(x), exp(-x))
    return ((up - down) * Scalar(0.5), (up + down) * Scalar(0.5))
  }

  func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let (sinh, cosh) = halves((arcsinh(z) + skewness) * exp(tail))
    let slope = log(cosh) + tail - log(z.squared() + 1) * Scalar(0.5)
    return Transformed(value: sinh, logDet: slope.sum(axis: 1))
  }

  func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let (sinh, cosh) = halves(arcsinh(x) * exp(-tail) - skewness)
    let slope = log(cosh) - tail - log(x.squared() + 1) * Scalar(0.5)
    return Transformed(value: sinh, logDet: slope.sum(axis: 1))
  }

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("skewness", &skewness)
    visitor.visit("tail", &tail)
  }
}

/// z · e^above for z > 0, z · e^below else: a density through it jumps at 0.
struct Bend: Flow {
  typealias Scalar = Double
  var above = Tensor<Double>([0.7])
  var below = Tensor<Double>([-0.4])
  var dimension: Int { 1 }

  private func rate(_ x: Tensor<Double>) -> Tensor<Double> {
    let isAbove = x .> 0
    return isAbove * above + (1 - isAbove) * below
  }

  func forward(_ z: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(value: z * exp(rate(z)), logDet: rate(z).sum(axis: 1))
  }

  func inverse(_ x: Tensor<Double>, context: Tensor<Double>?) -> Transformed<Double> {
    Transformed(value: x * exp(-rate(x)), logDet: -rate(x).sum(axis: 1))
  }

  mutating func visitParameters<V: ParameterVisitor<Double>>(_ visitor: inout V) {
    visitor.visit("above", &above)
    visitor.visit("below", &below)
  }
}

/// Rows that are skewed, bent and away from the origin.
func skewedRows<S: TensorScalar>(_ count: Int, dimension: Int, seed: UInt64) -> Tensor<S> {
  var generator = PhiloxGenerator(seed: seed)
  let z = Tensor<S>.normal([count, dimension], using: &generator)
  var columns: [Tensor<S>] = []
  for column in 0..<dimension {
    var next = exp(z.columns([column]) * S(0.6)) * S(column % 2 == 0 ? 0.8 : -0.8)
    if let last = columns.last { next += last.squared() * S(0.15) }
    columns.append(next + S(column % 2 == 0 ? 0.6 : -0.4))
  }
  return .concatenated(columns, axis: 1)
}

/// Errors as a regressor makes them: peaked at the origin, with a longer tail on one side.
func skewedErrors<S: TensorScalar>(_ count: Int, dimension: Int, seed: UInt64) -> Tensor<S> {
  var generator = PhiloxGenerator(seed: seed)
  let z = Tensor<S>.laplace([count, dimension], using: &generator)
  return Tensor.select(where: z .> 0, z * S(1.2), else: z * S(0.6))
}

/// Flows of one column and more that were fitted to skewed rows.
enum TrainedFlows {
  static func start<S: TensorScalar>(dimension: Int, hidden: [Int] = [64, 64], seed: UInt64 = 1)
    -> NormalizingFlow<S>
  {
    var generator = PhiloxGenerator(seed: seed)
    if dimension == 1 {
      return NormalizingFlow(base: Gaussian<S>(dimension: 1)) {
        ActNorm<S>(dimension: 1)
        SinhArcsinh<S>(dimension: 1)
        ActNorm<S>(dimension: 1)
        SinhArcsinh<S>(dimension: 1)
        ActNorm<S>(dimension: 1)
      }
    }
    return NormalizingFlow(base: Gaussian<S>(dimension: dimension)) {
      for index in 0..<(dimension == 2 ? 6 : 4) {
        AffineCoupling<S>(
          dimension: dimension, mask: .alternating(index), hidden: hidden,
          activation: .leakyReLU(slope: 0.01), networks: .separate, scale: .tanh(bound: 1),
          using: &generator)
      }
    }
  }

  static func fitted(dimension: Int, hidden: [Int] = [64, 64]) -> NormalizingFlow<Double> {
    var flow: NormalizingFlow<Float> = start(dimension: dimension, hidden: hidden)
    var options = FitOptions()
    options.steps = 400
    options.batchSize = 256
    let data: Tensor<Float> = skewedRows(4_000, dimension: dimension, seed: 2)
    do {
      try flow.fit(data, options: options)
      return try NormalizingFlow<Double>(converting: flow, types: [SinhArcsinh<Double>.self])
    } catch {
      fatalError("\(error)")
    }
  }

  static let one = fitted(dimension: 1)
  static let two = fitted(dimension: 2)
  static let three = fitted(dimension: 3, hidden: [32, 32])
  static let six = fitted(dimension: 6, hidden: [32, 32])

  static func of(_ dimension: Int) -> NormalizingFlow<Double> {
    switch dimension {
    case 1: one
    case 2: two
    case 3: three
    default: six
    }
  }
}

/// ∫ exp(f) over a box by the midpoint rule, in batches.
func midpointIntegral(
  _ box: [ClosedRange<Double>], _ perSide: Int, _ f: (Tensor<Double>) -> Tensor<Double>
) -> Double {
  let sides = box.map { side in
    let half = (side.upperBound - side.lowerBound) / Double(2 * perSide)
    return Tensor<Double>.linearSpace(
      side.lowerBound + half...side.upperBound - half, count: perSide)
  }
  let cell = box.reduce(1) { $0 * ($1.upperBound - $1.lowerBound) / Double(perSide) }
  guard sides.count == 2 else {
    return exp(f(sides[0].expanded(axis: 1))).sum().scalar * cell
  }
  var total = 0.0
  for start in stride(from: 0, to: perSide, by: 50) {
    let some = sides[0][rows: start..<Swift.min(perSide, start + 50)]
    total += exp(f(grid([some, sides[1]]))).sum().scalar
  }
  return total * cell
}
