import Foundation

/// One pose that was found in an image, in pixels.
public struct DetectedPose: Hashable, Sendable {
  /// The number of the image.
  public let imageID: Int

  /// x, y and a number that is not used (a score, by custom) of each keypoint.
  public let keypoints: [Double]

  /// How sure the detector is; poses are ranked by it.
  public let score: Double

  /// The area in square pixels, which decides whether a pose that finds nobody counts in a range of
  /// areas.
  public let area: Double

  /// A detection from its parts.
  ///
  /// - Parameters:
  ///   - imageID: the number of the image.
  ///   - keypoints: x, y and any third number of each keypoint.
  ///   - score: how sure the detector is; finite.
  ///   - area: the area; that of the keypoints' bounding box if nil.
  public init(imageID: Int, keypoints: [Double], score: Double, area: Double? = nil) {
    precondition(
      keypoints.count.isMultiple(of: 3), "a keypoint is three numbers; got \(keypoints.count)")
    precondition(score.isFinite, "a score is a finite number; got \(score)")
    self.imageID = imageID
    self.keypoints = keypoints
    self.score = score
    self.area = area ?? DetectedPose.extent(keypoints)
  }

  /// Width times height of the keypoints' bounding box.
  static func extent(_ keypoints: [Double]) -> Double {
    func range(_ axis: Int) -> Double {
      let values = stride(from: axis, to: keypoints.count, by: 3).map { keypoints[$0] }
      return (values.max() ?? 0) - (values.min() ?? 0)
    }
    return range(0) * range(1)
  }
}

/// Detected poses.
public struct KeypointDetections: Hashable, Sendable {
  /// The detections of one category, in the order of the file.
  public let poses: [DetectedPose]

  /// Detections from their parts.
  public init(_ poses: [DetectedPose]) { self.poses = poses }

  /// Reads a file in COCO's format of results: an array of `image_id`, `category_id`, `keypoints`
  /// and `score`, with `bbox` or without.
  ///
  /// As with pycocotools, the area of every detection is that of its `bbox` if the first detection
  /// of the file has one, and else that of the keypoints' extent.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - annotations: what the detections belong to; a detection in an image that is not among its
  ///     images is an error.
  ///   - keypointCount: the number of keypoints of each pose.
  ///   - category: the category to be read; detections of others are left out.
  /// - Throws: ``PoseError`` with the file and the place in the document, such as `[17].score`:
  ///   `.unreadableFile`; `.malformedFile` for what is not JSON and for fields that are missing or
  ///   of another type; `.invalidData` for an unknown image, a wrong number of keypoints, a
  ///   negative size of a box and an area beyond the range of numbers; `.unsupported` for areas
  ///   that pycocotools would take from masks.
  public init(
    contentsOf path: String, for annotations: KeypointAnnotations, keypointCount: Int = 17,
    category: Int = 1
  ) throws(PoseError) {
    let data = try readBytes(path)
    do {
      try self.init(
        json: data, for: annotations, keypointCount: keypointCount, category: category)
    } catch {
      throw error.inFile(path)
    }
  }

  /// Reads a document in COCO's format of results.
  ///
  /// - Throws: as ``init(contentsOf:for:keypointCount:category:)``, without a file.
  public init(
    json: Data, for annotations: KeypointAnnotations, keypointCount: Int = 17, category: Int = 1
  ) throws(PoseError) {
    let entries = try decodeJSON([Entry].self, from: json)
    let images = Set(annotations.imageIDs)
    let areasAreOfBoxes = entries.first?.box?.isEmpty == false
    if !areasAreOfBoxes, entries.first?.hasMask == true {
      throw PoseError(
        .unsupported, "areas of masks are not supported: give each detection a bbox",
        path: "[0].segmentation")
    }
    var poses: [DetectedPose] = []
    poses.reserveCapacity(entries.count)
    for (index, entry) in entries.enumerated() {
      try JSONCheck.require(
        images.contains(entry.image), "[\(index)].image_id",
        "the image \(entry.image) is not among those of the annotations")
      guard entry.category == category else { continue }
      poses.append(try entry.pose("[\(index)]", keypointCount, areaOfBox: areasAreOfBoxes))
    }
    self.init(poses)
  }
}

private struct Entry: Decodable {
  let image: Int
  let category: Int
  let keypoints: [Double]?
  let score: Double
  let box: [Double]?
  let hasMask: Bool

  enum CodingKeys: String, CodingKey {
    case keypoints, score, segmentation
    case image = "image_id"
    case category = "category_id"
    case box = "bbox"
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    image = try fields.required(Int.self, .image)
    category = try fields.required(Int.self, .category)
    keypoints = try fields.numbers(.keypoints)
    score = try fields.required(Double.self, .score)
    box = try fields.numbers(.box)
    hasMask = fields.contains(.segmentation)
  }

  func pose(
    _ path: @autoclosure () -> String, _ count: Int, areaOfBox: Bool
  ) throws(PoseError) -> DetectedPose {
    let keypoints = try JSONCheck.require(keypoints, path() + ".keypoints")
    try JSONCheck.finite(keypoints, count: 3 * count, path() + ".keypoints")
    try JSONCheck.require(score.isFinite, path() + ".score", "is not finite")
    let area: Double
    if areaOfBox {
      let box = try JSONCheck.require(box, path() + ".bbox")
      try JSONCheck.box(box, path() + ".bbox")
      area = box[2] * box[3]
      try JSONCheck.require(area.isFinite, path() + ".bbox", "its area is not finite")
    } else {
      area = DetectedPose.extent(keypoints)
      try JSONCheck.require(area.isFinite, path() + ".keypoints", "their extent is not finite")
    }
    return DetectedPose(imageID: image, keypoints: keypoints, score: score, area: area)
  }
}
