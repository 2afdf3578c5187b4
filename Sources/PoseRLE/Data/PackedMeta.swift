import Foundation

/// What `meta.json` says of packed keypoints.
///
/// Used are `keypoints` or `names` (an array of names; a text that describes them is passed over),
/// `skeleton` (pairs counted from 0) or `skeleton_1based`, `parents` (−1 for roots), `flip_pairs`, and
/// `image_size`, the size of the images whose pixels keypoints are in: one number or `[width, height]`.
struct PackedMeta: Decodable {
  private let names: [String]?
  private let edges: [[Int]]?
  private let parents: [Int]?
  private let flipPairs: [[Int]]?
  /// Width and height of the images that keypoints are measured in.
  private let size: [Double]?

  private enum CodingKeys: String, CodingKey {
    case keypoints, names, skeleton, parents
    case skeletonFromOne = "skeleton_1based"
    case flipPairs = "flip_pairs"
    case imageSize = "image_size"
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    func isOne<Value: Decodable>(_ type: Value.Type, _ key: CodingKeys) -> Bool {
      (try? fields.decode(type, forKey: key)) != nil
    }
    let key: CodingKeys = fields.contains(.names) ? .names : .keypoints
    names = isOne(String.self, key) ? nil : try fields.value([String].self, key)
    if let edges = try fields.value([[Int]].self, .skeleton) {
      self.edges = edges
    } else {
      // No number of a keypoint is that small, so that this cannot overflow unnoticed.
      edges = try fields.value([[Int]].self, .skeletonFromOne)?.map { $0.map { $0 &- 1 } }
    }
    parents = try fields.value([Int].self, .parents)
    flipPairs = try fields.value([[Int]].self, .flipPairs)
    size =
      isOne(Double.self, .imageSize)
      ? try fields.value(Double.self, .imageSize).map { [$0, $0] }
      : try fields.value([Double].self, .imageSize)
  }

  /// Reads a file.
  init(contentsOf file: String) throws(PoseError) {
    do {
      self = try decodeJSON(PackedMeta.self, from: try readBytes(file))
    } catch {
      throw error.inFile(file)
    }
  }

  /// What keypoints are multiplied by to become pixels of images of a size.
  func scale(to shape: PackedShape) throws -> SIMD2<Double> {
    guard let size else { return SIMD2(1, 1) }
    guard size.count == 2, size.allSatisfy({ (1...65_536).contains($0) }) else {
      throw PoseError(
        .invalidData, "expected one size or [width, height] from 1 to 65536, found \(size)",
        path: "image_size")
    }
    return SIMD2(Double(shape.width) / size[0], Double(shape.height) / size[1])
  }

  /// The skeleton of arrays with so many joints.
  func skeleton(joints: Int) throws -> Skeleton {
    func require(_ condition: Bool, _ path: String, _ message: @autoclosure () -> String) throws {
      if !condition { throw PoseError(.invalidData, message(), path: path) }
    }
    let indices = 0..<joints
    let names = names ?? indices.map { "keypoint_\($0)" }
    try require(
      names.count == joints, "keypoints",
      "expected \(joints) names, as many as the array has joints, found \(names.count)")
    var seen: Set<String> = []
    for (index, name) in names.enumerated() {
      try require(
        seen.insert(name).inserted, "keypoints[\(index)]",
        "expected a name of its own, found it twice")
    }
    for (index, edge) in (edges ?? []).enumerated() {
      try require(
        edge.count == 2 && edge.allSatisfy(indices.contains), "skeleton[\(index)]",
        "expected two keypoints of 0 to \(joints - 1), found \(edge)")
    }
    var paired: Set<Int> = []
    for (index, pair) in (flipPairs ?? []).enumerated() {
      try require(
        pair.count == 2 && pair.allSatisfy(indices.contains), "flip_pairs[\(index)]",
        "expected two keypoints of 0 to \(joints - 1), found \(pair)")
      try require(
        pair[0] != pair[1] && paired.isDisjoint(with: pair), "flip_pairs[\(index)]",
        "expected keypoints that are in no other pair, found \(pair)")
      paired.formUnion(pair)
    }
    guard let parents else {
      return Skeleton(names: names, edges: edges ?? [], flipPairs: flipPairs)
    }
    try require(
      parents.count == joints, "parents",
      "expected \(joints) parents, as many as the array has joints, found \(parents.count)")
    for (index, parent) in parents.enumerated() {
      try require(
        parent == -1 || (indices.contains(parent) && parent != index), "parents[\(index)]",
        "expected another keypoint, 0 to \(joints - 1), or -1 for a root, found \(parent)")
    }
    return Skeleton(
      names: names, parents: parents.map { $0 == -1 ? nil : $0 },
      flipPairs: flipPairs ?? Skeleton.flipPairs(ofNames: names))
  }
}
