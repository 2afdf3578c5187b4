import Foundation

/// One annotated person (or other object), in pixels of its image.
public struct AnnotatedPose: Hashable, Sendable {
  /// The number of the annotation, by which matches refer to it.
  public let id: Int

  /// The number of the image.
  public let imageID: Int

  /// x, y and visibility of each keypoint; visibility 0 is not labelled, 1 hidden, 2 visible.
  public let keypoints: [Double]

  /// How many keypoints are labelled, as the file says; without any, the annotation is ignored.
  public let labelledCount: Int

  /// x, y, width and height of the bounding box.
  public let box: [Double]

  /// The area of the object's segment in square pixels, the scale of object keypoint similarity.
  public let area: Double

  /// Whether this is a group of people, which may be found any number of times and counts nowhere.
  public let isCrowd: Bool

  /// An annotation from its parts.
  ///
  /// - Parameters:
  ///   - id: the number of the annotation.
  ///   - imageID: the number of the image.
  ///   - keypoints: x, y and visibility of each keypoint.
  ///   - labelledCount: the number of labelled keypoints; those with a visibility above 0 if nil.
  ///   - box: x, y, width and height.
  ///   - area: the area of the segment.
  ///   - isCrowd: whether this is a group.
  public init(
    id: Int, imageID: Int, keypoints: [Double], labelledCount: Int? = nil, box: [Double],
    area: Double, isCrowd: Bool = false
  ) {
    precondition(
      keypoints.count.isMultiple(of: 3), "a keypoint is x, y and visibility; \(keypoints.count)")
    precondition(box.count == 4, "a box is x, y, width and height; got \(box.count) numbers")
    self.id = id
    self.imageID = imageID
    self.keypoints = keypoints
    self.labelledCount = labelledCount ?? AnnotatedPose.labelled(keypoints)
    self.box = box
    self.area = area
    self.isCrowd = isCrowd
  }

  /// Whether an evaluation counts it nowhere: a crowd, or a person without labelled keypoints.
  public var isIgnored: Bool { isCrowd || labelledCount == 0 }

  static func labelled(_ keypoints: [Double]) -> Int {
    stride(from: 2, to: keypoints.count, by: 3).reduce(0) { $0 + (keypoints[$1] > 0 ? 1 : 0) }
  }
}

/// Annotated poses and the images that they are in.
public struct KeypointAnnotations: Hashable, Sendable {
  /// The numbers of all images, ascending; some may have no annotation.
  public let imageIDs: [Int]

  /// The annotations of one category, in the order of the file.
  public let poses: [AnnotatedPose]

  /// Annotations from their parts; images may be named more than once.
  public init(imageIDs: [Int], poses: [AnnotatedPose]) {
    self.imageIDs = Set(imageIDs).sorted()
    self.poses = poses
  }

  /// Reads a file in COCO's format of person keypoints.
  ///
  /// Used are `images[].id`; of each annotation `id`, `image_id`, `category_id`, `keypoints`,
  /// `num_keypoints`, `bbox`, `area` and `iscrowd`; and `categories[].id` where there are
  /// categories. Other fields are ignored. As with pycocotools an image may be listed twice, and
  /// annotations of images that are not listed do not count. Where `num_keypoints` is missing, the
  /// keypoints with a visibility above 0 are counted.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - keypointCount: the number of keypoints of each pose.
  ///   - category: the category to be read; annotations of others are left out.
  /// - Throws: ``PoseError`` with the file and the place in the document, such as
  ///   `annotations[3].keypoints[5]`: `.unreadableFile`; `.malformedFile` for what is not JSON and
  ///   for fields that are missing or of another type; `.invalidData` for a wrong number of
  ///   keypoints, a visibility other than 0, 1, 2, negative areas and box sizes, `iscrowd` other
  ///   than 0 and 1, numbers of annotations that come twice, and a category that is not listed.
  public init(
    contentsOf path: String, keypointCount: Int = 17, category: Int = 1
  ) throws(PoseError) {
    let data = try readBytes(path)
    do {
      try self.init(json: data, keypointCount: keypointCount, category: category)
    } catch {
      throw error.inFile(path)
    }
  }

  /// Reads a document in COCO's format of person keypoints.
  ///
  /// - Throws: as ``init(contentsOf:keypointCount:category:)``, without a file.
  public init(json: Data, keypointCount: Int = 17, category: Int = 1) throws(PoseError) {
    let document = try decodeJSON(Document.self, from: json)
    if let categories = document.categories, !categories.contains(where: { $0.id == category }) {
      throw PoseError(.invalidData, "the category \(category) is not listed", path: "categories")
    }
    var seen = Set<Int>(minimumCapacity: document.annotations.count)
    var poses: [AnnotatedPose] = []
    for (index, entry) in document.annotations.enumerated() {
      try JSONCheck.require(
        seen.insert(entry.id).inserted, "annotations[\(index)].id",
        "the id \(entry.id) comes twice")
      guard entry.category == category else { continue }
      poses.append(try entry.pose("annotations[\(index)]", keypointCount))
    }
    self.init(imageIDs: document.images.map(\.id), poses: poses)
  }
}

private struct Document: Decodable {
  struct Numbered: Decodable {
    let id: Int

    enum CodingKeys: CodingKey {
      case id
    }

    init(from decoder: any Decoder) throws {
      id = try decoder.container(keyedBy: CodingKeys.self).required(Int.self, .id)
    }
  }

  let images: [Numbered]
  let annotations: [AnnotationEntry]
  let categories: [Numbered]?
}

/// An annotation as it stands in a file.
struct AnnotationEntry: Decodable {
  let id: Int
  let image: Int
  let category: Int
  let keypoints: [Double]?
  let labelledCount: Int?
  let box: [Double]?
  let area: Double?
  let isCrowd: Int?

  enum CodingKeys: String, CodingKey {
    case id, keypoints, area
    case image = "image_id"
    case category = "category_id"
    case labelledCount = "num_keypoints"
    case box = "bbox"
    case isCrowd = "iscrowd"
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    id = try fields.required(Int.self, .id)
    image = try fields.required(Int.self, .image)
    category = try fields.required(Int.self, .category)
    keypoints = try fields.numbers(.keypoints)
    labelledCount = try fields.value(Int.self, .labelledCount)
    box = try fields.numbers(.box)
    area = try fields.value(Double.self, .area)
    isCrowd = try fields.value(Int.self, .isCrowd)
  }

  /// The pose, checked.
  ///
  /// - Parameter isEvaluated: whether `area` and `iscrowd`, which evaluation needs, must be there.
  func pose(
    _ path: @autoclosure () -> String, _ count: Int, isEvaluated: Bool = true
  ) throws(PoseError) -> AnnotatedPose {
    let keypoints = try JSONCheck.require(keypoints, path() + ".keypoints")
    let box = try JSONCheck.require(box, path() + ".bbox")
    let area = try JSONCheck.require(isEvaluated ? area : area ?? 0, path() + ".area")
    let isCrowd = try JSONCheck.require(isEvaluated ? isCrowd : isCrowd ?? 0, path() + ".iscrowd")
    try JSONCheck.finite(keypoints, count: 3 * count, path() + ".keypoints")
    for index in stride(from: 2, to: keypoints.count, by: 3) {
      let visibility = keypoints[index]
      try JSONCheck.require(
        visibility == 0 || visibility == 1 || visibility == 2, path() + ".keypoints[\(index)]",
        "the visibility \(visibility) is none of 0, 1, 2")
    }
    if let labelledCount {
      try JSONCheck.require(
        (0...count).contains(labelledCount), path() + ".num_keypoints",
        "\(labelledCount) is not within 0...\(count)")
    }
    try JSONCheck.box(box, path() + ".bbox")
    try JSONCheck.require(area.isFinite, path() + ".area", "is not finite")
    try JSONCheck.require(area >= 0, path() + ".area", "the area \(area) is negative")
    try JSONCheck.require(
      isCrowd == 0 || isCrowd == 1, path() + ".iscrowd", "\(isCrowd) is neither 0 nor 1")
    return AnnotatedPose(
      id: id, imageID: image, keypoints: keypoints, labelledCount: labelledCount, box: box,
      area: area, isCrowd: isCrowd == 1)
  }
}
