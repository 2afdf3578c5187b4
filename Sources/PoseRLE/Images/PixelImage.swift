/// An image of 8 bits a channel: grey or red, green, blue.
///
/// Coordinates are those of areas: pixel (0, 0) covers 0 … 1 in x and y, its centre is at (½, ½).
public struct PixelImage: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// 1 for grey, 3 for red, green, blue.
  public let channels: Int
  /// `[height, width, channels]`, rows from the top.
  public var bytes: [UInt8]

  /// An image of given bytes `[height, width, channels]`.
  ///
  /// - Precondition: there are 1 or 3 channels, and width · height · channels bytes.
  public init(width: Int, height: Int, channels: Int, bytes: [UInt8]) {
    precondition(
      width > 0 && height > 0 && (channels == 1 || channels == 3),
      "an image has a positive size and 1 or 3 channels; got \(width) × \(height) × \(channels)")
    precondition(
      bytes.count == width * height * channels,
      "an image of \(width) × \(height) × \(channels) has \(width * height * channels) bytes; got "
        + "\(bytes.count)")
    self.width = width
    self.height = height
    self.channels = channels
    self.bytes = bytes
  }
}
