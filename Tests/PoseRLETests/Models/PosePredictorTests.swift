import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Pose regressors: predictions")
struct PosePredictorTests {
  /// A picture of persons' parts that no mirror maps to itself.
  private static func picture(_ seed: UInt64 = 1, width: Int = 60, height: Int = 44) -> PixelImage {
    let person = PersonGenerator(count: 1, seed: seed, side: 64).sample(0).image
    return PixelImage(
      width: width, height: height, channels: 1,
      bytes: (0..<height).flatMap { person.bytes[$0 * 64..<$0 * 64 + width] })
  }

  private static let boxes: [SIMD4<Double>] = [
    [10, 4, 20, 36], [3, 9, 50, 12], [0, 0, 60, 44], [-8, 20, 30, 30], [20.5, 10.25, 0, 18],
  ]

  static let likelihoods: [KeypointLikelihood] = [
    TinyPose.residual, .laplace,
    KeypointLikelihood(shape: .direct, flow: KeypointFlow(layers: 2, hidden: [8])),
    KeypointLikelihood(
      normalization: .releasedMMPose, flow: KeypointFlow(layers: 2, hidden: [8])),
  ]

  @Test("the crop of a box is that of the pipeline", arguments: [false, true])
  func pipeline(flipTest: Bool) throws {
    let (image, boxes) = (Self.picture(), Self.boxes)
    let predictor = PosePredictor(TinyPose.model(), flipTest: flipTest)
    var source = MemorySource(.lsp14, count: boxes.count) { index in
      KeypointSample(
        image: image, box: boxes[index], keypoints: Array(repeating: SIMD2(9, 9), count: 14),
        visibility: Array(repeating: .visible, count: 14), name: "box")
    }
    for padding in [1.0, 1.25] {
      source.boxPadding = padding
      let pipeline = CropPipeline(source, input: predictor.model.architecture.input, seed: 0)
      let batch = try pipeline.batch(Array(boxes.indices))
      let expected = predictor(batch.images)
      let inImage = Tensor<Double>(expected.reported.inImage(batch.crops).values)
      let (all, _, _) = try pipeline.predictions(of: predictor)
      #expect(relativeError(all.reported.values, Tensor(expected.reported.values)) < 1e-5)
      for (index, box) in boxes.enumerated() {
        let pose = try predictor.predict(image, box: box, padding: padding)
        #expect(pose.crop == batch.crops[index])
        #expect(pose.keypoints.map(\.name) == Skeleton.lsp14.names)
        for (joint, keypoint) in pose.keypoints.enumerated() {
          let place = SIMD2(inImage[index, joint, 0], inImage[index, joint, 1])
          #expect(distance(keypoint.position, place) < 1e-4 * pose.crop.extent.x)
          let scale = expected.prediction.scale
          let share = SIMD2(Double(scale[index, joint, 0]), Double(scale[index, joint, 1]))
          #expect(distance(keypoint.scale, share * pose.crop.extent) < 1e-4 * pose.crop.extent.x)
          #expect(abs(keypoint.score - (1 - (share.x + share.y) / 2)) < 1e-4)
        }
        let mean = pose.keypoints.reduce(0) { $0 + $1.score } / 14
        #expect(abs(pose.score - mean) < 1e-12)
      }
    }
  }

  @Test("a batch gives what its images give one by one", arguments: [false, true])
  func batch(flipTest: Bool) throws {
    let predictor = PosePredictor(TinyPose.model(), flipTest: flipTest)
    let cases = (0..<7).map { index in
      (image: Self.picture(UInt64(index)), box: Self.boxes[index % Self.boxes.count])
    }
    let together = try predictor.predict(cases)
    #expect(together.count == 7)
    #expect(try predictor.predict([]).isEmpty)
    for (one, pose) in zip(cases, together) {
      let alone = try predictor.predict(one.image, box: one.box)
      for (a, b) in zip(alone.keypoints, pose.keypoints) {
        #expect(distance(a.position, b.position) < 1e-5 * pose.crop.extent.x)
        #expect(distance(a.scale, b.scale) < 1e-5 * pose.crop.extent.x)
      }
    }
  }

  @Test("with a flip test a mirrored image has the mirrored pose")
  func mirror() throws {
    let (width, height) = (60, 44)
    let image = Self.picture(width: width, height: height)
    let mirrored = PixelImage(
      width: width, height: height, channels: 1,
      bytes: (0..<height).flatMap { row in
        image.bytes[row * width..<(row + 1) * width].reversed()
      })
    let (model, order) = (TinyPose.model(.laplace), Skeleton.lsp14.mirrored)
    let predictors = [PosePredictor(model), PosePredictor(model, flipTest: true)]
    for box in Self.boxes {
      var other = box
      other.x = Double(width) - box.x - box.z
      func poses(_ flipTest: Bool) throws -> (PredictedPose, PredictedPose) {
        let predictor = predictors[flipTest ? 1 : 0]
        return (
          try predictor.predict(image, box: box), try predictor.predict(mirrored, box: other)
        )
      }
      let (plain, flipped) = try poses(true)
      let extent = plain.crop.extent.x
      for (joint, keypoint) in flipped.keypoints.enumerated() {
        let twin = plain.keypoints[order[joint]]
        let place = SIMD2(Double(width) - twin.position.x, twin.position.y)
        #expect(distance(keypoint.position, place) < 1e-4 * extent)
        #expect(distance(keypoint.scale, twin.scale) < 1e-4 * extent)
      }
      // Without it, this network says something else of a mirrored image.
      let (a, b) = try poses(false)
      let worst = b.keypoints.enumerated().map { joint, keypoint in
        let twin = a.keypoints[order[joint]].position
        return distance(keypoint.position, SIMD2(Double(width) - twin.x, twin.y))
      }.max()
      #expect((worst ?? 0) > 0.02 * extent)
    }
  }

  @Test(
    "joints are reported at the median of their density, in image and crop", arguments: likelihoods)
  func median(likelihood: KeypointLikelihood) throws {
    for flipTest in [false, true] {
      let predictor = PosePredictor(TinyPose.model(likelihood), flipTest: flipTest)
      let images = Self.picture().cropped(
        try Self.boxes.map {
          try Crop(
            x: $0.x, y: $0.y, width: $0.z, height: $0.w, size: CropSize(width: 32, height: 32))
        }, to: predictor.model.architecture.input)
      let predictions = predictor(images)
      let medians = try predictor.density(of: predictions)[0, 3].median
      // The published losses are no densities, whose means are reported as published.
      let isDensity = likelihood.isDensity
      for box in Self.boxes.prefix(2) {
        let pose = try predictor.predict(Self.picture(), box: box)
        for keypoint in pose.keypoints where isDensity {
          let median = keypoint.density.median
          let error = (SIMD2(median[0], median[1]) - keypoint.position) / keypoint.scale
          #expect(abs(error.x) < 1e-3 && abs(error.y) < 1e-3, "\(error)")
        }
      }
      for axis in 0..<2 where isDensity {
        let reported = Double(predictions.reported.values[0, 3, axis])
        let scale = Double(predictions.prediction.scale[0, 3, axis])
        #expect(abs(medians[axis] - reported) < 1e-3 * scale)
      }
      if !isDensity { #expect(predictions.reported.values == predictions.prediction.mean) }
    }
  }

  @Test("a density in the image is that in the crop, stretched", arguments: likelihoods)
  func densities(likelihood: KeypointLikelihood) throws {
    var model = TinyPose.model(likelihood)
    model.calibration = Calibration(
      scales: (0..<14).map { 0.5 + 0.1 * Double($0) },
      levelMaps: [LevelMap(ranks: (1..<50).map { pow(Double($0) / 50, 2) })])
    let predictor = PosePredictor(model)
    for box in Self.boxes {
      let pose = try predictor.predict(Self.picture(), box: box)
      let images = Self.picture().cropped([pose.crop], to: model.architecture.input)
      let inCrop = try predictor.density(of: predictor(images))
      let size = SIMD2<Double>(32, 32)
      for (joint, keypoint) in pose.keypoints.enumerated() {
        let place = keypoint.position + keypoint.scale * SIMD2(0.7, -0.4)
        let share = pose.crop.toCrop(place) / size - 0.5
        let found = keypoint.density.logDensity(at: [place.x, place.y])
        let expected =
          inCrop[0, joint].logDensity(at: [share.x, share.y])
          - log(pose.crop.extent.x * pose.crop.extent.y)
        #expect(abs(found - expected) < 1e-3 * max(1, abs(expected)), "\(found), \(expected)")
        let ranks = (
          keypoint.density.rank(of: [place.x, place.y]),
          inCrop[0, joint].rank(of: [share.x, share.y])
        )
        // One of the 50 steps of the map of levels.
        #expect(abs(ranks.0 - ranks.1) < 0.021)
      }
      let volume = pose.keypoints[5].density.volume(level: 0.9)
      let expected = inCrop[0, 5].volume(level: 0.9) * pose.crop.extent.x * pose.crop.extent.y
      #expect(abs(volume - expected) < 1e-3 * expected)
    }
  }

  @Test("regions hold as many draws as they claim", arguments: likelihoods)
  func coverage(likelihood: KeypointLikelihood) throws {
    let predictor = PosePredictor(TinyPose.model(likelihood))
    var generator = PhiloxGenerator(seed: 8)
    let (poses, joints) = (150, 14)
    let shape = [poses, joints, 2]
    let mean = Tensor<Float>.normal(shape, using: &generator) * 0.2
    let logScale = Tensor<Float>.normal(shape, using: &generator) * 0.5 - 3
    let scale = predictor.model.loss.effective(KeypointPrediction(mean: mean, logScale: logScale))
    let predictions = PosePredictions(prediction: scale, reported: .init(mean))
    let truth = try predictor.density(of: predictions).sample(1, using: &generator)
      .squeezed(axis: 0)
    let evaluation = try PoseEvaluation(
      predictions, of: predictor, labels: KeypointLabels(positions: truth))
    for coverage in evaluation.coverage {
      let deviation = (coverage.level * (1 - coverage.level) / Double(poses * joints)).squareRoot()
      #expect(abs(coverage.raw - coverage.level) < 4 * deviation + 0.003, "\(coverage)")
      #expect(coverage.calibrated == coverage.raw)
      #expect(coverage.interval.contains(coverage.calibrated))
    }
  }

  @Test("what is no box is refused")
  func boxes() throws {
    let predictor = PosePredictor(TinyPose.model())
    let wrong: [SIMD4<Double>] = [
      [0, 0, 0, 0], [0, 0, -3, 5], [0, 0, 5, -3], [.nan, 0, 5, 5], [0, .infinity, 5, 5],
      [0, 0, .nan, 5], [0, 0, 5, .infinity], [1e308, 0, 1e308, 5],
      [0, 0, 0, .leastNonzeroMagnitude],
    ]
    for box in wrong {
      let error = #expect(throws: PoseError.self, "\(box)") {
        try predictor.predict(Self.picture(), box: box)
      }
      #expect(error?.kind == .invalidData)
      #expect(throws: PoseError.self) {
        try predictor.predict([(Self.picture(), Self.boxes[0]), (Self.picture(), box)])
      }
    }
    for padding in [0.0, -1, .nan, .infinity] {
      #expect(throws: PoseError.self) {
        try predictor.predict(Self.picture(), box: Self.boxes[0], padding: padding)
      }
    }
    // Far away or very large is a crop all the same.
    for box in [[1e6, 1e6, 10, 10], [-1e5, -1e5, 2e5, 2e5]] as [SIMD4<Double>] {
      let pose = try predictor.predict(Self.picture(), box: box)
      #expect(pose.keypoints.allSatisfy { $0.position.x.isFinite && $0.position.y.isFinite })
    }
  }

  private func distance(_ a: SIMD2<Double>, _ b: SIMD2<Double>) -> Double {
    ((a - b) * (a - b)).sum().squareRoot()
  }
}
