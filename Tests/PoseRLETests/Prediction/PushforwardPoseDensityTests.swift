import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Densities of the basic design")
struct PushforwardPoseDensityTests {
  static func flow(_ seed: UInt64) -> NormalizingFlow<Double> {
    var generator = PhiloxGenerator(seed: seed)
    return .rle(dimension: 2, using: &generator)
  }

  @Test("a map that does nothing leaves the Gaussian")
  func identity() throws {
    var generator = PhiloxGenerator(seed: 1)
    let flow = NormalizingFlow<Double>.realNVP(dimension: 2, using: &generator)
    let data = SyntheticPoses(Gaussian<Double>(dimension: 2), poses: 20, joints: 3, seed: 91)
    let pushed = PushforwardPoseDensity(mean: data.mean, logScale: data.logScale, flow: flow)
    let plain = data.density([ErrorDistribution(Gaussian<Double>(dimension: 2))])
    for (a, b) in zip(
      pushed.logDensity(of: data.positions).scalars, plain.logDensity(of: data.positions).scalars)
    {
      #expect(abs(a - b) < 1e-10)
    }
    for (a, b) in zip(
      pushed.ranks(of: data.positions).scalars, plain.ranks(of: data.positions).scalars)
    {
      #expect(abs(a - b) < 0.06)
    }
    for (a, b) in zip(pushed.prediction.scalars, data.mean.scalars) { #expect(abs(a - b) < 1e-12) }
    let quantile = (pushed.quantile(0.8, draws: 4_000) - data.mean) / exp(data.logScale)
    for value in quantile.scalars { #expect(abs(value - 0.841_621) < 0.1) }
  }

  @Test("a density that integrates to one, with draws of its own")
  func curved() throws {
    let flow = Self.flow(2)
    let mean = Tensor<Double>(shape: [1, 2, 2], scalars: [0.3, -0.2, -0.5, 0.4])
    let logScale = Tensor<Double>(repeating: Foundation.log(0.5), shape: [1, 2, 2])
    let density = PushforwardPoseDensity(mean: mean, logScale: logScale, flow: flow)
    var generator = PhiloxGenerator(seed: 3)
    let count = 800
    let draws = density.sample(count, using: &generator)
    #expect(draws.shape == [count, 1, 2, 2])
    // The same two densities once for each draw.
    let many = PushforwardPoseDensity(
      mean: mean.broadcast(to: [count, 2, 2]), logScale: logScale.broadcast(to: [count, 2, 2]),
      flow: flow)
    let positions = draws.reshaped(to: [count, 2, 2])
    let ranks = many.ranks(of: positions, draws: 300)
    // The draws are the same for all keypoints, so their errors add to those of the ranks.
    #expect(uniformDistance(ranks.scalars) < 1.95 * (1 / 800.0 + 1 / 300.0).squareRoot())
    let report = try many.coverage(of: positions, draws: 300)
    for entry in report.entries {
      #expect(abs(entry.coverage.value - entry.level) < 0.1)
      #expect(entry.meanVolume == nil)
    }
    // Importance sampling from a wide Gaussian finds the whole mass.
    let proposal = Gaussian<Double>(dimension: 2)
    let (points, logProposal) = proposal.sampleWithLogDensity(40_000, using: &generator)
    let scaled = PushforwardPoseDensity(
      mean: mean[rows: 0..<1].slice(0..<1, axis: 1).broadcast(to: [40_000, 1, 2]),
      logScale: logScale.slice(0..<1, axis: 1).broadcast(to: [40_000, 1, 2]), flow: flow)
    let logDensity = scaled.logDensity(of: (points * 3).reshaped(to: [40_000, 1, 2])).flattened()
    let mass = exp(logDensity - logProposal).mean().scalar * 9
    #expect(abs(mass - 1) < 0.05)
    let moved = flow.toData(mean.reshaped(to: [2, 2])).value.scalars
    #expect(density.prediction.scalars == moved)
  }

  @Test("positions that are not finite, and maps of levels")
  func ends() {
    let density = PushforwardPoseDensity(
      mean: Tensor<Double>.zeros([1, 2, 2]), logScale: .zeros([1, 2, 2]), flow: Self.flow(4))
    let positions = Tensor<Double>(shape: [1, 2, 2], scalars: [.nan, 0, 0, 0])
    #expect(density.logDensity(of: positions).scalars[0] == -.infinity)
    #expect(density.ranks(of: positions).scalars[0] == 1)
    let rank = density.ranks(of: positions).scalars[1]
    let mapped = PushforwardPoseDensity(
      mean: density.mean, logScale: density.logScale, flow: density.flow,
      levelMaps: [LevelMap(ranks: [rank / 2, rank.nextUp])])
    #expect(mapped.ranks(of: positions).scalars == [1, 1 / 3.0])
  }
}
