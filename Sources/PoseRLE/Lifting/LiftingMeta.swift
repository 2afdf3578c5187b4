import Flows
import Foundation

/// What `meta.json` says of the poses of a folder.
struct LiftingMeta {
  let skeleton: Skeleton
  let width: Double
  let height: Double

  private struct Content: Decodable {
    struct Camera: Decodable {
      let width: Double
      let height: Double
    }
    let keypoints: [String]
    let parents: [Int]
    let flipPairs: [[Int]]
    let units: String?
    let camera: Camera

    enum CodingKeys: String, CodingKey {
      case keypoints, parents, units, camera
      case flipPairs = "flip_pairs"
    }
  }

  init(contentsOf file: String) throws {
    let content = try document(Content.self, file)
    func require(_ condition: Bool, _ path: String, _ message: @autoclosure () -> String) throws {
      guard !condition else { return }
      throw PoseError(.invalidData, message(), file: file, path: path)
    }
    let joints = content.keypoints.indices
    try require(
      joints.count > 1, "keypoints", "expected two keypoints or more, found \(joints.count)")
    var names: Set<String> = []
    for (index, name) in content.keypoints.enumerated() {
      try require(
        names.insert(name).inserted, "keypoints[\(index)]",
        "expected a name of its own, found \"\(name)\" again")
    }
    try require(
      content.parents.count == joints.count, "parents",
      "expected one parent for each of the \(joints.count) keypoints, found "
        + "\(content.parents.count)")
    for (index, parent) in content.parents.enumerated() {
      try require(
        parent == -1 || (joints.contains(parent) && parent != index), "parents[\(index)]",
        "expected another keypoint, 0 to \(joints.count - 1), or -1 for the root, found \(parent)")
    }
    let roots = content.parents.filter { $0 == -1 }.count
    try require(roots == 1, "parents", "expected one root, a parent of -1, found \(roots)")
    for start in joints {
      var (joint, steps) = (start, 0)
      while content.parents[joint] != -1, steps <= joints.count {
        (joint, steps) = (content.parents[joint], steps + 1)
      }
      try require(
        steps <= joints.count, "parents[\(start)]", "expected a way to the root, found a circle")
    }
    var paired: Set<Int> = []
    for (index, pair) in content.flipPairs.enumerated() {
      try require(
        pair.count == 2 && pair.allSatisfy(joints.contains), "flip_pairs[\(index)]",
        "expected two keypoints, 0 to \(joints.count - 1), found \(pair)")
      try require(
        pair[0] != pair[1] && paired.isDisjoint(with: pair), "flip_pairs[\(index)]",
        "expected keypoints that are in no other pair, found \(pair)")
      paired.formUnion(pair)
    }
    try require(
      content.units ?? "mm" == "mm", "units", "expected mm, found \(content.units ?? "")")
    for (name, length) in [("width", content.camera.width), ("height", content.camera.height)] {
      try require(
        (1...1_000_000).contains(length), "camera.\(name)",
        "expected 1 to 1000000 pixels, found \(length)")
    }
    skeleton = Skeleton(
      names: content.keypoints, parents: content.parents.map { $0 == -1 ? nil : $0 },
      flipPairs: content.flipPairs)
    (width, height) = (content.camera.width, content.camera.height)
  }
}

/// The motions of a split.
struct LiftingMotions {
  let motions: [LiftingDataset.Motion]
  let motionOfPose: [Int]

  private struct Entry: Decodable {
    let id: Int
    let source: String?
    let action: String?
    let frames: Int?
  }

  /// Without the file, motions have no names.
  init(contentsOf file: String, identifiers: [Int], arrayFile: String) throws {
    var counts: [Int: Int] = [:]
    for identifier in identifiers { counts[identifier, default: 0] += 1 }
    if FileManager.default.fileExists(atPath: file) {
      let entries = try document([Entry].self, file)
      var seen: Set<Int> = []
      for (index, entry) in entries.enumerated() {
        guard seen.insert(entry.id).inserted else {
          throw PoseError(
            .invalidData, "expected a number of its own, found \(entry.id) again", file: file,
            path: "[\(index)].id")
        }
        let found = counts[entry.id] ?? 0
        if let frames = entry.frames, frames != found {
          throw PoseError(
            .invalidData,
            "expected \(found) frames, as many as poses of motion \(entry.id) in \(arrayFile), "
              + "found \(frames)", file: file, path: "[\(index)].frames")
        }
      }
      if let missing = counts.keys.filter({ !seen.contains($0) }).min() {
        throw PoseError(
          .invalidData, "expected the motion \(missing) that \(arrayFile) names, found none",
          file: file)
      }
      motions = entries.map {
        LiftingDataset.Motion(
          identifier: $0.id, name: $0.source ?? "", action: $0.action ?? "")
      }
    } else {
      motions = counts.keys.sorted().map {
        LiftingDataset.Motion(identifier: $0, name: "", action: "")
      }
    }
    let indices = Dictionary(
      uniqueKeysWithValues: motions.enumerated().map { ($0.element.identifier, $0.offset) })
    motionOfPose = identifiers.compactMap { indices[$0] }
  }
}

/// Reads a JSON document; errors name the file.
private func document<Document: Decodable>(_ type: Document.Type, _ file: String) throws -> Document
{
  let data = try readBytes(file)
  do {
    return try decodeJSON(type, from: data)
  } catch {
    throw error.inFile(file)
  }
}
