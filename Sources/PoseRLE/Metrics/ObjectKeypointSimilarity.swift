import Foundation

/// Object keypoint similarity (OKS) of poses of one skeleton, in [0, 1].
///
/// OKS = mean over the labelled keypoints of exp(−d_k² / (2 s² (2σ_k)²)), where d_k is the distance
/// in pixels, s² the area of the annotated object, and σ_k a constant of the keypoint: the spread of
/// careful annotators as a share of s (Ronchi and Perona, ICCV 2017). Where no keypoint is labelled,
/// d_k is the distance of the detected keypoint from the annotation's bounding box enlarged by its
/// own size to every side, and the mean is over all keypoints; pycocotools finds by it the
/// detections that a region without labels excuses.
public struct ObjectKeypointSimilarity: Hashable, Sendable {
  /// (2σ_k)² of each keypoint.
  let variances: [Double]

  /// The similarity with a σ for each keypoint.
  public init(sigmas: [Double]) {
    precondition(
      !sigmas.isEmpty && sigmas.allSatisfy { $0 > 0 && $0.isFinite },
      "every keypoint has one positive, finite σ")
    variances = sigmas.map { ($0 * 2) * ($0 * 2) }
  }

  /// The similarity of a skeleton.
  ///
  /// - Precondition: the skeleton has ``Skeleton/similaritySigmas``.
  public init(_ skeleton: Skeleton) {
    guard let sigmas = skeleton.similaritySigmas else {
      preconditionFailure(
        "the skeleton has no σ of keypoint similarity; give them by init(sigmas:)")
    }
    self.init(sigmas: sigmas)
  }

  /// The number of keypoints.
  public var keypointCount: Int { variances.count }

  /// The similarity of a detection to an annotation.
  public func callAsFunction(_ detection: DetectedPose, _ annotation: AnnotatedPose) -> Double {
    let (found, truth) = (detection.keypoints, annotation.keypoints)
    precondition(
      found.count == 3 * keypointCount && truth.count == 3 * keypointCount,
      "poses have \(keypointCount) keypoints; got \(found.count / 3) and \(truth.count / 3)")
    let hasLabels = AnnotatedPose.labelled(truth) > 0
    let box = annotation.box
    let (left, right) = (box[0] - box[2], box[0] + box[2] * 2)
    let (top, bottom) = (box[1] - box[3], box[1] + box[3] * 2)
    var sum = PairwiseSum()
    for k in variances.indices where !hasLabels || truth[3 * k + 2] > 0 {
      let (x, y) = (found[3 * k], found[3 * k + 1])
      let dx = hasLabels ? x - truth[3 * k] : max(0, left - x) + max(0, x - right)
      let dy = hasLabels ? y - truth[3 * k + 1] : max(0, top - y) + max(0, y - bottom)
      sum.add(kernel(dx * dx + dy * dy, k, annotation.area))
    }
    return sum.value / Double(sum.count)
  }

  /// The similarity of two detections: over all keypoints, with the mean of their areas.
  ///
  /// Source: the non-maximum suppression of HRNet and of the released code of RLE.
  public func callAsFunction(_ a: DetectedPose, _ b: DetectedPose) -> Double {
    precondition(
      a.keypoints.count == 3 * keypointCount && b.keypoints.count == 3 * keypointCount,
      "poses have \(keypointCount) keypoints; got \(a.keypoints.count / 3) and "
        + "\(b.keypoints.count / 3)")
    // Halves first, so that the sum of two large areas stays finite.
    let area = a.area / 2 + b.area / 2
    var sum = 0.0
    for k in variances.indices {
      let dx = a.keypoints[3 * k] - b.keypoints[3 * k]
      let dy = a.keypoints[3 * k + 1] - b.keypoints[3 * k + 1]
      sum += kernel(dx * dx + dy * dy, k, area)
    }
    return sum / Double(keypointCount)
  }

  // The order of the divisions and the smallest area are those of pycocotools.
  private func kernel(_ squaredDistance: Double, _ keypoint: Int, _ area: Double) -> Double {
    exp(-(squaredDistance / variances[keypoint] / (area + .ulpOfOne) / 2))
  }
}

/// A sum in the order in which NumPy adds up to 128 numbers, so that similarities that tie there, or
/// lie on a threshold, do so here.
struct PairwiseSum {
  private var terms: [Double] = []

  var count: Int { terms.count }

  init() { terms.reserveCapacity(32) }

  mutating func add(_ term: Double) { terms.append(term) }

  var value: Double {
    guard terms.count >= 8 else { return terms.reduce(0, +) }
    var lanes = Array(terms[0..<8])
    var next = 8
    while next + 8 <= terms.count {
      for lane in 0..<8 { lanes[lane] += terms[next + lane] }
      next += 8
    }
    let sum =
      ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]))
      + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
    return terms[next...].reduce(sum, +)
  }
}

extension ObjectKeypointSimilarity {
  /// Non-maximum suppression: the indices of the poses of *one image* that are kept, by descending
  /// score.
  ///
  /// The pose of the highest score is kept, all poses more similar to it than the threshold are
  /// dropped, and so on with the rest. Of equal scores the earlier pose comes first. The similarity
  /// is over all keypoints with the mean of the two areas.
  ///
  /// Source: HRNet `lib/nms/nms.py`, `oks_nms`, with its threshold of 0.9.
  ///
  /// - Complexity: O(n²) similarities in the worst case.
  public func suppressed(_ poses: [DetectedPose], threshold: Double = 0.9) -> [Int] {
    var rest = rankedByScore(poses.map(\.score))
    var kept: [Int] = []
    while let best = rest.first {
      kept.append(best)
      rest = rest.dropFirst().filter { self(poses[best], poses[$0]) <= threshold }
    }
    return kept
  }
}

/// Indices by descending score, ties in order.
func rankedByScore(_ scores: [Double]) -> [Int] {
  // The standard library's sort is stable but does not promise it.
  scores.indices.sorted { scores[$0] != scores[$1] ? scores[$0] > scores[$1] : $0 < $1 }
}
