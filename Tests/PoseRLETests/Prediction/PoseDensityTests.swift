import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Densities of poses")
struct PoseDensityTests {
  static func laplace(_ location: [Double], _ scale: [Double]) -> Laplace<Double> {
    Laplace(location: Tensor(location), scale: Tensor(scale))
  }

  /// Three joints with errors of their own, sheared or not.
  static func poses(isSheared: Bool) throws -> (PoseDensity<Double>, Tensor<Double>) {
    var generator = PhiloxGenerator(seed: 5)
    let errors = [
      ErrorDistribution<Double>(laplace([0, 0], [1, 1]), sampleCount: 4_000),
      ErrorDistribution<Double>(Gaussian<Double>(dimension: 2), sampleCount: 4_000),
      ErrorDistribution<Double>(laplace([0.5, -0.5], [0.5, 2]), sampleCount: 4_000),
    ]
    let mean = Tensor<Double>.normal([4, 3, 2], using: &generator)
    let logScale = Tensor<Double>.normal([4, 3, 2], using: &generator)
    let shear = Tensor<Double>.normal([4, 3, 1], using: &generator)
    let poses = PoseDensity(
      mean: mean, logScale: logScale, shear: isSheared ? shear : nil, errors: errors)
    let calibration = Calibration(
      scales: [0.5, 1, 2],
      levelMaps: [
        LevelMap(ranks: [0.1, 0.3, 0.9]), LevelMap(ranks: [0.5]),
        LevelMap(ranks: (0..<50).map { Double($0) / 100 }),
      ])
    let positions = Tensor<Double>.normal([4, 3, 2], using: &generator)
    return (try poses.calibrated(by: calibration), positions)
  }

  @Test("a batch says what its keypoints say", arguments: [false, true])
  func batch(isSheared: Bool) throws {
    let (poses, positions) = try Self.poses(isSheared: isSheared)
    let logDensity = poses.logDensity(of: positions)
    let ranks = poses.ranks(of: positions)
    let contained = poses.contains(positions, level: 0.6)
    let interval = poses.interval(level: 0.8)
    let volumes = poses.volumes(level: 0.4)
    for pose in 0..<4 {
      for joint in 0..<3 {
        let density = poses[pose, joint]
        let point = [positions[pose, joint, 0], positions[pose, joint, 1]]
        #expect(abs(density.logDensity(at: point) - logDensity[pose, joint]) < 1e-12)
        #expect(density.rank(of: point) == ranks[pose, joint])
        #expect(density.contains(point, level: 0.6) == (contained[pose, joint] == 1))
        #expect(abs(density.volume(level: 0.4) / volumes[pose, joint] - 1) < 1e-12)
        let (lower, upper) = density.interval(level: 0.8)
        for axis in 0..<2 {
          #expect(abs(density.mean[axis] - poses.mean[pose, joint, axis]) < 1e-12)
          #expect(abs(density.median[axis] - poses.median[pose, joint, axis]) < 1e-12)
          #expect(abs(lower[axis] - interval.lower[pose, joint, axis]) < 1e-12)
          #expect(abs(upper[axis] - interval.upper[pose, joint, axis]) < 1e-12)
          let deviation = poses.standardDeviation[pose, joint, axis]
          #expect(abs(density.standardDeviation[axis] / deviation - 1) < 1e-12)
          for other in 0..<2 {
            let value = poses.covariance[pose, joint, axis, other]
            #expect(abs(density.covariance[axis][other] - value) < 1e-12 * max(1, abs(value)))
          }
        }
      }
    }
    #expect(Set(contained.scalars) == [0, 1])
    let outlines = poses.outlines(pose: 2, level: 0.4, resolution: 64)
    for joint in 0..<3 {
      #expect(outlines[joint] == poses[2, joint].outline(level: 0.4, resolution: 64))
    }
  }

  @Test("draws have the ranks, means and intervals that were predicted")
  func draws() throws {
    let (calibrated, _) = try Self.poses(isSheared: true)
    let poses = try calibrated.calibrated(by: Calibration(scales: [0.5, 1, 2]))
    var generator = PhiloxGenerator(seed: 6)
    let draws = poses.sample(3_000, using: &generator)
    #expect(draws.shape == [3_000, 4, 3, 2])
    let mean = draws.mean(axis: 0)
    let deviations = ((mean - poses.mean) / poses.standardDeviation).scalars
    for deviation in deviations { #expect(abs(deviation) < 4.5 / 3_000.0.squareRoot()) }
    let (lower, upper) = poses.interval(level: 0.8)
    let within = ((draws .> lower) * (draws .< upper)).mean(axis: 0).scalars
    for value in within { #expect(abs(value - 0.8) < 0.045) }
    for joint in 0..<3 {
      let density = poses[1, joint]
      let rows = draws.slice(1..<2, axis: 1).slice(joint..<(joint + 1), axis: 2)
        .reshaped(to: [3_000, 2])
      #expect(uniformDistance(density.ranks(of: rows).scalars) < 0.045)
    }
  }

  @Test("coverage of data from the model is nominal")
  func nominal() throws {
    var generator = PhiloxGenerator(seed: 7)
    let flow = NormalizingFlow<Double>.rle(dimension: 3, using: &generator)
    let data = SyntheticPoses(flow, poses: 600, joints: 5, seed: 9)
    let report = try data.density([ErrorDistribution(flow, sampleCount: 40_000)])
      .coverage(of: data.positions)
    #expect(report.keypointCount == 3_000 && report.groupCount == 600)
    for entry in report.entries {
      let error = try #require(entry.coverage.standardError)
      #expect(abs(entry.coverage.value - entry.level) < 4 * error)
      #expect(error < 0.012)
      #expect(entry.jointCoverages.count == 5)
    }
    let truth =
      -(data.density([ErrorDistribution(flow, sampleCount: 10)])
      .logDensity(of: data.positions).mean().scalar)
    let loss = try #require(report.negativeLogLikelihood)
    #expect(abs(loss.value - truth) < 1e-9)
  }

  @Test("a flow trained on errors off centre")
  func trained() throws {
    // A skewed density with known moments: exponential along both axes, mixed.
    func errors(_ count: Int, seed: UInt64) -> Tensor<Float> {
      var generator = PhiloxGenerator(seed: seed)
      let draws = -log(1 - Tensor<Float>.uniform([count, 2], using: &generator))
      let (x, y) = (draws[columns: 0..<1], draws[columns: 1..<2])
      return .concatenated([x, 0.5 * y - 0.5 * x - 1], axis: 1)
    }
    var generator = PhiloxGenerator(seed: 1)
    var flow = NormalizingFlow<Float>.realNVP(
      dimension: 2, layers: 6, hidden: [32, 32], using: &generator)
    try flow.fit(
      errors(8_000, seed: 2),
      options: FitOptions {
        $0.steps = 600
        $0.batchSize = 256
      })
    let distribution = ErrorDistribution(flow)
    let scale = Float(0.1)
    let poses = PoseDensity(
      mean: .zeros([1_000, 4, 2]),
      logScale: Tensor(repeating: Foundation.log(scale), shape: [1_000, 4, 2]),
      errors: [distribution])
    // The mean is that of the errors, not μ = 0.
    #expect(abs(poses.mean[0, 0, 0] - 0.1) < 0.01)
    #expect(abs(poses.mean[0, 0, 1] + 0.1) < 0.01)
    #expect(abs(poses.covariance[0, 0, 0, 1] + 0.005) < 0.001)
    let fresh = errors(4_000, seed: 3).reshaped(to: [1_000, 4, 2]) * scale
    for entry in try poses.coverage(of: fresh).entries {
      #expect(abs(entry.coverage.value - entry.level) < 0.035)
    }
  }
}
