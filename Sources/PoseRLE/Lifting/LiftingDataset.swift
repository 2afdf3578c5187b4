import Flows

/// Poses as a camera sees them, and where their joints are in space.
///
/// Lifting is the regression from the one to the other: 2-D joints in an image to 3-D joints relative
/// to a root joint, in camera axes (Martinez et al., A Simple yet Effective Baseline for 3D Human Pose
/// Estimation, ICCV 2017).
public struct LiftingDataset: Sendable {
  /// A recording, of which poses are consecutive frames: poses of one motion resemble each other, so
  /// that data are divided by whole motions.
  public struct Motion: Hashable, Sendable {
    /// The number that stands in the file.
    public let identifier: Int
    /// Its name; empty where none is known.
    public let name: String
    /// What is done in it; empty where it is not known.
    public let action: String
  }

  /// The joints.
  public let skeleton: Skeleton
  /// The width of the images in pixels.
  public let imageWidth: Double
  /// The height of the images in pixels.
  public let imageHeight: Double
  /// Joints in the image `[n, joints, 2]`, in pixels: x to the right, y down.
  public let keypoints: Tensor<Float>
  /// Joints in space `[n, joints, 3]`, in metres, in camera axes (x right, y down, z forward),
  /// relative to the root joint.
  public let positions: Tensor<Float>
  /// The recordings, in the order of the file.
  public let motions: [Motion]
  /// For each pose the index of its motion.
  public let motionOfPose: [Int]

  /// A data set from its parts.
  ///
  /// - Precondition: shapes fit, the skeleton has one root, and every pose has a motion.
  public init(
    skeleton: Skeleton, imageWidth: Double, imageHeight: Double, keypoints: Tensor<Float>,
    positions: Tensor<Float>, motions: [Motion], motionOfPose: [Int]
  ) {
    let poses = motionOfPose.count
    precondition(
      keypoints.shape == [poses, skeleton.count, 2]
        && positions.shape == [poses, skeleton.count, 3],
      "\(poses) poses of \(skeleton.count) joints have the shapes [n, joints, 2] and "
        + "[n, joints, 3]; got \(keypoints.shape) and \(positions.shape)")
    precondition(
      skeleton.parents.filter { $0 == nil }.count == 1, "a skeleton to lift has one root joint")
    precondition(
      motionOfPose.allSatisfy(motions.indices.contains), "every pose belongs to a motion")
    precondition(imageWidth > 0 && imageHeight > 0, "an image has a positive size")
    self.skeleton = skeleton
    self.imageWidth = imageWidth
    self.imageHeight = imageHeight
    self.keypoints = keypoints
    self.positions = positions
    self.motions = motions
    self.motionOfPose = motionOfPose
  }

  /// The number of poses.
  public var count: Int { motionOfPose.count }

  /// The joint that all others are relative to.
  public var root: Int { skeleton.root }

  /// Some of the poses, with their motions.
  public func poses(_ indices: [Int]) -> LiftingDataset {
    LiftingDataset(
      skeleton: skeleton, imageWidth: imageWidth, imageHeight: imageHeight,
      keypoints: keypoints.rows(indices), positions: positions.rows(indices), motions: motions,
      motionOfPose: indices.map { motionOfPose[$0] })
  }

  /// Divides the poses by whole motions into some to train on and some to calibrate on.
  ///
  /// Of each action that has three motions or more, motions are held out from the last one on, the
  /// first of them always and others while no more than `share` of the action's poses are held out.
  /// The rule looks at nothing but the order and the lengths of motions. Where only one or two
  /// motions of every action are there, actions are not told apart.
  ///
  /// - Returns: indices of poses, ascending; none are held out where there is a single motion.
  public func dividedByMotion(heldOut share: Double = 0.12) -> (training: [Int], heldOut: [Int]) {
    var lengths = [Int](repeating: 0, count: motions.count)
    for motion in motionOfPose { lengths[motion] += 1 }
    let present = motions.indices.filter { lengths[$0] > 0 }
    var groups: [[Int]] = []
    var groupOfAction: [String: Int] = [:]
    for motion in present {
      let action = motions[motion].action
      if let group = groupOfAction[action] {
        groups[group].append(motion)
      } else {
        groupOfAction[action] = groups.count
        groups.append([motion])
      }
    }
    if !groups.contains(where: { $0.count >= 3 }) { groups = [present] }
    var held: Set<Int> = []
    for group in groups where group.count >= 3 || (groups.count == 1 && group.count == 2) {
      let total = group.reduce(0) { $0 + lengths[$1] }
      var poses = 0
      for motion in group.reversed() {
        poses += lengths[motion]
        if motion != group.last, Double(poses) > share * Double(total) { break }
        held.insert(motion)
      }
    }
    let indices = Array(0..<count)
    return (
      indices.filter { !held.contains(motionOfPose[$0]) },
      indices.filter { held.contains(motionOfPose[$0]) }
    )
  }
}

extension Skeleton {
  /// The first joint that hangs on none.
  var root: Int { parents.firstIndex { $0 == nil } ?? 0 }

  /// All joints but that one.
  var otherJoints: [Int] { names.indices.filter { $0 != root } }
}
