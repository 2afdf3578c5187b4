import FlowChecks
import Foundation
import Testing

@testable import Flows

@Suite("Ensembles and mixtures of flows")
struct EnsembleTests {
  private static let options = FitOptions {
    $0.steps = 200
    $0.batchSize = 128
    $0.learningRate = .constant(0.01)
  }

  private func fitted() throws -> Ensemble<NormalizingFlow<Float>> {
    var generator = PhiloxGenerator(seed: 161)
    let data = Tensor<Float>.normal([1_000, 2], using: &generator) * Tensor([100, 0.01]) + 7
    let (ensemble, reports) = try Ensemble.fitted(to: data, members: 3, options: Self.options) {
      NormalizingFlow<Float>.realNVP(dimension: 2, layers: 3, hidden: [16], using: &$0)
    }
    #expect(reports.count == 3 && reports.allSatisfy { $0.skippedSteps == 0 })
    return ensemble
  }

  @Test("disagree where there were no rows, and agree where there were")
  func disagreement() throws {
    let ensemble = try fitted()
    let inside = Tensor<Float>([[7, 7], [107, 7.01], [-93, 7]])
    let outside = Tensor<Float>([[1_007, 7], [7, 6.9], [-700, 7.08]])
    let (near, far) = (ensemble.disagreement(of: inside), ensemble.disagreement(of: outside))
    #expect(near.scalars.allSatisfy { $0 < 0.3 })
    let pair = (near.mean().scalar, far.mean().scalar)
    #expect(pair.1 > 10 * pair.0, "\(pair)")
    // By hand: the mean density and the variance of log-densities.
    let each = ensemble.memberLogDensities(of: inside)
    let rows = (0..<3).map { row in (0..<3).map { Double(each[row, $0]) } }
    for (row, values) in rows.enumerated() {
      let mean = log(values.reduce(0) { $0 + exp($1) } / 3)
      #expect(abs(Double(ensemble.logDensity(of: inside).scalars[row]) - mean) < 1e-4)
      let middle = values.reduce(0, +) / 3
      let variance = values.reduce(0) { $0 + ($1 - middle) * ($1 - middle) } / 2
      #expect(abs(Double(near.scalars[row]) - variance) < 1e-4)
    }
    #expect(Set(ensemble.members.map { $0.logDensity(of: inside).scalars }).count == 3)
  }

  @Test("are kept in one file, which is a mixture's")
  func files() throws {
    var generator = PhiloxGenerator(seed: 162)
    let members = (0..<3).map { _ in
      NormalizingFlow<Float>.realNVP(
        dimension: 2, contextDimension: 1, layers: 2, hidden: [4], using: &generator)
    }
    let ensemble = Ensemble(members)
    let (x, context) = (
      Tensor<Float>.normal([50, 2], using: &generator),
      Tensor<Float>.normal([50, 1], using: &generator)
    )
    try withTemporaryFolder { folder in
      let path = folder + "/ensemble.safetensors"
      try ensemble.save(to: path)
      let copy = try Ensemble<NormalizingFlow<Float>>.load(from: path)
      #expect(copy.members.count == 3)
      #expect(
        copy.disagreement(of: x, context: context)
          == ensemble.disagreement(of: x, context: context))
      let mixture = try Mixture<Float>.load(from: path)
      #expect(
        mixture.logDensity(of: x, context: context) == ensemble.logDensity(of: x, context: context))
      #expect(throws: FlowsError.self) { _ = try Ensemble<Gaussian<Float>>.load(from: path) }
      try Mixture<Float>(members, weights: [1, 2, 3]).save(to: path)
      #expect(throws: FlowsError.self) {
        _ = try Ensemble<NormalizingFlow<Float>>.load(from: path)
      }
    }
    #expect(ensemble.contextDimension == 1 && ensemble.dimension == 2)
    #expect(
      ensemble.sample(10, context: context[rows: 0..<10], using: &generator).shape == [10, 2])
  }

  @Test("mixtures of flows are fitted in the units of the data, saved, and drawn from")
  func mixtures() throws {
    var generator = PhiloxGenerator(seed: 163)
    // Two clusters in units that no network sees.
    let truth = Mixture<Float>([
      Gaussian(location: Tensor([5_000, 0]), scale: Tensor([200, 0.001])),
      Gaussian(location: Tensor([8_000, 0.01]), scale: Tensor([500, 0.002])),
    ])
    let data = truth.sample(3_000, using: &generator)
    var model = Mixture<Float>(
      (0..<2).map { _ in
        NormalizingFlow<Float>.realNVP(dimension: 2, layers: 3, hidden: [16], using: &generator)
      }, isLearnable: true)
    var options = Self.options
    options.steps = 500
    let report = try model.fit(data, options: options)
    #expect(report.skippedSteps == 0)
    for part in model.parts {
      #expect((part as? NormalizingFlow<Float>)?.standardization != nil)
    }
    let fresh = truth.sample(2_000, using: &generator)
    let loss = truth.logLikelihood(of: fresh).difference(from: model.logLikelihood(of: fresh))
    #expect(loss.value < 0.2, "KL \(loss)")
    try withTemporaryFolder { folder in
      try model.save(to: folder + "/mixture.safetensors")
      let copy = try Mixture<Float>.load(from: folder + "/mixture.safetensors")
      #expect(copy.logDensity(of: fresh) == model.logDensity(of: fresh))
      var (one, other) = (generator, generator)
      #expect(copy.sample(100, using: &one) == model.sample(100, using: &other))
    }
    let drawn = model.sample(2_000, using: &generator)
    let backwards = model.logLikelihood(of: drawn).difference(from: truth.logLikelihood(of: drawn))
    #expect(drawn.isFinite && backwards.value < 0.5, "\(backwards)")
  }

  @Test("mixtures of flows give the same bits on one thread and on several")
  func threads() throws {
    let before = Workers.count
    defer { Workers.count = before }
    let results = try [1, 2, 3].map { threads in
      Workers.count = threads
      var generator = PhiloxGenerator(seed: 164)
      var model = Mixture<Float>(
        (0..<2).map { _ in
          NormalizingFlow<Float>.realNVP(dimension: 2, layers: 2, hidden: [8], using: &generator)
        }, isLearnable: true)
      let data = Tensor<Float>.normal([700, 2], using: &generator)
      try model.fit(
        data,
        options: FitOptions {
          $0.steps = 20
          $0.threads = threads
        })
      let draws = model.sample(3_000, using: &generator)
      return [draws, model.logDensity(of: draws)]
    }
    #expect(results[0] == results[1] && results[0] == results[2])
  }
}
