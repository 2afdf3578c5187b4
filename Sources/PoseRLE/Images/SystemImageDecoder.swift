#if canImport(ImageIO)
  import CoreGraphics
  import Foundation
  import ImageIO

  /// Apple's own decoder, where the libraries are not installed.
  enum SystemImageDecoder {
    static func decode(_ data: Data, _ format: ImageFile, channels: Int?) throws -> DecodedImage {
      let options = [kCGImageSourceShouldCache: false] as CFDictionary
      guard let source = CGImageSourceCreateWithData(data as CFData, options),
        let properties = CGImageSourceCopyPropertiesAtIndex(source, 0, options)
          as? [CFString: Any],
        let width = properties[kCGImagePropertyPixelWidth] as? Int,
        let height = properties[kCGImagePropertyPixelHeight] as? Int
      else {
        throw PoseError(.malformedFile, "cannot be decoded as \(format.rawValue)")
      }
      try format.checkSize(width: width, height: height, data)
      let isGray =
        properties[kCGImagePropertyColorModel] as? String == kCGImagePropertyColorModelGray
        as String
      try ImageFile.checkMemory(4 * width * height)
      guard let image = CGImageSourceCreateImageAtIndex(source, 0, options),
        image.width == width, image.height == height,
        let space = CGColorSpace(name: CGColorSpace.sRGB)
      else {
        throw PoseError(.malformedFile, "cannot be decoded as \(format.rawValue)")
      }
      // Four bytes a pixel, the last of them unused, on white.
      var buffer = [UInt8](repeating: 255, count: 4 * width * height)
      let isDrawn = buffer.withUnsafeMutableBytes { bytes in
        guard
          let context = CGContext(
            data: bytes.baseAddress, width: width, height: height, bitsPerComponent: 8,
            bytesPerRow: 4 * width, space: space,
            bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
        else { return false }
        context.draw(image, in: CGRect(x: 0, y: 0, width: width, height: height))
        return true
      }
      guard isDrawn else {
        throw PoseError(.unsupported, "there is too little memory to decode it")
      }
      var pixels = [UInt8](repeating: 0, count: 3 * width * height)
      for pixel in 0..<width * height {
        for channel in 0..<3 { pixels[3 * pixel + channel] = buffer[4 * pixel + channel] }
      }
      let channels = channels ?? (isGray ? 1 : 3)
      if channels == 1 { pixels = ImageFile.gray(pixels) }
      let isWhole = CGImageSourceGetStatusAtIndex(source, 0) == .statusComplete
      return DecodedImage(
        image: PixelImage(width: width, height: height, channels: channels, bytes: pixels),
        warnings: isWhole ? 0 : 1, reduction: 1, fullWidth: width, fullHeight: height)
    }
  }
#endif
