import Flows
import Foundation

/// Confidences of joints and poses.
///
/// Those made of σ̂ are as published; σ̂ is then in normalised coordinates, where it lies in (0, 1).
/// They rank poses, and are no probabilities. ``expectedSimilarity(draws:reported:area:skeleton:)``
/// is what the score of a pose is meant to predict, worked out from the predictive density.
public enum PoseScore {
  /// The confidence of each joint, mean_d (1 − σ̂_d): σ̂ `[n, K, D]` → `[n, K]`.
  public static func joints<S>(scale: Tensor<S>) -> Tensor<S> {
    checkScale(scale)
    return (1 - scale).mean(axis: 2)
  }

  /// The confidence of each pose, 1 − mean σ̂ over joints and axes: σ̂ `[n, K, D]` → `[n]`.
  ///
  /// Source: Li et al., ICCV 2021, equation 9.
  public static func poses<S>(scale: Tensor<S>) -> Tensor<S> {
    checkScale(scale)
    return 1 - scale.mean(axes: [1, 2])
  }

  /// The score by which published evaluations rank poses: box + mean + maximum of its joints.
  ///
  /// The released code, and mmpose's `bbox_rle`. For annotated boxes the released code leaves the
  /// box's score out.
  ///
  /// - Parameters:
  ///   - joints: confidences `[n, K]`.
  ///   - boxes: the detector's scores `[n]`; nil for annotated boxes.
  /// - Returns: `[n]`.
  public static func ranking<S>(joints: Tensor<S>, boxes: Tensor<S>? = nil) -> Tensor<S> {
    precondition(
      joints.rank == 2 && boxes.map { $0.shape == [joints.shape[0]] } ?? true,
      "scores of joints are [n, K] and of boxes [n]; got \(joints.shape), \(boxes?.shape ?? [])")
    let own = joints.mean(axis: 1) + joints.max(axis: 1)
    return boxes.map { $0 + own } ?? own
  }

  /// The object keypoint similarity (OKS) that each joint of one pose can expect:
  /// E[exp(−d² / (2 (2σ_k)² A))], with d the distance from where it was reported to where it is.
  ///
  /// The expectation is the mean over draws of the predictive density. A joint with a sharp density
  /// scores near 1 whatever its σ̂; the mean over labelled joints is the OKS the pose can expect.
  ///
  /// - Parameters:
  ///   - draws: m draws of where the joints may be, `[m, K, 2]`.
  ///   - reported: the positions whose similarity is asked for, `[1, K, 2]`.
  ///   - area: A, of the person's segment in pixels².
  ///   - skeleton: for σ_k.
  /// - Returns: one number in [0, 1] for each joint; NaN where draws are.
  /// - Precondition: there are draws, the area is positive and the skeleton has σ.
  public static func expectedSimilarity(
    draws: KeypointPositions<ImagePixels, Double>, reported: KeypointPositions<ImagePixels, Double>,
    area: Double, skeleton: Skeleton
  ) -> [Double] {
    guard let sigmas = skeleton.similaritySigmas else {
      preconditionFailure("the skeleton has no σ of object keypoint similarity")
    }
    let (count, joints) = (draws.values.shape[0], skeleton.count)
    precondition(
      count > 0 && draws.values.shape == [count, joints, 2]
        && reported.values.shape == [1, joints, 2] && area > 0,
      "draws are [m, \(joints), 2], reported positions [1, \(joints), 2] and the area is positive; "
        + "got \(draws.values.shape), \(reported.values.shape), \(area)")
    let (places, centers) = (draws.values.scalars, reported.values.scalars)
    var sums = [Double](repeating: 0, count: joints)
    for draw in 0..<count {
      for joint in 0..<joints {
        let place = 2 * (draw * joints + joint)
        let dx = places[place] - centers[2 * joint]
        let dy = places[place + 1] - centers[2 * joint + 1]
        let variance = 4 * sigmas[joint] * sigmas[joint]
        sums[joint] += exp(-(dx * dx + dy * dy) / (2 * variance * area))
      }
    }
    return sums.map { $0 / Double(count) }
  }

  private static func checkScale<S>(_ scale: Tensor<S>) {
    precondition(
      scale.rank == 3, "scales have the shape [poses, joints, axes]; got \(scale.shape)")
  }
}
