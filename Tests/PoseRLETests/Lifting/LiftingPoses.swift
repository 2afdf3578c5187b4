import Flows
import Foundation
import PoseRLE

/// Random poses of a small body before a pinhole camera, in the files that lifting reads.
struct LiftingPoses {
  static let names = ["hips", "left_knee", "left_foot", "right_knee", "right_foot", "head"]
  static let parents = [-1, 0, 1, 0, 3, 0]
  static var meta: [String: Any] {
    [
      "keypoints": names, "parents": parents, "flip_pairs": [[1, 3], [2, 4]], "units": "mm",
      "camera": ["width": 800, "height": 600],
    ]
  }

  /// Motions of 30 poses each; of two actions in turn.
  static func write(
    _ split: String, motions: Int, seed: UInt64, to folder: URL, hasNames: Bool = true
  ) throws {
    var generator = PhiloxGenerator(seed: seed)
    let poses = 30 * motions
    let lengths = [0.0, 450, 420, 450, 420, 600]
    let rest = [0.0, 0, 0.3, -1, 0, 0, 1, 0, 0.3, -1, 0, 0, 1, 0, 0, 0, -1, 0]
    // Knees lie beside the hips, feet below them, the head above: y points down.
    let draws = Tensor<Double>.normal([poses, 6, 3], using: &generator).scalars
    let places = Tensor<Double>.uniform([poses, 3], in: -1..<1, using: &generator).scalars
    var space = [Double](repeating: 0, count: 18 * poses)
    var image = [Double](repeating: 0, count: 12 * poses)
    for pose in 0..<poses {
      for joint in 0..<6 {
        let base = 18 * pose + 3 * joint
        if joint == 0 {
          space[base] = 300 * places[3 * pose]
          space[base + 1] = 200 * places[3 * pose + 1]
          space[base + 2] = 4_000 + 500 * places[3 * pose + 2]
        } else {
          var direction = (0..<3).map { rest[3 * joint + $0] + 0.35 * draws[base + $0] }
          let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
          direction = direction.map { $0 * lengths[joint] / length }
          for axis in 0..<3 {
            space[base + axis] = space[18 * pose + 3 * parents[joint] + axis] + direction[axis]
          }
        }
        let place = 12 * pose + 2 * joint
        image[place] = 900 * space[base] / space[base + 2] + 400
        image[place + 1] = 900 * space[base + 1] / space[base + 2] + 300
      }
    }
    func file(_ name: String) -> String { folder.appendingPathComponent(name).path }
    try NumPyFile.write(
      Tensor<Float>(Tensor(shape: [poses, 6, 3], scalars: space)), to: file("\(split)_cam3d.npy"))
    try NumPyFile.write(
      Tensor<Float>(Tensor(shape: [poses, 6, 2], scalars: image)), to: file("\(split)_kp2d.npy"))
    try NumPyFile.write(
      Tensor<Float>((0..<poses).map { Float($0 / 30) }), to: file("\(split)_sequence.npy"))
    try JSONSerialization.data(withJSONObject: meta).write(
      to: folder.appendingPathComponent("meta.json"))
    guard hasNames else { return }
    let list = (0..<motions).map { motion -> [String: Any] in
      [
        "id": motion, "source": "motion_\(motion)", "action": motion % 2 == 0 ? "walk" : "run",
        "frames": 30,
      ]
    }
    try JSONSerialization.data(withJSONObject: list).write(
      to: folder.appendingPathComponent("\(split)_sequences.json"))
  }

  /// A data set of some motions.
  static func dataset(motions: Int, seed: UInt64) throws -> LiftingDataset {
    let folder = ScratchFolder()
    try write("train", motions: motions, seed: seed, to: folder.url)
    return try LiftingDataset(contentsOf: folder.url.path, split: "train")
  }
}

/// A folder that goes when its last user does.
final class ScratchFolder {
  let url: URL

  init() {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("poserle-\(UUID().uuidString)")
    try? FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appendingPathComponent(name).path }
}
