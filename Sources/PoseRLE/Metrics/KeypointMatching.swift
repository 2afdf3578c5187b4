/// The ranges of annotated areas of COCO's keypoint evaluation, in square pixels; bounds belong to
/// both neighbours.
public enum KeypointAreaRange: Int, CaseIterable, Sendable, Codable {
  /// All areas: 0...1e10.
  case all
  /// 32²...96².
  case medium
  /// 96²...1e10.
  case large

  /// The areas.
  public var bounds: ClosedRange<Double> {
    switch self {
    case .all: 0...1e10
    case .medium: 1024...9216
    case .large: 9216...1e10
    }
  }
}

/// What an evaluation makes of a detection at one threshold, in one range of areas.
enum MatchOutcome: Sendable {
  case falsePositive
  case truePositive
  case ignored
}

/// The detections and the annotations of one image, and how similar they are.
public struct ImageSimilarities: Sendable {
  /// The number of the image.
  public let imageID: Int

  /// The indices of the best detections of the image, at most 20, by descending score.
  public let detections: [Int]

  /// The indices of the image's annotations, in the order of the file.
  public let annotations: [Int]

  /// The object keypoint similarity of each of ``detections`` (outer) to each of ``annotations``.
  public let values: [[Double]]
}

/// The greedy matching of one image's detections at one threshold.
struct ImageMatching {
  /// For each detection the place of its annotation among the image's; −1 for none.
  var annotation: [Int]
  var outcomes: [MatchOutcome]

  /// Matches each detection, from the highest score on, to the free annotation most similar to it.
  ///
  /// The similarity has to reach the threshold. Ignored annotations are taken only where no other
  /// reaches it, crowds any number of times. Of equal similarities the later annotation is taken, as
  /// in pycocotools.
  ///
  /// - Parameters:
  ///   - image: the similarities.
  ///   - order: the places of the annotations, those that count first.
  ///   - isIgnored: for each place, whether the annotation counts nowhere in this range.
  ///   - poses: for each place, the annotation.
  ///   - detectionIsOutside: for each detection, whether its area is out of the range.
  ///   - threshold: the smallest similarity of a match.
  init(
    _ image: ImageSimilarities, order: [Int], isIgnored: [Bool], poses: [AnnotatedPose],
    detectionIsOutside: [Bool], threshold: Double
  ) {
    annotation = Array(repeating: -1, count: image.detections.count)
    outcomes = []
    outcomes.reserveCapacity(annotation.count)
    var isTaken = [Bool](repeating: false, count: poses.count)
    for detection in annotation.indices {
      var best = min(threshold, 1 - 1e-10)
      var match = -1
      for place in order {
        if isTaken[place], !poses[place].isCrowd { continue }
        if match >= 0, !isIgnored[match], isIgnored[place] { break }
        let similarity = image.values[detection][place]
        if similarity < best { continue }
        best = similarity
        match = place
      }
      annotation[detection] = match
      if match >= 0 { isTaken[match] = true }
      // pycocotools writes the id of the match where 0 means none, so that a match with an
      // annotation of id 0 counts as a miss. Numbers are compared with its numbers: so it does here.
      let counts = match >= 0 && poses[match].id != 0
      let isExcused = (match >= 0 && isIgnored[match]) || (!counts && detectionIsOutside[detection])
      outcomes.append(isExcused ? .ignored : counts ? .truePositive : .falsePositive)
    }
  }
}
