/// Images with labelled poses, one by one: a data set, or a generator.
///
/// A source is a value that several threads read at the same time; a sample is a function of its index
/// alone.
public protocol KeypointSource: Sendable {
  /// The keypoints of every pose.
  var skeleton: Skeleton { get }
  /// The number of samples.
  var count: Int { get }
  /// 1 where all images are grey, else 3.
  var channels: Int { get }
  /// What a box is widened by when it becomes a crop: 1 where boxes are crops already.
  var boxPadding: Double { get }
  /// Tells sources apart, so that a training that goes on with other data is refused.
  var fingerprint: UInt64 { get }

  /// The sample of an index in `0 ..< count`.
  ///
  /// - Throws: ``PoseError`` that names the file where an image cannot be read.
  func sample(_ index: Int) throws -> KeypointSample
}

/// One image with the labels of one pose.
public struct KeypointSample: Sendable, Hashable {
  /// How much is known of a joint, as in COCO.
  public enum Visibility: UInt8, Sendable, Hashable, Codable {
    /// Nothing; its position means nothing and may be NaN.
    case unlabelled = 0
    /// Its position, though it cannot be seen.
    case hidden = 1
    /// Its position.
    case visible = 2
  }

  /// The whole image.
  public var image: PixelImage
  /// The pose's box in pixels of the image: x, y of the upper left corner, width, height.
  public var box: SIMD4<Double>
  /// Where joints are, in pixels of the image; 0 is the left or upper edge of the first pixel.
  public var keypoints: [SIMD2<Double>]
  /// How much is known of each joint.
  public var visibility: [Visibility]
  /// What the sample is called in messages: a file, or a place in an array.
  public var name: String
  /// Problems that the decoder of the image reported and got over.
  public var decoderWarnings: Int

  /// A sample from its parts.
  public init(
    image: PixelImage, box: SIMD4<Double>, keypoints: [SIMD2<Double>], visibility: [Visibility],
    name: String, decoderWarnings: Int = 0
  ) {
    precondition(
      keypoints.count == visibility.count,
      "every joint has a position and a visibility; got \(keypoints.count) and \(visibility.count)")
    self.image = image
    self.box = box
    self.keypoints = keypoints
    self.visibility = visibility
    self.name = name
    self.decoderWarnings = decoderWarnings
  }
}
