/// Encodes eight-bit images as PNG, without any library.
///
/// The result depends on the pixels alone, so equal images give equal files.
public struct PNGEncoder: Sendable {
  /// How many bytes make a pixel, and what they mean.
  public enum Format: Sendable {
    /// Red, green, blue.
    case rgb
    /// Red, green, blue, alpha, not premultiplied.
    case rgba
    /// Grey.
    case gray

    var pixelBytes: Int {
      switch self {
      case .rgb: 3
      case .rgba: 4
      case .gray: 1
      }
    }

    var colorType: UInt8 {
      switch self {
      case .rgb: 2
      case .rgba: 6
      case .gray: 0
      }
    }
  }

  /// The pixel layout that the encoder expects.
  public var format: Format

  /// Makes an encoder for a pixel layout.
  public init(format: Format = .rgb) {
    self.format = format
  }

  /// Encodes the rows of an image, top row first, without padding.
  public func encode(width: Int, height: Int, pixels: [UInt8]) -> [UInt8] {
    precondition(width > 0 && height > 0, "An image needs at least one pixel.")
    let rowBytes = width * format.pixelBytes
    precondition(
      pixels.count == rowBytes * height, "The pixels must fill the image exactly, row by row.")
    var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    let header =
      PNGEncoder.bigEndian(UInt32(width)) + PNGEncoder.bigEndian(UInt32(height))
      + [8, format.colorType, 0, 0, 0]
    PNGEncoder.appendChunk("IHDR", header, to: &file)
    // Perceptual rendering intent: the pixels are plain sRGB.
    PNGEncoder.appendChunk("sRGB", [0], to: &file)
    let rows = ScanlineFilter.filtered(
      pixels, rowBytes: rowBytes, pixelBytes: format.pixelBytes)
    PNGEncoder.appendChunk("IDAT", Deflate.zlibStream(rows), to: &file)
    PNGEncoder.appendChunk("IEND", [], to: &file)
    return file
  }

  private static func appendChunk(_ name: String, _ content: [UInt8], to file: inout [UInt8]) {
    let body = Array(name.utf8) + content
    file += bigEndian(UInt32(content.count)) + body + bigEndian(Checksums.crc32(body))
  }

  private static func bigEndian(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * UInt32($0))) }
  }
}
