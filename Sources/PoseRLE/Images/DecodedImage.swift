import Foundation

/// An image out of a file, and what its decoder had to say.
public struct DecodedImage: Hashable, Sendable {
  /// The pixels.
  public var image: PixelImage
  /// Problems that the decoder reported and got over, such as data that end too early.
  ///
  /// One of a file at most, as the libraries report the last one only.
  public var warnings: Int
  /// How many times smaller than in the file the image is: 1, 2, 4 or 8.
  ///
  /// Pixel (x, y) covers that many
  /// pixels of the file in each direction; at the right and lower edge they may be fewer.
  public var reduction: Int
  /// Pixels in a row of the file.
  public var fullWidth: Int
  /// Rows of the file.
  public var fullHeight: Int
}

extension PixelImage {
  /// Reads a JPEG or PNG file, as ``decode(_:name:channels:largestReduction:minimumSide:)``.
  ///
  /// - Throws: ``PoseError`` that names the file.
  public init(contentsOf path: String, channels: Int? = nil) throws {
    let data = try ImageFile.read(path)
    self = try PixelImage.decode(data, name: path, channels: channels).image
  }

  /// Reads a JPEG or PNG file, as ``decode(_:name:channels:largestReduction:minimumSide:)``.
  ///
  /// - Throws: ``PoseError`` that names the file.
  public init(contentsOf url: URL, channels: Int? = nil) throws {
    try self.init(contentsOf: url.path, channels: channels)
  }

  /// Decodes the bytes of a JPEG or PNG file.
  ///
  /// - Throws: ``PoseError`` that names `name` as its file.
  public init(encoded data: Data, name: String, channels: Int? = nil) throws {
    self = try PixelImage.decode(data, name: name, channels: channels).image
  }

  /// Decodes the bytes of a JPEG or PNG file.
  ///
  /// JPEG files are read by libjpeg-turbo and PNG files by libpng where the system has them; on Apple's
  /// systems ImageIO takes their place. Pixels are as stored: an orientation in EXIF is not applied.
  /// Palettes become colours, 16 bits a channel become 8, transparent pixels are composed on white, a
  /// PNG file's gamma becomes that of sRGB. Grey of colours is 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
  ///
  /// Sizes are refused before memory is taken for them: more than 2²⁸ pixels, and more than so many
  /// bytes of file can hold.
  ///
  /// - Parameters:
  ///   - data: the bytes of a file.
  ///   - name: what the file is called in errors.
  ///   - channels: 1 for grey or 3 for red, green, blue; if nil as the file has it.
  ///   - largestReduction: 1, 2, 4 or 8; a JPEG file may be decoded at up to that many times smaller, in
  ///     a fraction of the time. Other files come in full size.
  ///   - minimumSide: width and height of a reduced image are no smaller.
  /// - Throws: ``PoseError``: `malformedFile` for bytes that cannot be decoded; `unsupported` for another
  ///   format, a size that is refused, the colours of a printer (CMYK), and where the library is not on
  ///   this system, with the package to install.
  public static func decode(
    _ data: Data, name: String, channels: Int? = nil, largestReduction: Int = 1,
    minimumSide: Int = 1
  ) throws -> DecodedImage {
    precondition(
      channels == nil || channels == 1 || channels == 3, "an image has 1 or 3 channels")
    precondition(
      [1, 2, 4, 8].contains(largestReduction),
      "a reduction is 1, 2, 4 or 8; got \(largestReduction)")
    return try PoseError.translating(name) {
      try ImageFile.decode(
        data, channels: channels, largestReduction: largestReduction,
        minimumSide: max(minimumSide, 1))
    }
  }
}
