import Flows

/// A convention for coordinates of joints, as a type: positions of two conventions do not mix.
///
/// x points right, y down. A third column, where there is one, is depth relative to the root joint:
/// in units of ``CropSize/depth`` in normalised frames, in millimetres in pixel frames.
///
/// There are four: ``Centered`` and ``CornerOrigin``, both shares of the crop, ``CropPixels`` and
/// ``ImagePixels``. None has values.
public protocol CoordinateFrame: Sendable {}

/// A frame in which a crop is one unit wide and one unit high: u = x / W − origin, v = y / H − origin.
///
/// W and H are the numbers of pixels, not one less.
public protocol NormalizedFrame: CoordinateFrame {
  /// What is subtracted from the share of the crop.
  static var origin: Double { get }
}

/// u = x / W − ½: the crop is −½ … ½, as in the code released with the paper.
public enum Centered: NormalizedFrame {
  /// ½.
  public static var origin: Double { 0.5 }
}

/// u = x / W: the crop is 0 … 1, as in mmpose.
public enum CornerOrigin: NormalizedFrame {
  /// 0.
  public static var origin: Double { 0 }
}

/// Pixels of the crop, that is of the network's input.
public enum CropPixels: CoordinateFrame {}

/// Pixels of the image that the crop was taken from.
public enum ImagePixels: CoordinateFrame {}

/// The extent of a crop: what a normalised coordinate is a share of.
public struct CropSize: Hashable, Sendable, Codable {
  /// W, in pixels.
  public let width: Int
  /// H, in pixels.
  public let height: Int
  /// What 1 in the third column stands for, in millimetres: z = (Z − Z_root) / depth.
  public let depth: Double

  /// A size of W × H pixels.
  ///
  /// - Parameters:
  ///   - width: W, positive.
  ///   - height: H, positive.
  ///   - depth: of poses in three dimensions; the released code has 2000 mm.
  public init(width: Int, height: Int, depth: Double = 2000) {
    precondition(
      width > 0 && height > 0 && depth > 0 && depth.isFinite,
      "a crop has a positive width, height and depth; got \(width), \(height), \(depth)")
    self.width = width
    self.height = height
    self.depth = depth
  }

  private enum CodingKeys: CodingKey {
    case width, height, depth
  }

  /// Decodes a size.
  ///
  /// - Throws: `DecodingError`, also for a number that is not positive.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    width = try container.decode(Int.self, forKey: .width)
    height = try container.decode(Int.self, forKey: .height)
    depth = try container.decode(Double.self, forKey: .depth)
    guard width > 0, height > 0, depth > 0, depth.isFinite else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(
          codingPath: decoder.codingPath,
          debugDescription: "a crop has a positive width, height and depth; found \(width), "
            + "\(height), \(depth)"))
    }
  }

  /// 192 × 256, the input of most published models.
  public static let standard = CropSize(width: 192, height: 256)

  /// One factor for each axis.
  func factors<S: TensorScalar>(_ dimension: Int) -> [S] {
    Array([S(width), S(height), S(depth)].prefix(dimension))
  }
}

/// One number for x and y and zero for depth.
func planar<S: TensorScalar>(_ value: S, _ dimension: Int) -> Tensor<S> {
  Tensor((0..<dimension).map { $0 < 2 ? value : 0 })
}
