/// The keypoints of a kind of body: their names, how they are joined, and which swap in a mirror.
public struct Skeleton: Hashable, Sendable, Codable {
  /// The names of the keypoints, in the order of all arrays.
  public let names: [String]

  /// For each keypoint the one it hangs on, for drawings and bone lengths; nil for roots.
  public let parents: [Int?]

  /// Pairs of keypoints that swap when an image is mirrored.
  public let flipPairs: [[Int]]

  /// For each keypoint the σ of object keypoint similarity (OKS), as a share of √area; nil where
  /// none is published.
  public let similaritySigmas: [Double]?

  /// A skeleton from its parts.
  ///
  /// - Precondition: every index is that of a keypoint, a keypoint is in at most one pair, and there
  ///   is one parent and one positive σ for each keypoint.
  public init(
    names: [String], parents: [Int?], flipPairs: [[Int]], similaritySigmas: [Double]? = nil
  ) {
    self.names = names
    self.parents = parents
    self.flipPairs = flipPairs
    self.similaritySigmas = similaritySigmas
    if let problem { preconditionFailure(problem) }
  }

  private enum CodingKeys: String, CodingKey {
    case names, parents, flipPairs, similaritySigmas
  }

  /// Decodes a skeleton.
  ///
  /// - Throws: `DecodingError`, also where the parts do not fit together.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    names = try container.decode([String].self, forKey: .names)
    parents = try container.decode([Int?].self, forKey: .parents)
    flipPairs = try container.decode([[Int]].self, forKey: .flipPairs)
    similaritySigmas = try container.decodeIfPresent([Double].self, forKey: .similaritySigmas)
    if let problem {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(codingPath: decoder.codingPath, debugDescription: problem))
    }
  }

  /// What does not fit together; nil where all does.
  private var problem: String? {
    let indices = names.indices
    guard parents.count == names.count, parents.allSatisfy({ $0.map(indices.contains) ?? true })
    else { return "every keypoint has one parent among the \(names.count) keypoints, or nil" }
    let paired = flipPairs.joined()
    guard flipPairs.allSatisfy({ $0.count == 2 }), paired.allSatisfy(indices.contains),
      Set(paired).count == paired.count
    else { return "flip pairs are pairs of keypoints, each in one pair at most" }
    guard
      similaritySigmas.map({ $0.count == names.count && $0.allSatisfy { $0 > 0 } }) ?? true
    else { return "every keypoint has one positive σ" }
    return nil
  }

  /// The number of keypoints.
  public var count: Int { names.count }

  /// For each keypoint the one it becomes in a mirror.
  public var mirrored: [Int] {
    var order = Array(names.indices)
    for pair in flipPairs { order.swapAt(pair[0], pair[1]) }
    return order
  }
}

extension Skeleton {
  /// The 17 keypoints of COCO persons, with the σ of its evaluation (Ronchi and Perona, ICCV 2017).
  public static let coco17 = Skeleton(
    names: [
      "nose", "left_eye", "right_eye", "left_ear", "right_ear", "left_shoulder", "right_shoulder",
      "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_hip", "right_hip",
      "left_knee", "right_knee", "left_ankle", "right_ankle",
    ],
    parents: [nil, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14],
    flipPairs: [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10], [11, 12], [13, 14], [15, 16]],
    similaritySigmas: [
      0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107,
      0.087, 0.087, 0.089, 0.089,
    ])

  /// The 17 joints usual for Human3.6M, from the pelvis outwards.
  public static let human17 = Skeleton(
    names: [
      "pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle",
      "spine", "thorax", "neck", "head", "left_shoulder", "left_elbow", "left_wrist",
      "right_shoulder", "right_elbow", "right_wrist",
    ],
    parents: [nil, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15],
    flipPairs: [[1, 4], [2, 5], [3, 6], [11, 14], [12, 15], [13, 16]])

  /// The 16 joints of MPII Human Pose.
  public static let mpii16 = Skeleton(
    names: [
      "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis",
      "thorax", "upper_neck", "head_top", "right_wrist", "right_elbow", "right_shoulder",
      "left_shoulder", "left_elbow", "left_wrist",
    ],
    parents: [1, 2, 6, 6, 3, 4, nil, 6, 7, 8, 11, 12, 7, 7, 13, 14],
    flipPairs: [[0, 5], [1, 4], [2, 3], [10, 15], [11, 14], [12, 13]])

  /// The 14 joints of Leeds Sports Pose.
  public static let lsp14 = Skeleton(
    names: [
      "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
      "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
      "neck", "head_top",
    ],
    parents: [1, 2, 12, 12, 3, 4, 7, 8, 12, 12, 9, 10, nil, 12],
    flipPairs: [[0, 5], [1, 4], [2, 3], [6, 11], [7, 10], [8, 9]])
}
