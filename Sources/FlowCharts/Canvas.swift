/// A raster of sRGB pixels to draw on; the origin is the top left corner, and y grows downwards.
///
/// Pixel (i, j) covers the square from (i, j) to (i + 1, j + 1). All shapes are antialiased.
public struct Canvas: Sendable {
  /// The number of pixels in a row.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// The components of all pixels: red, green, blue, row by row from the top.
  public internal(set) var pixels: [UInt8]

  /// The rectangle outside of which nothing is drawn; none means the whole canvas.
  ///
  /// Its edges are rounded to whole pixels.
  public var clip: Rect?

  /// Makes a canvas of one colour.
  public init(width: Int, height: Int, background: Color = .white) {
    precondition(width > 0 && height > 0, "A canvas needs at least one pixel.")
    self.width = width
    self.height = height
    pixels = [UInt8](repeating: 255, count: width * height * 3)
    if background != .white {
      fill(
        Rect(x: 0, y: 0, width: Double(width), height: Double(height)), color: background)
    }
  }

  /// Reads the colour of one pixel.
  public subscript(x: Int, y: Int) -> Color {
    precondition(
      x >= 0 && x < width && y >= 0 && y < height, "The pixel must lie on the canvas.")
    let offset = (y * width + x) * 3
    return Color(red: pixels[offset], green: pixels[offset + 1], blue: pixels[offset + 2])
  }

  /// Encodes the canvas as a PNG file.
  public func pngData() -> [UInt8] {
    PNGEncoder().encode(width: width, height: height, pixels: pixels)
  }

  /// The pixels that may be drawn on.
  var drawable: PixelBox {
    let all = PixelBox(minX: 0, minY: 0, maxX: width, maxY: height)
    guard let clip else { return all }
    return all.intersection(
      PixelBox(
        minX: PixelBox.whole(clip.x.rounded()), minY: PixelBox.whole(clip.y.rounded()),
        maxX: PixelBox.whole(clip.maxX.rounded()), maxY: PixelBox.whole(clip.maxY.rounded())))
  }

  /// Replaces a pixel that is known to lie on the canvas.
  mutating func set(_ x: Int, _ y: Int, _ color: Color) {
    let offset = (y * width + x) * 3
    pixels[offset] = color.red
    pixels[offset + 1] = color.green
    pixels[offset + 2] = color.blue
  }

  /// Mixes a colour into a pixel that is known to lie on the canvas.
  mutating func blend(_ x: Int, _ y: Int, _ color: Color, opacity: Float) {
    let offset = (y * width + x) * 3
    pixels[offset] = Canvas.mix(pixels[offset], color.red, opacity)
    pixels[offset + 1] = Canvas.mix(pixels[offset + 1], color.green, opacity)
    pixels[offset + 2] = Canvas.mix(pixels[offset + 2], color.blue, opacity)
  }

  private static func mix(_ below: UInt8, _ above: UInt8, _ opacity: Float) -> UInt8 {
    let start = Float(below)
    return UInt8(min(max(start + (Float(above) - start) * opacity + 0.5, 0), 255))
  }
}
