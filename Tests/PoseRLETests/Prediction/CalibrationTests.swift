import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Calibration")
struct CalibrationTests {
  static let laplace = ErrorDistribution<Double>(Laplace<Double>(dimension: 2), sampleCount: 50_000)
  static let gaussian = ErrorDistribution<Double>(
    Gaussian<Double>(dimension: 2), sampleCount: 50_000)

  @Test(
    "a wrong scale is found and repaired", arguments: [0.4, 2.5],
    [CalibrationOptions.ScaleCriterion.likelihood, .coverage(levels: [0.5, 0.8, 0.95])])
  func scale(factor: Double, criterion: CalibrationOptions.ScaleCriterion) throws {
    let data = SyntheticPoses(Laplace<Double>(dimension: 2), poses: 500, joints: 8, seed: 21)
    let fit = try Calibration.fit(
      data.density([Self.laplace], scaledBy: factor), to: data.positions,
      options: CalibrationOptions(scale: criterion))
    let error = Foundation.log(fit.calibration.scales[0] * factor)
    if criterion == .likelihood {
      let deviation = try #require(fit.logScaleStandardErrors[0])
      // The information on log T of a Laplace error is one per axis.
      #expect(abs(deviation - 1 / 8_000.0.squareRoot()) < 0.15 / 8_000.0.squareRoot())
      #expect(abs(error) < 4 * deviation)
      // The solution in closed form: T = the mean of |x|.
      let x = (data.positions - data.mean) / exp(data.logScale)
      #expect(abs(error - Foundation.log(abs(x).mean().scalar)) < 1e-4)
    } else {
      #expect(abs(error) < 0.05)
    }
    let before = try #require(fit.before.negativeLogLikelihood).value
    #expect(try #require(fit.after.negativeLogLikelihood).value < before - 0.1)
    #expect(fit.before.meanAbsoluteError > 0.1)

    let fresh = SyntheticPoses(Laplace<Double>(dimension: 2), poses: 500, joints: 8, seed: 22)
    let report = try fresh.density([Self.laplace], scaledBy: factor)
      .calibrated(by: fit.calibration).coverage(of: fresh.positions)
    for entry in report.entries { #expect(abs(entry.coverage.value - entry.level) < 0.03) }
  }

  @Test("tails of the wrong weight are beyond a scale, not beyond a map of levels")
  func tails() throws {
    let heavy = StudentT<Double>(dimension: 2, degreesOfFreedom: 2)
    let held = SyntheticPoses(heavy, poses: 2_000, joints: 4, seed: 31)
    let fresh = SyntheticPoses(heavy, poses: 1_500, joints: 4, seed: 32)
    // Without a scale more than 5 % of the errors lie beyond all draws of the model.
    func worst(_ options: CalibrationOptions) throws -> Double {
      let fit = try Calibration.fit(
        held.density([Self.gaussian]), to: held.positions, options: options)
      let report = try fresh.density([Self.gaussian]).calibrated(by: fit.calibration)
        .coverage(of: fresh.positions)
      return report.entries.reduce(0) { max($0, abs($1.coverage.value - $1.level)) }
    }
    #expect(try worst(CalibrationOptions()) > 0.1)
    #expect(try worst(CalibrationOptions(levelMap: .allJoints)) < 0.03)
    #expect(try worst(CalibrationOptions(scale: .none, levelMap: .eachJoint)) < 0.03)
  }

  @Test("joints that are wrong by different factors")
  func joints() throws {
    let factors = [0.4, 1, 3]
    func poses(_ seed: UInt64) -> (PoseDensity<Double>, Tensor<Double>) {
      let data = SyntheticPoses(Gaussian<Double>(dimension: 2), poses: 1_500, joints: 3, seed: seed)
      let shift = Tensor(factors.map { [Foundation.log($0)] })
      return (
        PoseDensity(mean: data.mean, logScale: data.logScale - shift, errors: [Self.gaussian]),
        data.positions
      )
    }
    let (held, positions) = poses(41)
    let one = try Calibration.fit(held, to: positions)
    let each = try Calibration.fit(
      held, to: positions, options: CalibrationOptions(scaleSharing: .eachJoint))
    #expect(one.calibration.scales.count == 1)
    for (scale, factor) in zip(each.calibration.scales, factors) {
      #expect(abs(scale / factor - 1) < 0.05)
    }
    let (fresh, truth) = poses(42)
    for entry in try fresh.calibrated(by: each.calibration).coverage(of: truth).entries {
      for joint in entry.jointCoverages {
        #expect(abs(try #require(joint).value - entry.level) < 0.05)
      }
    }
    let shared = try fresh.calibrated(by: one.calibration).coverage(of: truth)
    #expect(try #require(shared.entries[0].jointCoverages[0]).value > 0.7)
    // A fit starts from the predictions, not from the calibration before.
    let again = try Calibration.fit(held.calibrated(by: one.calibration), to: positions)
    #expect(again.calibration == one.calibration)
    // One distribution of errors for each joint gives the same.
    let data = SyntheticPoses(Gaussian<Double>(dimension: 2), poses: 300, joints: 2, seed: 43)
    let options = CalibrationOptions(scaleSharing: .eachJoint, levelMap: .eachJoint)
    let copies = try Calibration.fit(
      data.density([Self.gaussian, Self.gaussian]), to: data.positions, options: options)
    let single = try Calibration.fit(
      data.density([Self.gaussian]), to: data.positions, options: options)
    #expect(copies == single)
  }

  @Test(
    "every group counts alike where it should, however long it is",
    arguments: [
      CalibrationOptions.ScaleCriterion.likelihood, .coverage(levels: [0.5, 0.8]),
    ])
  func groups(criterion: CalibrationOptions.ScaleCriterion) throws {
    // A long motion with small errors, a short one with errors three times as large.
    var generator = PhiloxGenerator(seed: 5)
    let lengths = [8_000, 2_000]
    let count = lengths[0] + lengths[1]
    let groups = (0..<count).map { $0 < lengths[0] ? 4 : 9 }
    let factors = Tensor<Double>(
      shape: [count, 1, 1], scalars: groups.map { $0 == 4 ? 1 : 3 })
    let positions = Tensor<Double>.normal([count, 1, 2], using: &generator) * factors
    let density = PoseDensity(
      mean: .zeros(positions.shape), logScale: .zeros(positions.shape), errors: [Self.gaussian])
    var options = CalibrationOptions(scale: criterion, levelMap: .allJoints)
    let pooled = try Calibration.fit(density, to: positions, groups: groups, options: options)
    options.countsGroupsAlike = true
    let fit = try Calibration.fit(density, to: positions, groups: groups, options: options)
    if criterion == .likelihood {
      // The variance of the likeliest Gaussian is the mean of both: (1 + 9)/2, or by length.
      #expect(abs(fit.calibration.scales[0] - 5.0.squareRoot()) < 0.06)
      #expect(abs(pooled.calibration.scales[0] - 2.6.squareRoot()) < 0.06)
    } else {
      #expect(fit.calibration.scales[0] > pooled.calibration.scales[0] + 0.05)
    }
    let ranks = try density.calibrated(by: fit.calibration).ranks(of: positions).scalars
    for level in [0.5, 0.8, 0.95] {
      func share(_ ranks: ArraySlice<Double>) -> Double {
        Double(ranks.filter { $0 < level }.count) / Double(ranks.count)
      }
      let mean = (share(ranks[..<lengths[0]]) + share(ranks[lengths[0]...])) / 2
      #expect(abs(mean - level) < 0.01, "\(level): \(mean)")
    }
  }

  @Test("keypoints without a label are left out")
  func labels() throws {
    let data = SyntheticPoses(Laplace<Double>(dimension: 2), poses: 200, joints: 3, seed: 51)
    var positions = data.positions
    positions.withMutableScalars { scalars in
      for pose in 0..<200 { scalars[pose * 6 + 2] = .nan }
    }
    var weights = Tensor<Double>.ones([200, 3])
    weights.withMutableScalars { scalars in
      for pose in 0..<200 { scalars[pose * 3 + 1] = 0 }
    }
    let density = data.density([Self.laplace], scaledBy: 0.5)
    let fit = try Calibration.fit(density, to: positions, weights: weights)
    let kept = PoseDensity(
      mean: data.mean.gathering([0, 2], axis: 1),
      logScale: data.logScale.gathering([0, 2], axis: 1) + Foundation.log(0.5),
      errors: [Self.laplace])
    let other = try Calibration.fit(kept, to: positions.gathering([0, 2], axis: 1))
    #expect(abs(fit.calibration.scales[0] - other.calibration.scales[0]) < 1e-9)
    #expect(fit.before.keypointCount == 400)
    #expect(fit.before.entries[0].jointCoverages[1] == nil)

    func failure(_ body: () throws -> Void) -> PoseError? {
      #expect(throws: PoseError.self) { try body() }
    }
    let place = failure { _ = try Calibration.fit(density, to: positions) }
    #expect(place?.kind == .invalidData && place?.path == "positions[0, 1]")
    let none = failure {
      _ = try density.coverage(of: positions, weights: .zeros([200, 3]))
    }
    #expect(none?.kind == .invalidData)
    let negative = failure {
      _ = try density.coverage(of: positions, weights: -weights)
    }
    #expect(negative?.path == "weights[0, 0]")
    let joint = failure {
      _ = try Calibration.fit(
        density, to: positions, weights: weights,
        options: CalibrationOptions(scaleSharing: .eachJoint))
    }
    #expect(joint?.message.contains("joint 1") == true)
    let mismatch = failure { _ = try density.calibrated(by: Calibration(scales: [1, 2])) }
    #expect(mismatch?.kind == .modelMismatch)
  }

  @Test("one pose")
  func onePose() throws {
    let data = SyntheticPoses(Laplace<Double>(dimension: 2), poses: 1, joints: 17, seed: 61)
    let fit = try Calibration.fit(
      data.density([Self.laplace]), to: data.positions,
      options: CalibrationOptions(levelMap: .allJoints))
    #expect(fit.logScaleStandardErrors == [nil])
    #expect(fit.before.entries.allSatisfy { $0.coverage.standardError == nil })
    #expect(fit.before.groupCount == 1)
    #expect(fit.calibration.scales[0] > 0.3 && fit.calibration.scales[0] < 3)
    // 17 ranks cannot vouch for 95 %: that region is the whole plane.
    #expect(fit.after.entries[2].coverage.value == 1)
    #expect(fit.after.entries[2].meanVolume == nil)
  }

  @Test("stored as JSON")
  func stored() throws {
    let calibration = Calibration(
      scales: [0.5, 1.25], levelMaps: [LevelMap(ranks: [0.3, 0.1]), LevelMap(ranks: [1])])
    let data = try JSONEncoder().encode(calibration)
    #expect(try JSONDecoder().decode(Calibration.self, from: data) == calibration)
    for text in [
      #"{"scales": [], "levelMaps": []}"#, #"{"scales": [0]}"#, #"{"scales": [-1]}"#,
      #"{"scales": [1], "levelMaps": [[]]}"#, #"{"scales": [1], "levelMaps": [[1.5]]}"#,
    ] {
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(Calibration.self, from: Data(text.utf8))
      }
    }
    let plain = try JSONDecoder().decode(Calibration.self, from: Data(#"{"scales": [2]}"#.utf8))
    #expect(plain == Calibration(scales: [2]))
  }
}

@Suite("Maps of levels")
struct LevelMapTests {
  @Test("ranks and levels agree on what a region holds")
  func consistency() {
    var generator = PhiloxGenerator(seed: 71)
    for count in [1, 2, 9, 19, 99] {
      let map = LevelMap(ranks: Tensor<Double>.uniform([count], using: &generator).scalars)
      let tried = map.ranks + Tensor<Double>.uniform([50], using: &generator).scalars + [0, 1]
      let levels =
        (0...100).map { Double($0) / 100 }
        + (0...(count + 1)).map {
          Double($0) / Double(count + 1)
        }
      for level in levels {
        let nominal = map.nominal(level: level)
        for rank in tried where rank < 1 {
          #expect((map.calibrated(rank: rank) < level) == (rank < nominal))
        }
      }
      #expect(map.calibrated(rank: 1) == 1)
      #expect(map.nominal(level: 0) == 0 && map.nominal(level: 1) == 1)
    }
  }

  @Test("the threshold is the ⌈(n + 1)·α⌉-th rank")
  func orderStatistic() {
    let map = LevelMap(ranks: (1...19).map { Double($0) / 20 })
    #expect(map.nominal(level: 0.95) == 0.95.nextUp)
    #expect(map.nominal(level: 0.5) == 0.5.nextUp)
    #expect(map.nominal(level: 0.51) == 0.55.nextUp)
    #expect(map.nominal(level: 0.96) == 1)
  }

  @Test("fewer ranks promise the same")
  func thinned() {
    var generator = PhiloxGenerator(seed: 73)
    let map = LevelMap(ranks: Tensor<Double>.uniform([2_345], using: &generator).scalars)
    let thin = map.thinned(to: 99)
    #expect(thin.ranks.count == 99)
    #expect(map.thinned(to: 2_345) == map)
    for step in 1..<200 {
      let level = Double(step) / 200
      #expect(thin.nominal(level: level) >= map.nominal(level: level))
      #expect(thin.nominal(level: level) <= map.nominal(level: min(1, level + 0.0105)))
    }
  }

  @Test("coverage of exchangeable ranks is exact with nine of them")
  func exact() {
    // Ranks of a bad model: U³. With n = 9 and α = 0.8, ⌈8⌉/10 = 0.8 exactly.
    var generator = PhiloxGenerator(seed: 72)
    let trials = 20_000
    let values = Tensor<Double>.uniform([trials, 10], using: &generator).scalars.map {
      $0 * $0 * $0
    }
    let held = (0..<trials).map { trial in
      let map = LevelMap(ranks: Array(values[(trial * 10)..<(trial * 10 + 9)]))
      return map.calibrated(rank: values[trial * 10 + 9]) < 0.8
    }
    #expect(abs(share(held) - 0.8) < 4 * (0.16 / Double(trials)).squareRoot())
  }
}

@Suite("Standard errors by group")
struct ClusteredMeanTests {
  @Test("copies within a group add nothing")
  func copies() throws {
    let values = [0.3, 1.2, -0.7, 2.2, 0.1]
    let alone = ClusteredMean(values, groups: [0, 1, 2, 3, 4])
    let repeated = ClusteredMean(
      values.flatMap { Array(repeating: $0, count: 7) },
      groups: (0..<5).flatMap { Array(repeating: $0, count: 7) })
    let mean = values.reduce(0, +) / 5
    let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4
    #expect(abs(try #require(alone.standardError) - (variance / 5).squareRoot()) < 1e-12)
    #expect(abs(try #require(repeated.standardError) - (variance / 5).squareRoot()) < 1e-12)
    #expect(abs(repeated.value - mean) < 1e-12)
    #expect(ClusteredMean(values, groups: [1, 1, 1, 1, 1]).standardError == nil)
  }

  @Test("frames of a motion count once in a report")
  func motions() throws {
    // Thirty motions of forty equal frames.
    let data = SyntheticPoses(Laplace<Double>(dimension: 2), poses: 30, joints: 5, seed: 81)
    let order = (0..<1_200).map { $0 / 40 }
    let frames = PoseDensity(
      mean: data.mean.rows(order), logScale: data.logScale.rows(order),
      errors: [CalibrationTests.laplace])
    let positions = data.positions.rows(order)
    let grouped = try frames.coverage(of: positions, groups: order)
    let naive = try frames.coverage(of: positions)
    let once = try data.density([CalibrationTests.laplace]).coverage(of: data.positions)
    let error = try #require(grouped.entries[0].coverage.standardError)
    #expect(abs(error - (try #require(once.entries[0].coverage.standardError))) < 1e-12)
    #expect(try #require(naive.entries[0].coverage.standardError) < 0.3 * error)
    #expect(grouped.groupCount == 30)
  }
}
