import Foundation
import PoseRLE
import Testing

/// Small JPEG and PNG files, and the pixels that they stand for.
struct ImageFixture: Decodable {
  let width: Int
  let height: Int
  let channels: Int
  /// How far a value may be off.
  let tolerance: Int
  let bytes: Data

  static func data(_ name: String) throws -> Data {
    let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
    return try Data(contentsOf: folder.appendingPathComponent("Images/\(name)"))
  }

  static func all() throws -> [String: ImageFixture] {
    try JSONDecoder().decode([String: ImageFixture].self, from: data("expected.json"))
  }

  /// Whether files of this name can be decoded here; a line says so where they cannot.
  static func canDecode(_ name: String) throws -> Bool {
    do {
      _ = try PixelImage(encoded: data(name), name: name)
      return true
    } catch let error as PoseError where error.message.contains("is not on this system") {
      #expect(error.kind == .unsupported && error.file == name)
      #expect(error.message.contains(name.hasSuffix("jpg") ? "libturbojpeg0" : "libpng16-16"))
      print("skipped: \(error)")
      return false
    }
  }

  /// The largest difference of a value from those of a picture.
  func largestDifference(from image: PixelImage) -> Int {
    zip(bytes, image.bytes).map { abs(Int($0) - Int($1)) }.max() ?? 0
  }
}
