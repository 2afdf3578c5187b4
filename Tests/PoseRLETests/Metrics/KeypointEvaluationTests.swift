import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Average precision of keypoints")
struct KeypointEvaluationTests {
  /// Results of pycocotools.
  struct Expected: Decodable {
    let scores: [String: Double]
    /// Curves as runs of [value, count], by threshold and range of areas.
    let precision: [[[[Double]]]]
    let recall: [[Double]]
    let oks: [String: [[Double]]]
    let matches: [String: [Int]]
  }

  static let annotations = Result {
    try KeypointAnnotations(json: MetricsFixture.data("coco_annotations.json"))
  }

  static func detections(_ name: String) throws -> KeypointDetections {
    let all = try KeypointDetections(
      json: MetricsFixture.data("coco_detections_\(name == "boxes" ? "boxes" : "plain").json"),
      for: annotations.get())
    return name == "one" ? KeypointDetections(Array(all.poses.prefix(1))) : all
  }

  @Test("equals pycocotools on the fixture", arguments: ["boxes", "plain", "one"])
  func fixture(name: String) throws {
    let expected = try #require(
      try MetricsFixture.decoded("coco_expected.json", as: [String: Expected].self)[name])
    let annotations = try Self.annotations.get()
    let evaluation = KeypointEvaluation(try Self.detections(name), against: annotations)
    for (score, value) in zip(KeypointScores.names, evaluation.scores.values) {
      #expect(abs(value - (expected.scores[score] ?? .nan)) <= 1e-12, "\(score)")
    }
    for threshold in 0..<10 {
      for range in 0..<3 {
        let curve = expected.precision[threshold][range].flatMap { run in
          Array(repeating: run[0], count: Int(run[1]))
        }
        for level in 0..<101 {
          #expect(abs(evaluation.precision[threshold, level, range] - curve[level]) <= 1e-12)
        }
        #expect(
          abs(evaluation.recall[threshold, range] - expected.recall[threshold][range]) <= 1e-12)
      }
    }
    let similar = evaluation.images.filter { !$0.detections.isEmpty && !$0.annotations.isEmpty }
    #expect(Set(similar.map { "\($0.imageID)" }) == Set(expected.oks.keys))
    for image in similar {
      let values = try #require(expected.oks["\(image.imageID)"])
      #expect(values.count == image.values.count)
      for (row, expectedRow) in zip(image.values, values) {
        #expect(zip(row, expectedRow).allSatisfy { abs($0 - $1) <= 1e-12 })
      }
    }
    // pycocotools lists by image; here all images are ranked together.
    var matches: [Int: Int] = [:]
    for match in evaluation.matches(atThreshold: 0) {
      matches[match.detection] = match.annotation.map { annotations.poses[$0].id } ?? 0
    }
    #expect(evaluation.images.map { "\($0.imageID)" }.sorted() == expected.matches.keys.sorted())
    for image in evaluation.images {
      #expect(
        image.detections.map { matches[$0] ?? -1 } == expected.matches["\(image.imageID)"])
    }
  }

  @Test(
    "equals pycocotools on COCO", .enabled(if: MetricsFixture.shared != nil, "no shared data"),
    arguments: ["good", "medium", "bad", "gt"])
  func shared(name: String) throws {
    let folder = try #require(MetricsFixture.shared)
    func path(_ file: String) -> String { folder.appendingPathComponent(file).path }
    let annotations = try KeypointAnnotations(contentsOf: path("gt.json"))
    let detections = try KeypointDetections(contentsOf: path("dt_\(name).json"), for: annotations)
    let evaluation = KeypointEvaluation(detections, against: annotations)

    let expected = try JSONDecoder().decode(
      [String: [String: Double]].self,
      from: Data(contentsOf: URL(fileURLWithPath: path("expected.json"))))
    for (score, value) in zip(KeypointScores.names, evaluation.scores.values) {
      #expect(abs(value - (expected[name]?[score] ?? .nan)) <= 1e-9, "\(score)")
    }
    func array(_ file: String) throws -> Tensor<Double> {
      try NumPyFile.read(path("expected_\(name)_\(file).npy"))
    }
    #expect(distance(evaluation.precision, try array("precision")) <= 1e-9)
    #expect(distance(evaluation.recall, try array("recall")) <= 1e-9)

    let matrices = try JSONDecoder().decode(
      [String: [[Double]]].self,
      from: Data(contentsOf: URL(fileURLWithPath: path("expected_\(name)_oks_first25.json"))))
    #expect(matrices.count == 25)
    for (id, expected) in matrices where !expected.isEmpty {
      let image = try #require(evaluation.images.first { "\($0.imageID)" == id })
      #expect(image.values.count == expected.count)
      for (row, expectedRow) in zip(image.values, expected) {
        #expect(row.count == expectedRow.count)
        #expect(zip(row, expectedRow).allSatisfy { abs($0 - $1) <= 1e-12 })
      }
    }
  }

  private func distance(_ a: Tensor<Double>, _ b: Tensor<Double>) -> Double {
    a.shape == b.shape ? zip(a.scalars, b.scalars).reduce(0) { max($0, abs($1.0 - $1.1)) } : .nan
  }

  @Test("without annotations every number is −1, without detections 0")
  func empty() throws {
    let annotations = try Self.annotations.get()
    let nothing = KeypointEvaluation(KeypointDetections([]), against: annotations)
    #expect(nothing.scores.values == Array(repeating: 0, count: 10))
    let unknown = KeypointEvaluation(
      try Self.detections("plain"), against: KeypointAnnotations(imageIDs: [7, 12], poses: []))
    #expect(unknown.scores.values == Array(repeating: -1, count: 10))
    #expect(unknown.intervals().allSatisfy { $0.definedReplicates == 0 && $0.lower.isNaN })
  }

  @Test("a bootstrap counts as an evaluation of the drawn images does")
  func bootstrap() throws {
    let annotations = try Self.annotations.get()
    // Without ties within an image, whose order copies would change.
    let detections = KeypointDetections(
      try Self.detections("boxes").poses.enumerated().map { index, pose in
        DetectedPose(
          imageID: pose.imageID, keypoints: pose.keypoints,
          score: pose.score + 1e-6 * Double(index % 97), area: pose.area)
      })
    let evaluation = KeypointEvaluation(detections, against: annotations)
    let bootstrap = Bootstrap(replicates: 40, seed: 3)
    let fast = evaluation.intervals(bootstrap)
    // The same draws, each built as a data set with copies of its images.
    let slow = bootstrap.intervals(imageCount: annotations.imageIDs.count) { counts in
      var (images, truth, found): ([Int], [AnnotatedPose], [DetectedPose]) = ([], [], [])
      for (place, count) in counts.enumerated() {
        for copy in 0..<count {
          let (old, new) = (annotations.imageIDs[place], place * 100 + copy)
          images.append(new)
          for pose in annotations.poses where pose.imageID == old {
            truth.append(
              AnnotatedPose(
                id: pose.id == 0 ? 0 : pose.id * 100 + copy, imageID: new,
                keypoints: pose.keypoints,
                labelledCount: pose.labelledCount, box: pose.box, area: pose.area,
                isCrowd: pose.isCrowd))
          }
          for pose in detections.poses where pose.imageID == old {
            found.append(
              DetectedPose(
                imageID: new, keypoints: pose.keypoints, score: pose.score, area: pose.area))
          }
        }
      }
      let copies = KeypointEvaluation(
        KeypointDetections(found), against: KeypointAnnotations(imageIDs: images, poses: truth))
      return copies.scores.values.map { $0 < 0 ? nil : $0 }
    }
    for (fast, slow) in zip(fast, slow) {
      #expect(fast.definedReplicates == slow.definedReplicates)
      #expect(abs(fast.estimate - slow.estimate) <= 1e-12)
      #expect(abs(fast.lower - slow.lower) <= 1e-12)
      #expect(abs(fast.upper - slow.upper) <= 1e-12)
    }
    #expect(fast[0].lower < fast[0].estimate && fast[0].estimate < fast[0].upper)
  }

  @Test("works for any skeleton with σ")
  func skeleton() {
    let similarity = ObjectKeypointSimilarity(sigmas: [0.1, 0.05])
    let truth = AnnotatedPose(
      id: 1, imageID: 1, keypoints: [10, 10, 2, 50, 50, 2], box: [0, 0, 60, 60], area: 2500)
    let found = DetectedPose(imageID: 1, keypoints: [20, 10, 1, 50, 50, 1], score: 0.5)
    // d² / (2 s² (2σ)²) = 100 / (2 · 2500 · 0.04) = 0.5 for the first keypoint.
    #expect(abs(similarity(found, truth) - (exp(-0.5) + 1) / 2) < 1e-15)
    let evaluation = KeypointEvaluation(
      KeypointDetections([found]), against: KeypointAnnotations(imageIDs: [1], poses: [truth]),
      similarity: similarity)
    #expect(abs(evaluation.scores.ap50 - 1) < 1e-12 && abs(evaluation.scores.ar - 0.7) < 1e-12)
  }

  @Test("suppression keeps the best of similar poses, by the mean of their areas")
  func suppression() {
    let similarity = ObjectKeypointSimilarity(sigmas: [0.1])
    func pose(_ x: Double, _ score: Double, _ area: Double = 100) -> DetectedPose {
      DetectedPose(imageID: 1, keypoints: [x, 0, 1], score: score, area: area)
    }
    // Similarity of poses d apart: exp(−d² / (2 · 100 · 0.04)).
    let near = (8 * -log(0.9)).squareRoot()
    #expect(similarity.suppressed([pose(0, 0.5), pose(near * 0.99, 0.9)]) == [1])
    #expect(similarity.suppressed([pose(0, 0.5), pose(near * 1.01, 0.9)]) == [1, 0])
    #expect(similarity.suppressed([pose(0, 0.5), pose(0, 0.5), pose(9, 0.5)]) == [0, 2])
    #expect(similarity.suppressed([]) == [])
    #expect(abs(similarity(pose(0, 1, 50), pose(2, 1, 150)) - exp(-0.5)) < 1e-14)
    #expect(
      similarity.suppressed([pose(0, 0.5), pose(2, 0.9)], threshold: 0.5) == [1])
  }
}
