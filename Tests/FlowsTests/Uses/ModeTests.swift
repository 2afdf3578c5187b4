import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Modes")
struct ModeTests {
  @Test("of a mixture are all found, the highest first")
  func mixture() throws {
    try check(Double.self, tolerance: 1e-5)
    try check(Float.self, tolerance: 5e-3)
  }

  private func check<S: TensorScalar>(_ type: S.Type, tolerance: Double) throws {
    let means: [[S]] = [[0, 0], [6, 1], [-4, 7]]
    let density = Mixture<S>(
      means.map { Gaussian(location: Tensor($0), scale: Tensor([1, 0.5])) }, weights: [2, 3, 1])
    var generator = PhiloxGenerator(seed: 91)
    let modes = try density.modes(using: &generator)
    #expect(modes.count == 3)
    // The others' slopes at each mean are below e⁻¹⁵.
    for (mode, index) in zip(modes, [1, 0, 2]) {
      for (found, expected) in zip(mode.point, means[index]) {
        #expect(abs(found - Double(expected)) < tolerance)
      }
      let weight = [2.0, 3, 1][index] / 6
      #expect(abs(mode.logDensity - log(weight / (2 * .pi * 0.5))) < tolerance)
      #expect(mode.isMaximum && mode.ascents >= 1)
      #expect(mode.gradientNorm < 0.01)
    }
    #expect(modes.reduce(0) { $0 + $1.ascents } == 32)
  }

  @Test("of a long, narrow hill in many columns is its top")
  func illConditioned() throws {
    let n = 12
    var generator = PhiloxGenerator(seed: 92)
    let root = Tensor<Double>.normal([n, n], using: &generator)
    let covariance =
      root.matmul(root.transposed()) + Tensor<Double>.identity(n) * 1e-3
    let mean = Tensor<Double>.normal([n], using: &generator) * 10
    let density = try MultivariateGaussian(mean: mean, covariance: covariance)
    let modes = try density.modes(starts: 8, using: &generator)
    #expect(modes.count == 1)
    let mode = try #require(modes.first)
    #expect(deviation("mode", found: mode.point, expected: mean.scalars, tolerance: 1e-6) == nil)
    #expect(mode.isMaximum)
    #expect(abs(mode.logDensity - (density.logDensityBound ?? .nan)) < 1e-10)
  }

  @Test("at kinks and at the ends of a support are no smooth maxima")
  func kinksAndEnds() throws {
    var generator = PhiloxGenerator(seed: 93)
    let laplace = Laplace<Double>(location: Tensor([3, -1]), scale: Tensor([1, 20]))
    let kink = try laplace.modes(using: &generator)
    #expect(kink.count == 1)
    #expect(
      deviation("kink", found: kink[0].point, expected: [3, -1], tolerance: 1e-9) == nil)
    #expect(abs(kink[0].logDensity - (laplace.logDensityBound ?? .nan)) < 1e-9)
    let exponential = Gamma<Double>(concentration: Tensor([1]), rate: Tensor([2]))
    let end = try exponential.modes(using: &generator)
    #expect(end.count == 1 && end[0].point[0] < 1e-3 && !end[0].isMaximum)
    #expect(end[0].gradientNorm > 0.1)
    // A plateau is one place, and no strict maximum.
    let flat = try Uniform<Double>(dimension: 2).modes(using: &generator)
    #expect(flat.count == 1 && flat[0].gradientNorm == 0 && !flat[0].isMaximum)
  }

  @Test("of flows have scores of zero, whatever the context")
  func flows() throws {
    var generator = PhiloxGenerator(seed: 94)
    let flow = NormalizingFlow(base: Gaussian<Double>(dimension: 3)) {
      for index in 0..<3 {
        AffineCoupling(
          dimension: 3, mask: .alternating(index), contextDimension: 2, hidden: [16],
          activation: .tanh, using: &generator)
      }
    }
    let context = Tensor<Double>([[0.5, -2]])
    let modes = try flow.modes(context: context, starts: 12, using: &generator)
    let best = try #require(modes.first)
    let score = flow.score(of: Tensor([best.point]), context: context)
    #expect(abs(score).flattened().max(axis: 0).scalar < 1e-5)
    #expect(best.isMaximum)
    // No draw is higher.
    let draws = flow.sample(
      4_000, context: context.rows(Array(repeating: 0, count: 4_000)), using: &generator)
    let highest = flow.logDensities(
      of: draws, context: context.rows(Array(repeating: 0, count: 4_000))
    ).max()
    #expect(best.logDensity >= highest ?? .infinity)
  }
}
