import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Pose regressors: evaluation")
struct PoseEvaluationTests {
  private static let (poses, joints) = (30, 14)

  /// Predictions, labels of which some do not count, and which joints can be seen.
  private static func data() -> (PosePredictions, KeypointLabels<Float>, [Bool]) {
    var generator = PhiloxGenerator(seed: 6)
    let shape = [poses, joints, 2]
    let mean = Tensor<Float>.normal(shape, using: &generator) * 0.2
    let logScale = Tensor<Float>.normal(shape, using: &generator) * 0.6 - 3
    let truth = mean + Tensor<Float>.normal(shape, using: &generator) * exp(logScale) * 1.8
    let weights = Tensor<Float>.uniform([poses, joints], in: 0..<1, using: &generator).scalars
    let visible = Tensor<Float>.uniform([poses, joints], in: 0..<1, using: &generator).scalars
    return (
      PosePredictions(
        prediction: KeypointPrediction(mean: mean, logScale: logScale),
        reported: .init(mean + exp(logScale) * 0.2)),
      KeypointLabels(
        positions: truth,
        weights: Tensor(
          shape: [poses, joints], scalars: weights.map { $0 < 0.2 ? 0 : $0 })),
      visible.map { $0 < 0.7 }
    )
  }

  /// One labelled joint, looked at by itself.
  private struct Joint {
    var distance = 0.0
    var scale = 0.0
    var isVisible = false
    /// −log p of the Laplace density.
    var loss = 0.0
    /// |e| / σ, summed over the axes.
    var ratio = 0.0
    /// The probability that this sum is less.
    var rank: Double { 1 - exp(-ratio) * (1 + ratio) }
  }

  private static func joints(
    _ predictions: PosePredictions, _ labels: KeypointLabels<Float>, _ visible: [Bool],
    size: SIMD2<Double>
  ) -> [Joint] {
    var result: [Joint] = []
    for pose in 0..<poses {
      for joint in 0..<joints where (labels.weights?[pose, joint] ?? 0) > 0 {
        var found = Joint()
        var squares = 0.0
        for axis in 0..<2 {
          let truth = Double(labels.positions[pose, joint, axis])
          let place = Double(predictions.reported.values[pose, joint, axis])
          let mean = Double(predictions.prediction.mean[pose, joint, axis])
          let scale = exp(Double(predictions.prediction.logScale[pose, joint, axis]))
          squares += pow((truth - place) * size[axis], 2)
          found.ratio += abs(truth - mean) / scale
          found.loss += abs(truth - mean) / scale + log(2 * scale)
          found.scale += scale / 2
        }
        found.distance = squares.squareRoot()
        found.isVisible = visible[pose * joints + joint]
        result.append(found)
      }
    }
    return result
  }

  /// The rank correlation of numbers without ties.
  private static func spearman(_ x: [Double], _ y: [Double]) -> Double {
    func ranks(_ values: [Double]) -> [Double] {
      values.map { value in Double(values.count { $0 < value }) }
    }
    let differences = zip(ranks(x), ranks(y)).reduce(0) { $0 + pow($1.0 - $1.1, 2) }
    let n = Double(x.count)
    return 1 - 6 * differences / (n * (n * n - 1))
  }

  @Test("agrees with counting joint by joint")
  func naive() throws {
    let (predictions, labels, visible) = Self.data()
    var model = TinyPose.model(.laplace)
    model.calibration = Calibration(scales: [1.3])
    let evaluation = try PoseEvaluation(
      predictions, of: PosePredictor(model), labels: labels, isVisible: visible)
    let joints = Self.joints(predictions, labels, visible, size: [32, 32])
    let distances = joints.map(\.distance).sorted()
    let count = Double(joints.count)
    #expect(evaluation.jointCount == joints.count && joints.count > 250)
    for (share, found) in zip([0.05, 0.1, 0.2], evaluation.within) {
      #expect(found == Double(distances.count { $0 < share * 32 }) / count)
    }
    #expect(evaluation.pck == evaluation.within[2])
    #expect(abs(evaluation.meanError - distances.reduce(0, +) / count) < 1e-5)
    let middle = (distances[(joints.count - 1) / 2] + distances[joints.count / 2]) / 2
    #expect(abs(evaluation.medianError - middle) < 1e-5)
    let seen = joints.filter(\.isVisible)
    for (found, joints) in [(evaluation.spearman, joints), (evaluation.visibleSpearman, seen)] {
      let expected = Self.spearman(joints.map(\.scale), joints.map(\.distance))
      #expect(abs(try #require(found) - expected) < 1e-9)
    }
    let loss = try #require(evaluation.negativeLogLikelihood)
    #expect(abs(loss - joints.reduce(0) { $0 + $1.loss } / count) < 1e-5)
    // With scales times T.
    let calibrated = joints.reduce(0) { $0 + $1.loss + $1.ratio * (1 / 1.3 - 1) + 2 * log(1.3) }
    let calibratedLoss = try #require(evaluation.calibratedNegativeLogLikelihood)
    #expect(abs(calibratedLoss - calibrated / count) < 1e-5)
    for coverage in evaluation.coverage {
      #expect(abs(coverage.raw - Double(joints.count { $0.rank < coverage.level }) / count) < 0.01)
      #expect(coverage.calibrated > coverage.raw || coverage.raw == 1)
      #expect(coverage.interval.contains(coverage.calibrated))
    }
    #expect(evaluation.coverage.map(\.level) == [0.5, 0.8, 0.95])
  }

  @Test("of a crop that is not square counts pixels along each axis")
  func oblong() throws {
    let (predictions, labels, visible) = Self.data()
    var generator = PhiloxGenerator(seed: 1)
    var architecture = TinyPose.architecture(.laplace)
    architecture.input.size = CropSize(width: 24, height: 48)
    let model = PoseModel<Float>(architecture, using: &generator)
    let evaluation = try PoseEvaluation(
      predictions, of: PosePredictor(model), labels: labels, isVisible: visible)
    let joints = Self.joints(predictions, labels, visible, size: [24, 48])
    let distances = joints.map(\.distance)
    #expect(abs(evaluation.meanError - distances.reduce(0, +) / Double(joints.count)) < 1e-5)
    for (share, found) in zip([0.05, 0.1, 0.2], evaluation.within) {
      #expect(found == Double(distances.count { $0 < share * 48 }) / Double(joints.count))
    }
  }

  @Test("of one image has intervals, and of none an error")
  func few() throws {
    let (predictions, labels, _) = Self.data()
    for likelihood in [KeypointLikelihood.laplace, .l1] {
      let predictor = PosePredictor(TinyPose.model(likelihood))
      let one = try PoseEvaluation(
        predictions[rows: 0..<1], of: predictor, labels: labels[rows: 0..<1])
      #expect(one.coverage.allSatisfy { $0.interval.contains($0.calibrated) })
      #expect((one.spearman == nil) == (likelihood == .l1))
      #expect(throws: PoseError.self) {
        try PoseEvaluation(
          predictions, of: predictor,
          labels: KeypointLabels(
            positions: labels.positions, weights: .zeros([Self.poses, Self.joints])))
      }
      var broken = predictions
      broken.reported.values = broken.reported.values * .nan
      let error = #expect(throws: PoseError.self) {
        try PoseEvaluation(broken, of: predictor, labels: labels)
      }
      #expect(error?.message == "a prediction is not finite")
    }
    let none = SubsetSource(try TinyPose.persons(2), indices: [])
    let input = TinyPose.architecture().input
    #expect(throws: PoseError.self) {
      try CropPipeline(none, input: input, seed: 0).evaluate(PosePredictor(TinyPose.model()))
    }
  }

  @Test("is written as JSON and read again")
  func json() throws {
    let (predictions, labels, visible) = Self.data()
    let evaluation = try PoseEvaluation(
      predictions, of: PosePredictor(TinyPose.model(.laplace)), labels: labels, isVisible: visible)
    let read = try JSONDecoder().decode(
      PoseEvaluation.self, from: try JSONEncoder().encode(evaluation))
    #expect(read.meanError == evaluation.meanError && read.within == evaluation.within)
    #expect(read.coverage.map(\.interval) == evaluation.coverage.map(\.interval))
  }
}
