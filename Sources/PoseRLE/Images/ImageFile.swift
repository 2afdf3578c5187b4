internal import CSystemLibraries
import Foundation

/// Files of images: their formats, the size that they may have, and the library that reads them.
enum ImageFile: String {
  case jpeg = "JPEG"
  case png = "PNG"

  /// No image may have more pixels.
  static let largestPixelCount = 1 << 28
  /// No file of an image may have more bytes.
  static let largestByteCount = 1 << 30

  /// The format of a file, by its first bytes.
  init?(_ data: Data) {
    if data.starts(with: [0xFF, 0xD8, 0xFF]) {
      self = .jpeg
    } else if data.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
      self = .png
    } else {
      return nil
    }
  }

  /// The bytes of a file; devices and pipes, which may never end, are refused.
  static func read(_ path: String) throws -> Data {
    if let size = size(of: path), size > largestByteCount {
      throw PoseError(
        .unsupported, "expected an image of at most \(largestByteCount) bytes, found \(size)",
        file: path)
    }
    if exists(path), size(of: path) == nil, !isFolder(path) {
      throw PoseError(.unreadableFile, "is neither a file nor a folder", file: path)
    }
    return try readBytes(path)
  }

  /// The number of bytes of a regular file; nil for all else.
  static func size(of path: String) -> Int? {
    var information = stat()
    guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(information.st_size)
  }

  private static func exists(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0
  }

  private static func isFolder(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }

  static func decode(
    _ data: Data, channels: Int?, largestReduction: Int, minimumSide: Int
  ) throws -> DecodedImage {
    guard let format = ImageFile(data) else {
      throw PoseError(
        .unsupported,
        data.isEmpty
          ? "expected a JPEG or PNG file, found an empty one"
          : "expected a JPEG or PNG file, found other bytes at its beginning")
    }
    guard format.hasLibrary else {
      #if canImport(ImageIO)
        return try SystemImageDecoder.decode(data, format, channels: channels)
      #else
        throw PoseError(.unsupported, format.missingLibrary)
      #endif
    }
    var header = csl_image()
    try format.check(
      data.withUnsafeBytes { bytes in
        format == .jpeg
          ? csl_jpeg_header(bytes.baseAddress, bytes.count, &header)
          : csl_png_header(bytes.baseAddress, bytes.count, &header)
      }, header)
    let (width, height) = (Int(header.width), Int(header.height))
    try format.checkSize(width: width, height: height, data)
    let channels = channels ?? (header.is_color ? 3 : 1)
    let reduction =
      format == .jpeg
      ? [8, 4, 2].first {
        $0 <= largestReduction && ceiling(min(width, height), $0) >= minimumSide
      } ?? 1 : 1
    let (reducedWidth, reducedHeight) = (ceiling(width, reduction), ceiling(height, reduction))
    // Grey of a PNG file's colours is made here: libpng's is another one.
    let decodedChannels = format == .png && header.is_color ? 3 : channels
    let pixelCount = reducedWidth * reducedHeight
    try checkMemory(pixelCount * decodedChannels)
    var pixels = [UInt8](repeating: 0, count: pixelCount * decodedChannels)
    let result = pixels.withUnsafeMutableBufferPointer { out in
      data.withUnsafeBytes { bytes in
        let decode = format == .jpeg ? csl_jpeg_pixels : csl_png_pixels
        return decode(
          bytes.baseAddress, bytes.count, UInt32(reducedWidth), UInt32(reducedHeight),
          Int32(decodedChannels), out.baseAddress, &header)
      }
    }
    try format.check(result, header)
    if decodedChannels > channels { pixels = gray(pixels) }
    return DecodedImage(
      image: PixelImage(
        width: reducedWidth, height: reducedHeight, channels: channels, bytes: pixels),
      warnings: header.has_warning ? 1 : 0, reduction: reduction, fullWidth: width,
      fullHeight: height)
  }

  /// The grey of red, green, blue.
  static func gray(_ pixels: [UInt8]) -> [UInt8] {
    let count = pixels.count / 3
    return [UInt8](unsafeUninitializedCapacity: max(count, 1)) { gray, initialized in
      pixels.withUnsafeBufferPointer {
        csl_gray_from_rgb($0.baseAddress, count, gray.baseAddress)
      }
      initialized = count
    }
  }

  private static func ceiling(_ length: Int, _ reduction: Int) -> Int {
    (length + reduction - 1) / reduction
  }

  /// Refuses more pixels than so many bytes can stand for.
  ///
  /// A block of 64 pixels takes a bit of a JPEG file at least; a file that ends early, which is decoded
  /// as far as it goes, may be a megapixel whatever is left of it. A PNG file's bytes inflate to 1032
  /// times as many at most, with 8 pixels each at most.
  func checkSize(width: Int, height: Int, _ data: Data) throws {
    guard width > 0, height > 0, width <= Self.largestPixelCount, height <= Self.largestPixelCount
    else {
      throw PoseError(.malformedFile, "expected a positive size, found \(width) × \(height)")
    }
    let (count, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, count <= Self.largestPixelCount else {
      throw PoseError(
        .unsupported,
        "expected an image of at most \(Self.largestPixelCount) pixels, found \(width) × \(height)")
    }
    let most: Int
    switch self {
    case .jpeg: most = 1_048_576 + 512 * data.count
    case .png:
      // Bits of a pixel follow from the header's bit depth and colour type.
      let header = data.prefix(26)
      let depth = header.count == 26 ? max(Int(header[header.startIndex + 24]), 1) : 8
      most = 1032 * 8 / depth * data.count
    }
    guard count <= most else {
      throw PoseError(
        .malformedFile,
        "expected no more pixels than \(data.count) bytes can hold, found \(width) × \(height)")
    }
  }

  /// An array that is too large for the memory ends the program; this asks before.
  static func checkMemory(_ count: Int) throws {
    guard let block = malloc(count) else {
      throw PoseError(.unsupported, "there is too little memory for an image of \(count) bytes")
    }
    free(block)
  }

  private var hasLibrary: Bool {
    switch self {
    case .jpeg: csl_has_jpeg()
    case .png: csl_has_png()
    }
  }

  /// What to install.
  var missingLibrary: String {
    let (library, debian, homebrew) =
      switch self {
      case .jpeg: ("libjpeg-turbo", "libturbojpeg0", "jpeg-turbo")
      case .png: ("libpng", "libpng16-16", "libpng")
      }
    return "\(library), which reads \(rawValue) files, is not on this system; install the package "
      + "\(debian) (Debian, Ubuntu) or \(homebrew) (Homebrew)"
  }

  private func check(_ result: csl_image_result, _ image: csl_image) throws {
    switch result {
    case CSL_IMAGE_DONE: return
    case CSL_IMAGE_NO_LIBRARY: throw PoseError(.unsupported, missingLibrary)
    case CSL_IMAGE_NO_MEMORY:
      throw PoseError(.unsupported, "there is too little memory to decode it")
    case CSL_IMAGE_CMYK:
      throw PoseError(
        .unsupported, "expected grey or red, green, blue, found the colours of a printer (CMYK)")
    default:
      throw PoseError(
        .malformedFile, "cannot be decoded as \(rawValue): " + Self.sentence(image.message))
    }
  }

  /// A library's message, which may quote the file, without characters that cannot be printed.
  private static func sentence<Bytes>(_ message: Bytes) -> String {
    let bytes = withUnsafeBytes(of: message) { Array($0.prefix { $0 != 0 }) }
    let text = bytes.filter { (0x20..<0x7F).contains($0) }
    return text.isEmpty ? "the library does not say why" : String(decoding: text, as: UTF8.self)
  }
}
