import Foundation
import PoseRLE

/// Samples that a closure makes.
struct MemorySource: KeypointSource {
  var skeleton: Skeleton
  var count: Int
  var channels = 1
  var boxPadding = 1.0
  var fingerprint: UInt64 { 0 }
  var make: @Sendable (Int) throws -> KeypointSample

  init(
    _ skeleton: Skeleton = MemorySource.four, count: Int,
    make: @escaping @Sendable (Int) throws -> KeypointSample
  ) {
    self.skeleton = skeleton
    self.count = count
    self.make = make
  }

  func sample(_ index: Int) throws -> KeypointSample { try make(index) }

  /// Four joints, of which two swap in a mirror.
  static let four = Skeleton(
    names: ["head", "left_hand", "right_hand", "foot"], parents: [nil, 0, 0, 0],
    flipPairs: [[1, 2]])

  /// The joints of Leeds Sports Poses.
  static let lsp14 = Skeleton(
    names: [
      "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle",
      "right_wrist", "right_elbow", "right_shoulder", "left_shoulder", "left_elbow", "left_wrist",
      "neck", "head_top",
    ],
    parents: Array(repeating: nil, count: 14),
    flipPairs: [[0, 5], [1, 4], [2, 3], [6, 11], [7, 10], [8, 9]])
}

extension KeypointSample {
  /// A whole image as the box.
  static func whole(
    _ image: PixelImage, _ keypoints: [SIMD2<Double>], _ visibility: [Visibility]? = nil,
    name: String = "memory"
  ) -> KeypointSample {
    KeypointSample(
      image: image, box: SIMD4(0, 0, Double(image.width), Double(image.height)),
      keypoints: keypoints,
      visibility: visibility ?? Array(repeating: .visible, count: keypoints.count), name: name)
  }
}

extension PixelImage {
  /// One value everywhere.
  static func constant(_ value: UInt8, width: Int, height: Int, channels: Int = 1) -> PixelImage {
    PixelImage(
      width: width, height: height, channels: channels,
      bytes: Array(repeating: value, count: width * height * channels))
  }

  /// Black with a round, soft dot.
  static func dot(
    at center: SIMD2<Double>, deviation: Double, width: Int, height: Int
  ) -> PixelImage {
    var image = constant(0, width: width, height: height)
    let reach = 4 * deviation
    for y in max(0, Int(center.y - reach))..<min(height, Int(center.y + reach) + 1) {
      for x in max(0, Int(center.x - reach))..<min(width, Int(center.x + reach) + 1) {
        let (dx, dy) = (Double(x) + 0.5 - center.x, Double(y) + 0.5 - center.y)
        let value = 255 * exp(-0.5 * (dx * dx + dy * dy) / (deviation * deviation))
        image.bytes[y * width + x] = UInt8(value.rounded())
      }
    }
    return image
  }
}

extension ImageInput {
  /// Bytes as shares of white.
  static func plain(_ width: Int, _ height: Int, channels: Int = 1) -> ImageInput {
    ImageInput(
      size: CropSize(width: width, height: height), channels: channels,
      mean: Array(repeating: 0, count: channels), deviation: Array(repeating: 1, count: channels))
  }
}
