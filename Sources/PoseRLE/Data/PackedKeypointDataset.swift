import Flows

/// Images of one size and their keypoints, packed into arrays and held in memory as bytes.
///
/// Images are crops of one pose each already: boxes are whole images, and are not padded.
public struct PackedKeypointDataset: KeypointSource {
  /// What the third number of a keypoint means.
  public enum VisibilityCoding: String, Hashable, Sendable, Codable, CaseIterable {
    /// As COCO where the number 2 occurs in the array, else 0 or 1.
    case automatic
    /// 0 not labelled, 1 labelled and taken as visible.
    case labelled
    /// 0 not labelled, 1 hidden, 2 visible.
    case coco
  }

  /// The keypoints of every pose.
  public let skeleton: Skeleton
  /// Pixels in a row of every image.
  public let width: Int
  /// Rows of every image.
  public let height: Int
  /// 1 for grey, 3 for red, green, blue.
  public let channels: Int
  /// For each sample the number of its group, such as a video, where that is known.
  public let groups: [Int]?
  /// What the labels hold.
  public let census: DataCensus
  /// Made of all images and labels.
  public let fingerprint: UInt64

  private let name: String
  private let pixels: [UInt8]
  private let labels: KeypointTable

  /// The number of samples.
  public let count: Int
  /// 1: boxes are crops.
  public var boxPadding: Double { 1 }

  /// A data set of arrays in memory.
  ///
  /// A joint counts as unlabelled where its visibility is 0, or where a label is not finite; the
  /// ``census`` counts the latter.
  ///
  /// - Parameters:
  ///   - images: bytes of the shape `shape`.
  ///   - shape: `[n, height, width]` for grey, or `[n, height, width, 1 or 3]`.
  ///   - keypoints: `[n, joints, 3]` of x, y and visibility, or `[n, joints, 2]` where all joints are
  ///     visible; 0 is the left or upper edge of the first pixel.
  ///   - skeleton: the joints.
  ///   - keypointScale: what keypoints are multiplied by, x and y, to become pixels of the images.
  ///   - visibility: what the third number of a keypoint means.
  ///   - groups: for each sample the number of its group.
  ///   - name: what the images are called in messages.
  /// - Throws: ``PoseError`` of kind `invalidData` for shapes that do not fit, a position beyond
  ///   10⁶ pixels and a visibility that has no meaning, with row and joint.
  public init(
    images: [UInt8], shape: [Int], keypoints: Tensor<Double>, skeleton: Skeleton,
    keypointScale: SIMD2<Double> = SIMD2(1, 1), visibility: VisibilityCoding = .automatic,
    groups: [Int]? = nil, name: String = "images"
  ) throws {
    let size = try PackedShape(shape, count: images.count)
    let labels = try KeypointTable(
      keypoints, rows: size.count, scale: keypointScale, visibility: visibility)
    try self.init(
      images: images, size: size, labels: labels, skeleton: skeleton, groups: groups, name: name)
  }

  init(
    images: [UInt8], size: PackedShape, labels: KeypointTable, skeleton: Skeleton, groups: [Int]?,
    name: String
  ) throws {
    guard labels.joints == skeleton.count else {
      throw PoseError(
        .invalidData,
        "expected \(skeleton.count) joints, those of the skeleton, found \(labels.joints)")
    }
    guard (groups?.count ?? size.count) == size.count else {
      throw PoseError(
        .invalidData, "expected \(size.count) groups, found \(groups?.count ?? 0)", path: "groups")
    }
    (count, height, width, channels) = (size.count, size.height, size.width, size.channels)
    self.skeleton = skeleton
    self.labels = labels
    self.groups = groups
    self.name = name
    pixels = images
    let extent = SIMD2(Double(size.width), Double(size.height))
    var census = DataCensus()
    var fingerprint = Fingerprint()
    fingerprint.mix(skeleton)
    for row in 0..<size.count {
      let range = labels.range(row)
      census.add(
        labels.positions[range], labels.visibility[range], box: SIMD4(0, 0, extent.x, extent.y),
        extent: extent)
    }
    census.notFiniteJoints = labels.notFinite.count
    self.census = census
    for length in [count, height, width, channels] { fingerprint.mix(length) }
    for (point, visibility) in zip(labels.positions, labels.visibility) {
      fingerprint.mix(point.x)
      fingerprint.mix(point.y)
      fingerprint.mix(UInt64(visibility.rawValue))
    }
    fingerprint.mix(images)
    self.fingerprint = fingerprint.value
  }

  /// The sample of an index in `0 ..< count`.
  public func sample(_ index: Int) throws -> KeypointSample {
    precondition((0..<count).contains(index), "a sample of 0 ..< \(count); got \(index)")
    let size = width * height * channels
    let range = labels.range(index)
    return KeypointSample(
      image: PixelImage(
        width: width, height: height, channels: channels,
        bytes: Array(pixels[index * size..<(index + 1) * size])),
      box: SIMD4(0, 0, Double(width), Double(height)),
      keypoints: Array(labels.positions[range]), visibility: Array(labels.visibility[range]),
      name: "\(name)[\(index)]")
  }
}

extension PackedKeypointDataset: CensusedSource {}

/// The shape of packed images.
struct PackedShape {
  let count: Int
  let height: Int
  let width: Int
  let channels: Int

  /// - Parameter bytes: how many there are; compared with the shape.
  init(_ shape: [Int], count bytes: Int) throws {
    guard shape.count == 3 || (shape.count == 4 && (shape[3] == 1 || shape[3] == 3)),
      shape.allSatisfy({ $0 > 0 }), shape[1] <= 65_536, shape[2] <= 65_536
    else {
      throw PoseError(
        .invalidData,
        "expected images of the shape [n, height, width] or [n, height, width, 3], none of it 0 and "
          + "no image above 65536 pixels wide or high, found \(shape)")
    }
    (count, height, width) = (shape[0], shape[1], shape[2])
    channels = shape.count == 4 ? shape[3] : 1
    let (size, overflow) = (height * width * channels).multipliedReportingOverflow(by: count)
    guard !overflow, size == bytes else {
      throw PoseError(.invalidData, "expected the bytes of the shape \(shape), found \(bytes)")
    }
  }
}
