import Foundation

/// The part of an image that a top-down network sees: a box with the aspect of its input.
///
/// A point p of the image goes to (W / w) · R(−rotation) (p − center) + (W, H) / 2, where w is the
/// crop's width in the image, W × H its size in pixels and R(α) = ((cos α, −sin α), (sin α, cos α));
/// y points down, so that the image's content appears turned counterclockwise for a positive
/// rotation. As W / w = H / h it is a similarity.
///
/// That is the map which the released code (`get_affine_transform`) and mmpose (`get_warp_matrix`)
/// take from three points: the centre, a second point half a width away, and a third at a right
/// angle; both round it to single precision. The box's centre is x + w/2, its size is widened to
/// the input's aspect and then times the padding. The released code makes w and h one pixel smaller
/// first (w − 1, h − 1); pass such numbers to reproduce it. mmpose's decoding of crops without
/// rotation, u · w + center.x − w/2, is the same map.
public struct Crop: Hashable, Sendable {
  /// The crop's centre in the image.
  public let center: SIMD2<Double>
  /// The crop's width and height in the image before rotation.
  public let extent: SIMD2<Double>
  /// Degrees that the crop is turned by, from x towards y.
  public let rotation: Double
  /// The network's input.
  public let size: CropSize
  /// Image → crop.
  public let toCrop: PlaneMap
  /// Crop → image.
  public let toImage: PlaneMap

  /// The crop around a box: widened to the aspect of the input, then padded.
  ///
  /// - Parameters:
  ///   - x: the left edge, in pixels of the image.
  ///   - y: the upper edge.
  ///   - width: of the box.
  ///   - height: of the box.
  ///   - size: of the network's input.
  ///   - padding: what width and height are multiplied by.
  ///   - rotation: degrees that the crop is turned by.
  /// - Throws: ``PoseError`` of kind `invalidData` for numbers that are not finite, negative sizes,
  ///   and a box of neither width nor height.
  public init(
    x: Double, y: Double, width: Double, height: Double, size: CropSize = .standard,
    padding: Double = 1.25, rotation: Double = 0
  ) throws {
    guard [x, y, width, height].allSatisfy(\.isFinite), width >= 0, height >= 0,
      width + height > 0
    else {
      throw PoseError(
        .invalidData,
        "expected a box [x, y, width, height] of finite numbers with a positive size, found "
          + "[\(x), \(y), \(width), \(height)]")
    }
    let aspect = Double(size.width) / Double(size.height)
    let extent =
      width > aspect * height
      ? SIMD2(width, width / aspect) : SIMD2(height * aspect, height)
    try self.init(
      center: SIMD2(x + width / 2, y + height / 2), width: extent.x * padding, size: size,
      rotation: rotation)
  }

  /// The crop of a given centre and width in the image; its height follows from the aspect.
  ///
  /// - Throws: ``PoseError`` of kind `invalidData` where a number is not finite, or a width is not
  ///   positive or so small or large that the map or its inverse overflows.
  public init(
    center: SIMD2<Double>, width: Double, size: CropSize = .standard, rotation: Double = 0
  ) throws {
    let factor = Double(size.width) / width
    let inverseFactor = width / Double(size.width)
    let angle = rotation * .pi / 180
    let (c, s) = Crop.cosineAndSine(degrees: rotation, angle)
    let middle = SIMD2(Double(size.width), Double(size.height)) / 2
    var toCrop = PlaneMap(
      xx: factor * c, xy: factor * s, yx: -factor * s, yy: factor * c, shift: .zero)
    toCrop.shift = middle - toCrop.linear(center)
    var toImage = PlaneMap(
      xx: inverseFactor * c, xy: -inverseFactor * s, yx: inverseFactor * s, yy: inverseFactor * c,
      shift: .zero)
    toImage.shift = center - toImage.linear(middle)
    let extent = SIMD2(width, width * Double(size.height) / Double(size.width))
    let numbers = [
      extent.y, toCrop.shift.x, toCrop.shift.y, toImage.shift.x, toImage.shift.y, rotation, factor,
    ]
    guard width > 0, inverseFactor > 0, numbers.allSatisfy(\.isFinite) else {
      throw PoseError(
        .invalidData,
        "expected a crop of finite centre, width and rotation with a positive width, found the "
          + "centre (\(center.x), \(center.y)), the width \(width) and the rotation \(rotation)")
    }
    self.center = center
    self.extent = extent
    self.rotation = rotation
    self.size = size
    self.toCrop = toCrop
    self.toImage = toImage
  }

  /// Exact at multiples of a right angle, where sin π is not 0 in floating point.
  private static func cosineAndSine(degrees: Double, _ angle: Double) -> (Double, Double) {
    switch degrees.truncatingRemainder(dividingBy: 360) {
    case 0: (1, 0)
    case 90, -270: (0, 1)
    case 180, -180: (-1, 0)
    case 270, -90: (0, -1)
    default: (cos(angle), sin(angle))
    }
  }
}
