import Flows
import Foundation

extension LiftingDataset {
  /// Reads one split of a folder.
  ///
  /// | file | content |
  /// | --- | --- |
  /// | `SPLIT_kp2d.npy` | joints in the image `[n, joints, 2]`, pixels |
  /// | `SPLIT_cam3d.npy` | joints in camera axes `[n, joints, 3]`, millimetres |
  /// | `SPLIT_sequence.npy` | the motion of each pose `[n]` |
  /// | `SPLIT_sequences.json` | may be left out: `[{"id", "source", "action", "frames"}]` |
  /// | `meta.json` | `keypoints`, `parents` (−1 for the root), `flip_pairs`, `camera.width`, `.height` |
  ///
  /// The root joint is subtracted from the joints in space, which become metres. Images are at most
  /// 1,000,000 pixels wide and high; no coordinate is larger than 10⁷ pixels or 10⁹ millimetres.
  ///
  /// - Throws: ``PoseError`` that names the file, what was expected and what was found.
  public init(contentsOf folder: String, split: String) throws {
    let meta = try LiftingMeta(contentsOf: folder + "/meta.json")
    let skeleton = meta.skeleton
    let (imageFile, spaceFile, motionFile) = (
      "\(folder)/\(split)_kp2d.npy", "\(folder)/\(split)_cam3d.npy",
      "\(folder)/\(split)_sequence.npy"
    )
    let keypoints = try Self.joints(
      imageFile, joints: skeleton.count, axes: 2, limit: 10_000_000, unit: "pixels")
    let space = try Self.joints(
      spaceFile, joints: skeleton.count, axes: 3, limit: 1_000_000_000, unit: "mm")
    let poses = keypoints.shape[0]
    guard space.shape[0] == poses else {
      throw PoseError(
        .invalidData,
        "expected \(poses) poses, as in \(split)_kp2d.npy, found \(space.shape[0])",
        file: spaceFile)
    }
    let identifiers = try Self.identifiers(motionFile, count: poses, of: "\(split)_kp2d.npy")
    let motions = try LiftingMotions(
      contentsOf: "\(folder)/\(split)_sequences.json", identifiers: identifiers,
      arrayFile: "\(split)_sequence.npy")
    let root = space.slice(skeleton.root..<skeleton.root + 1, axis: 1)
    self.init(
      skeleton: skeleton, imageWidth: meta.width, imageHeight: meta.height,
      keypoints: Tensor<Float>(keypoints), positions: Tensor<Float>((space - root) / 1_000),
      motions: motions.motions, motionOfPose: motions.motionOfPose)
  }

  private static func joints(
    _ file: String, joints: Int, axes: Int, limit: Int, unit: String
  ) throws -> Tensor<Double> {
    let array = try array(file)
    guard array.rank == 3, array.shape[1] == joints, array.shape[2] == axes else {
      throw PoseError(
        .invalidData,
        "expected the shape [poses, \(joints), \(axes)] for the \(joints) keypoints of meta.json, "
          + "found \(array.shape)", file: file)
    }
    guard array.shape[0] > 0 else {
      throw PoseError(.invalidData, "expected at least one pose, found none", file: file)
    }
    let bad = array.withScalars { scalars in
      scalars.firstIndex { !($0.magnitude <= Double(limit)) }
    }
    if let bad {
      let (pose, rest) = bad.quotientAndRemainder(dividingBy: joints * axes)
      throw PoseError(
        .invalidData,
        "expected a number from -\(limit) to \(limit) \(unit), found \(array.scalars[bad])",
        file: file,
        path: "row \(pose), joint \(rest / axes), axis \(rest % axes)")
    }
    return array
  }

  private static func identifiers(_ file: String, count: Int, of other: String) throws -> [Int] {
    let array = try array(file)
    guard array.shape == [count] else {
      throw PoseError(
        .invalidData,
        "expected the shape [\(count)], as many as poses in \(other), found "
          + "\(array.shape)", file: file)
    }
    return try array.scalars.enumerated().map { row, value in
      guard let identifier = Int(exactly: value), identifier >= 0 else {
        throw PoseError(
          .invalidData, "expected the number of a motion, found \(value)", file: file,
          path: "row \(row)")
      }
      return identifier
    }
  }

  private static func array(_ file: String) throws -> Tensor<Double> {
    try PoseError.translating(file) { try NumPyFile.read(file) }
  }
}
