import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Samples of a residual density")
struct ResidualDensitySamplingTests {
  /// Cells `[cells]` for each axis over a box.
  private func counts(_ draws: Tensor<Double>, _ box: [ClosedRange<Double>], _ cells: Int) -> [Int]
  {
    let places = box.indices.map { axis in
      let (low, high) = (box[axis].lowerBound, box[axis].upperBound)
      return floor((draws.columns([axis]) - low) * (Double(cells) / (high - low)))
        .clipped(to: -1...Double(cells)).scalars
    }
    var counts = [Int](repeating: 0, count: box.reduce(1) { count, _ in count * cells })
    for row in 0..<draws.shape[0] {
      let own = places.map { $0[row] }
      guard own.allSatisfy({ $0 >= 0 && $0 < Double(cells) }) else { continue }
      counts[own.reduce(0) { $0 * cells + Int($1) }] += 1
    }
    return counts
  }

  /// The mass of each cell by midpoints, `inner` along each side.
  private func masses(
    _ density: some Distribution<Double>, _ box: [ClosedRange<Double>], _ cells: Int, _ inner: Int
  ) -> [Double] {
    let sides = box.map { side in
      let half = (side.upperBound - side.lowerBound) / Double(2 * cells * inner)
      return Tensor<Double>.linearSpace(
        side.lowerBound + half...side.upperBound - half, count: cells * inner)
    }
    let area = sides.map { $0[1] - $0[0] }.reduce(1, *)
    let mass = exp(density.logDensity(of: grid(sides))) * area
    return box.count == 1
      ? mass.reshaped(to: [cells, inner]).sum(axis: 1).scalars
      : mass.reshaped(to: [cells, inner, cells, inner]).sum(axes: [1, 3]).scalars
  }

  @Test("follow the density", arguments: [1, 2])
  func distribution(dimension: Int) {
    let flow = TrainedFlows.of(dimension)
    let density = ResidualDensity(base: Laplace<Double>(dimension: dimension), shape: flow)
    let box = dimension == 1 ? [0.6...4.0] : [0.6...3.0, -2.5...1.0]
    let cells = dimension == 1 ? 40 : 12
    let masses = masses(density, box, cells, dimension == 1 ? 50 : 16)
    #expect(masses.reduce(0, +) > 0.8)
    let probabilities = (0..<10 as Range<UInt64>).map { seed in
      var generator = PhiloxGenerator(seed: 60 + seed)
      let draws = density.sample(20_000, using: &generator)
      return goodnessOfFit(
        counts: counts(draws, box, cells), masses: masses, total: 20_000)
    }
    #expect(probabilities.count { $0 > 0.01 } >= 9, "\(probabilities)")
    var generator = PhiloxGenerator(seed: 71)
    let wrong = goodnessOfFit(
      counts: counts(flow.sample(5_000, using: &generator), box, cells), masses: masses,
      total: 5_000)
    #expect(wrong < 1e-6, "draws of the shape alone pass with p = \(wrong)")
  }

  @Test("carry their log-density, without derivatives")
  func logDensities() {
    let density = ResidualDensity(
      base: Laplace<Double>(dimension: 2, isLearnable: true), shape: TrainedFlows.two)
    var generator = PhiloxGenerator(seed: 72)
    let (samples, logDensity) = density.sampleWithLogDensity(500, using: &generator)
    #expect(samples.shape == [500, 2])
    #expect(logDensity == density.logDensity(of: samples))
    var again = PhiloxGenerator(seed: 72)
    #expect(density.sample(500, using: &again) == samples)
    _ = gradient(at: density) { density in
      var generator = PhiloxGenerator(seed: 72)
      let (samples, logDensity) = density.sampleWithLogDensity(10, using: &generator)
      #expect(!samples.isTracked && !logDensity.isTracked)
      return Tensor(0)
    }
    #expect(density.sample(0, using: &again).shape == [0, 2])
  }

  @Test("are accepted as often as expected")
  func acceptance() throws {
    let shape = Gaussian<Double>(location: Tensor([2, 0]), scale: Tensor([0.5, 1]))
    let base = Laplace<Double>(dimension: 2)
    let density = ResidualDensity(base: base, shape: shape)
    let expected = try #require(density.expectedAcceptance())
    var generator = PhiloxGenerator(seed: 73)
    let (draws, uniform) = (
      shape.sample(100_000, using: &generator),
      Tensor<Double>.uniform([100_000], using: &generator)
    )
    let bound = try #require(base.logDensityBound)
    let rate = (uniform .< exp(base.logDensity(of: draws) - bound)).mean().scalar
    #expect(abs(rate - expected) < 4 * (expected * (1 - expected) / 100_000).squareRoot())
    let unbounded = ResidualDensity(base: TrainedFlows.two, shape: shape)
    #expect(unbounded.expectedAcceptance() == nil)
    let given = ResidualDensity(base: base, shape: shape, normalization: .given(bound))
    #expect(given.expectedAcceptance() == 1)
  }

  @Test("have the closed form of a distribution function")
  func closedForm() {
    let scale = 2.0
    let density = ResidualDensity(
      base: Laplace<Double>(dimension: 1),
      shape: Gaussian<Double>(location: Tensor([0]), scale: Tensor([scale])))
    var generator = PhiloxGenerator(seed: 75)
    let draws = density.sample(40_000, using: &generator).scalars
    // For x < 0, e^(rx) N(x; 0, σ²) is a Gaussian of mean rσ².
    func probability(rate: Double) -> Double {
      func below(_ x: Double) -> Double {
        erfc(-(x / scale - rate * scale) / 2.0.squareRoot())
          / erfc(rate * scale / 2.0.squareRoot()) / 2
      }
      return kolmogorovSmirnov(draws) { $0 < 0 ? below($0) : 1 - below(-$0) }
    }
    #expect(probability(rate: 1) > 0.001, "p = \(probability(rate: 1))")
    #expect(probability(rate: 0.9) < 1e-6, "a base that is a tenth wider passes")
  }

  @Test("are found where few draws are accepted")
  func rare() {
    let shape = Gaussian<Double>(location: Tensor([9]), scale: Tensor([0.5]))
    let density = ResidualDensity(base: Laplace<Double>(dimension: 1), shape: shape)
    var generator = PhiloxGenerator(seed: 74)
    // The product of e^−x and the Gaussian is the Gaussian moved by σ².
    let draws = density.sample(300, using: &generator)
    let p = kolmogorovSmirnov(draws.scalars) { 0.5 * erfc(-($0 - 8.75) / 0.5 / 2.0.squareRoot()) }
    #expect(p > 0.001, "p = \(p)")
  }

  @Test("need a bound and some overlap")
  func preconditions() async {
    let unbounded = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var generator = PhiloxGenerator(seed: 1)
      let base = NormalizingFlow<Float>.rle(using: &generator)
      let density = ResidualDensity(base: base, shape: Gaussian<Float>(dimension: 2))
      _ = density.sample(1, using: &generator)
    }
    #expect(text(unbounded).contains("need a base with a known bound of its log-density"))
    let hopeless = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var generator = PhiloxGenerator(seed: 1)
      let shape = Gaussian<Float>(location: Tensor([60]), scale: Tensor([1]))
      let density = ResidualDensity(base: Laplace<Float>(dimension: 1), shape: shape)
      _ = density.sample(1, using: &generator)
    }
    #expect(text(hopeless).contains("base and shape hardly overlap"))
  }

  private func text(_ result: ExitTest.Result?) -> String {
    String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
  }
}
