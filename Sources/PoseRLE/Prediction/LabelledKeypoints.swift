import Flows

/// The keypoints that have a label, joint by joint.
struct LabelledKeypoints {
  /// Indices into `[n, K]`.
  let places: [Int]
  /// For each the joint, ascending.
  let joints: [Int]
  /// For each the group of its pose.
  let groups: [Int]
  /// For each joint the range of its keypoints.
  let ranges: [Range<Int>]

  /// Those with a weight above 0, `[n, K]`; all without weights.
  ///
  /// Throws ``PoseError`` (`.invalidData`) for negative weights and where nothing is labelled.
  init<Scalar>(shape: [Int], weights: Tensor<Scalar>?, groups: [Int]?) throws {
    let (poses, jointCount) = (shape[0], shape[1])
    precondition(
      weights.map { $0.shape == [poses, jointCount] } ?? true,
      "there is one weight for each of \(poses) × \(jointCount) keypoints; got "
        + "\(weights?.shape ?? [])")
    precondition(
      groups.map { $0.count == poses } ?? true,
      "there is one group for each of \(poses) poses; got \(groups?.count ?? 0)")
    let values = weights.map { Tensor<Double>($0).scalars }
    var (places, joints, members) = ([Int](), [Int](), [Int]())
    var ranges: [Range<Int>] = []
    for joint in 0..<jointCount {
      let start = places.count
      for pose in 0..<poses {
        let place = pose * jointCount + joint
        let weight = values?[place] ?? 1
        guard weight >= 0 else {
          throw PoseError(
            .invalidData, "expected a weight of 0 or more, found \(weight)",
            path: "weights[\(pose), \(joint)]")
        }
        if weight == 0 { continue }
        places.append(place)
        joints.append(joint)
        members.append(groups?[pose] ?? pose)
      }
      ranges.append(start..<places.count)
    }
    guard !places.isEmpty else {
      throw PoseError(.invalidData, "expected labelled keypoints, found none")
    }
    (self.places, self.joints, self.groups, self.ranges) = (places, joints, members, ranges)
  }

  /// For each keypoint a weight with which the groups of its joint count alike, 1 on average.
  var groupWeights: [Double] {
    var result = [Double](repeating: 1, count: places.count)
    for range in ranges {
      var counts: [Int: Int] = [:]
      for place in range { counts[groups[place], default: 0] += 1 }
      for place in range {
        result[place] = Double(range.count) / Double(counts.count * (counts[groups[place]] ?? 1))
      }
    }
    return result
  }

  /// Throws ``PoseError`` (`.invalidData`) with the place of the first row that is not finite.
  func checkFinite<Scalar>(_ rows: Tensor<Scalar>, jointCount: Int) throws {
    let sums = Tensor<Double>((rows - rows).sum(axis: 1)).scalars
    if let index = sums.firstIndex(where: { $0 != 0 }) {
      let (pose, joint) = places[index].quotientAndRemainder(dividingBy: jointCount)
      throw PoseError(
        .invalidData,
        "expected a finite position and prediction of a labelled keypoint, found one that is not",
        path: "positions[\(pose), \(joint)]")
    }
  }
}
