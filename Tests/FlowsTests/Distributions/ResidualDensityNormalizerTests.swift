import FlowChecks
import Foundation
import Testing

@testable import Flows

/// Moves every trained tensor along a random direction.
private struct Mover: ParameterVisitor {
  typealias Scalar = Double
  let step: Double
  var generator = PhiloxGenerator(seed: 51)
  var directions: [Tensor<Double>] = []

  mutating func visit(_ name: String, _ parameter: inout Tensor<Double>) {
    let direction = Tensor<Double>.normal(parameter.shape, using: &generator)
    directions.append(direction)
    parameter += direction * step
  }
}

/// Points of a Halton sequence with a random shift.
func haltonPoints(_ count: Int, dimension: Int, using generator: inout PhiloxGenerator)
  -> Tensor<Double>
{
  let primes = [2, 3, 5, 7, 11, 13, 17, 19]
  let shifts = Tensor<Double>.uniform([dimension], using: &generator).scalars
  var scalars: [Double] = []
  for index in 1...count {
    for column in 0..<dimension {
      var (rest, factor, value) = (index, 1.0, shifts[column])
      while rest > 0 {
        factor /= Double(primes[column])
        value += factor * Double(rest % primes[column])
        rest /= primes[column]
      }
      scalars.append(value >= 1 ? value - 1 : value)
    }
  }
  return Tensor<Double>(shape: [count, dimension], scalars: scalars).clipped(to: 1e-12...1 - 1e-12)
}

@Suite("Normaliser of a residual density", .serialized)
struct ResidualDensityNormalizerTests {
  private func vector(_ value: Double, _ dimension: Int) -> Tensor<Double> {
    Tensor(repeating: value, shape: [dimension])
  }

  private func distribution(_ x: Double) -> Double { 0.5 * erfc(-x / 2.0.squareRoot()) }

  /// log ∫ ½ e^−|x| N(x; m, s²) dx for m ≥ 0.
  private func laplaceGaussian(_ m: Double, _ s: Double) -> Double {
    let lower = exp(s * s / 2 - m) * distribution((m - s * s) / s)
    let upper = exp(s * s / 2 + m) * distribution(-(m + s * s) / s)
    return log(0.5 * (lower + upper))
  }

  @Test(
    "has the closed form of simple products", arguments: [1, 2],
    [(0.0, 1.0), (2, 0.3), (6, 0.05), (20, 0.01), (30, 3), (3, 10)])
  func closedForms(dimension: Int, place: (location: Double, scale: Double)) {
    let (m, s) = place
    let columns = Double(dimension)
    func check<Q: Distribution, G: Distribution>(_ what: String, _ base: Q, _ shape: G, _ z: Double)
    where Q.Scalar == Double, G.Scalar == Double {
      let found = ResidualDensity(base: base, shape: shape).normalizer()
      let error = abs(found.logValue - columns * z)
      #expect(error < 1e-5, "\(what): off by \(error), \(found)")
      #expect(found.nodes < 110_000)
    }
    let gaussian = Gaussian(location: vector(m, dimension), scale: vector(s, dimension))
    check("Laplace", Laplace(dimension: dimension), gaussian, laplaceGaussian(m, s))
    check(
      "Gaussian", Gaussian(dimension: dimension), gaussian,
      -0.5 * (m * m / (1 + s * s) + log(2 * Double.pi * (1 + s * s))))
    check(
      "Cauchy", Cauchy(location: vector(0, dimension), scale: vector(1, dimension)),
      Cauchy(location: vector(m, dimension), scale: vector(s, dimension)),
      -log(Double.pi * (1 + s) * (1 + m * m / ((1 + s) * (1 + s)))))
    // A box that the Gaussian only reaches into.
    let box = Box(
      low: Array(repeating: m + s, count: dimension),
      high: Array(repeating: m + 1 + 9 * s, count: dimension))
    let inside = distribution(-1) - distribution(-(1 + 9 * s) / s)
    check("box", box, gaussian, log(inside / (1 + 8 * s)))
    check("box as shape", gaussian, box, log(inside / (1 + 8 * s)))
  }

  @Test("handles jumps at unknown places")
  func jumps() {
    let bent = NormalizingFlow(base: Gaussian<Double>(dimension: 1)) {
      Bend()
      ActNorm<Double>(dimension: 1)
    }
    var moved = bent
    moved.standardization = Standardization(scale: Tensor([0.3]), shift: Tensor([1.234]))
    let density = ResidualDensity(base: Laplace<Double>(dimension: 1), shape: moved)
    let total = midpointIntegral([-12.0...16], 400_000) { density.logDensity(of: $0) }
    #expect(abs(total - 1) < 1e-4, "\(total)")
  }

  /// Boxes that hold all but 1e-5 of the product with a base of scale 1 or less.
  private func box(_ dimension: Int) -> [ClosedRange<Double>] {
    dimension == 1 ? [-16.0...16] : [-1.0...9, -10.0...7]
  }

  @Test("makes the density integrate to one", arguments: [1, 2])
  func integral(dimension: Int) {
    let flow = TrainedFlows.of(dimension)
    func check<Q: Distribution>(_ what: String, _ base: Q) where Q.Scalar == Double {
      let density = ResidualDensity(base: base, shape: flow)
      let total = midpointIntegral(box(dimension), dimension == 1 ? 20_000 : 700) {
        density.logDensity(of: $0)
      }
      let found = density.normalizer()
      #expect(abs(total - 1) < 1e-4, "\(what): ∫ P = \(total), \(found)")
      let without = ResidualDensity(base: base, shape: flow, normalization: .omitted)
      let part = midpointIntegral(box(dimension), 100) { without.logDensity(of: $0) }
      #expect(abs(part - 1) > 0.1, "the product integrates to \(part) by itself")
    }
    check("Laplace", Laplace<Double>(dimension: dimension))
    if dimension == 1 { check("Gaussian", Gaussian<Double>(dimension: dimension)) }
    check(
      "narrow Laplace",
      Laplace(location: vector(0.2, dimension), scale: vector(0.3, dimension)))
  }

  /// log ∫ Q·G with its standard error from ∫ Q(T(z)) φ(z) dz, z by Halton points of a wider Gaussian.
  private func independent<Q: Distribution<Double>>(_ base: Q, _ flow: NormalizingFlow<Double>)
    -> (logValue: Double, error: Double)
  {
    var generator = PhiloxGenerator(seed: 52)
    let wide = Gaussian(
      location: vector(0, flow.dimension), scale: vector(1.15, flow.dimension))
    let logEstimates = (0..<16).map { _ in
      let z = wide.quantile(
        of: haltonPoints(4_000, dimension: flow.dimension, using: &generator))
      let terms =
        base.logDensity(of: flow.toData(z).value, context: nil) + flow.base.logDensity(of: z)
        - wide.logDensity(of: z)
      return terms.logSumExp(axis: 0).scalar - log(4_000.0)
    }
    return (logSum(logEstimates) - log(16.0), relativeStandardError(logEstimates))
  }

  @Test("agrees with another rule in more columns", arguments: [3, 6])
  func quasiMonteCarlo(dimension: Int) {
    func check<Q: Distribution<Double>>(_ what: String, _ base: Q) {
      let density = ResidualDensity(base: base, shape: TrainedFlows.of(dimension))
      let found = density.normalizer()
      let other = independent(base, TrainedFlows.of(dimension))
      let error = (other.error * other.error + found.standardError * found.standardError)
        .squareRoot()
      #expect(error < 0.02, "\(what): \(found), \(other)")
      #expect(
        abs(found.logValue - other.logValue) < 3 * error, "\(what): \(found), \(other)")
    }
    check("Laplace", Laplace<Double>(dimension: dimension))
    check("Gaussian", Gaussian<Double>(dimension: dimension))
  }

  @Test("is right in many columns, and says how far off it is")
  func manyColumns() {
    for dimension in [3, 6, 12] {
      let shape = Gaussian(location: vector(1, dimension), scale: vector(0.6, dimension))
      let density = ResidualDensity(base: Gaussian<Double>(dimension: dimension), shape: shape)
      let exact = -0.5 * Double(dimension) * (1 / 1.36 + log(2 * Double.pi * 1.36))
      let found = density.normalizer()
      #expect(abs(found.logValue - exact) < 4 * found.standardError, "\(found), \(exact)")
      #expect(found.standardError > 0 && found.standardError < 0.02)
      let few = density.normalizer(mostNodes: 4_096)
      #expect(few.nodes < 8_192 && few.standardError > found.standardError)
    }
  }

  @Test("is the same for equal models")
  func determinism() {
    for dimension in 1...3 {
      let density = ResidualDensity(
        base: Laplace<Double>(dimension: dimension), shape: TrainedFlows.of(dimension))
      let copy = density
      #expect(density.normalizer() == copy.normalizer())
    }
  }

  private func gradientAlong(_ gradient: some Parameterized<Double>, _ mover: Mover) -> Double {
    zip(TrainedTensors(gradient).tensors, mover.directions).reduce(0) {
      $0 + ($1.0 * $1.1).sum().scalar
    }
  }

  private func norm(_ gradient: some Parameterized<Double>) -> Double {
    TrainedTensors(gradient).tensors.reduce(0) { $0 + $1.squared().sum().scalar }.squareRoot()
  }

  @Test("has the gradient of the integral", arguments: [1, 2])
  func gradients(dimension: Int) {
    func check<Q: Distribution<Double>>(_ what: String, _ base: Q) {
      let density = ResidualDensity(base: base, shape: TrainedFlows.of(dimension))
      let found = gradient(at: density) { $0.logNormalizer() }
      #expect(TrainedTensors(found).names.first?.hasPrefix("base.") == true)
      // Central differences of another rule, whose nodes do not move; a small step, since a kink that
      // crosses a node counts for as much as it moves.
      let step = 1e-6
      var mover = Mover(step: step)
      let moved = [step, -step].map { step in
        var copy = density
        mover = Mover(step: step)
        copy.visitParameters(&mover)
        let box = dimension == 1 ? [-16.0...16] : [-0.5...7, -7.0...4]
        return log(
          midpointIntegral(box, dimension == 1 ? 20_000 : 700) {
            copy.unnormalizedLogDensity(of: $0)
          })
      }
      let expected = (moved[0] - moved[1]) / (2 * step)
      let along = gradientAlong(found, mover)
      #expect(
        abs(along - expected) < 3e-3 * norm(found), "\(what): found \(along), expected \(expected)")
      #expect(abs(expected) > 0.05 * norm(found), "the direction shows little: \(expected)")
    }
    check("Laplace", Laplace<Double>(dimension: dimension, isLearnable: true))
    check("Gaussian", Gaussian<Double>(dimension: dimension, isLearnable: true))
  }

  @Test("has the gradient of its nodes' sum in three columns")
  func latticeGradient() {
    let density = ResidualDensity(
      base: Laplace<Double>(dimension: 3, isLearnable: true), shape: TrainedFlows.three)
    let found = gradient(at: density) { $0.logNormalizer() }
    let nodes = density.integrationNodes(mostNodes: nil, contextRow: nil)
    var mover = Mover(step: 0)
    let step = 1e-7
    let moved = [step, -step].map { step in
      var copy = density
      mover = Mover(step: step)
      copy.visitParameters(&mover)
      return (copy.unnormalizedLogDensity(of: nodes.points) + Tensor(nodes.logWeights))
        .logSumExp(axis: 0).scalar
    }
    let expected = (moved[0] - moved[1]) / (2 * step)
    #expect(abs(gradientAlong(found, mover) - expected) < 1e-5 * norm(found))
    #expect(abs(expected) > 1e-3 * norm(found))
  }

  @Test("has few nodes for training that come close", arguments: [1, 2, 3])
  func trainingNodes(dimension: Int) {
    let density = ResidualDensity(
      base: Laplace<Double>(dimension: dimension), shape: TrainedFlows.of(dimension))
    let exact = gradient(at: density) { $0.logNormalizer() }
    for seed in 0..<4 as Range<UInt64> {
      let (points, logWeights) = density.trainingNodes(using: PhiloxGenerator(seed: seed))
      #expect(points.shape == [logWeights.count, dimension])
      #expect(logWeights.count <= [128, 1_024, 2_304][dimension - 1])
      func sum(_ model: ResidualDensity<Laplace<Double>, NormalizingFlow<Double>>)
        -> Tensor<Double>
      { (model.unnormalizedLogDensity(of: points) + logWeights).logSumExp(axis: 0) }
      let error = abs(sum(density).scalar - density.logNormalizer().scalar)
      #expect(error < [1e-5, 3e-3, 0.03][dimension - 1], "value off by \(error)")
      let found = TrainedTensors(gradient(at: density) { sum($0) }).tensors
      let distance = zip(found, TrainedTensors(exact).tensors).reduce(0) {
        $0 + ($1.0 - $1.1).squared().sum().scalar
      }.squareRoot()
      #expect(
        distance < [1e-3, 0.05, 0.3][dimension - 1] * norm(exact),
        "gradient off by \(distance) of \(norm(exact))")
    }
  }

  @Test("reaches into the singular end of a base", arguments: [0.1, 0.3])
  func singularBase(concentration: Double) {
    let base = Gamma<Double>(concentration: Tensor([concentration]), rate: Tensor([1]))
    let shape = Gaussian<Double>(location: Tensor([0.5]), scale: Tensor([0.8]))
    // By u = F(x), which takes the singularity away.
    let n = 200_000
    let u = Tensor<Double>.linearSpace(0.5 / Double(n)...1 - 0.5 / Double(n), count: n)
    let terms = shape.logDensity(of: base.quantile(of: u.expanded(axis: 1)))
    let expected = terms.logSumExp(axis: 0).scalar - log(Double(n))
    let found = ResidualDensity(base: base, shape: shape).normalizer()
    #expect(abs(found.logValue - expected) < 1e-5, "\(found), expected \(expected)")
  }
}
