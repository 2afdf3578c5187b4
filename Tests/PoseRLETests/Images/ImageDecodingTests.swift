import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Decoding JPEG and PNG files")
struct ImageDecodingTests {
  @Test(
    "pixels are those of Pillow",
    arguments: [
      "gray.jpg", "rgb.jpg", "progressive.jpg", "orientation.jpg", "gray.png", "rgb.png",
      "palette.png", "bits.png", "gray16.png", "alpha.png",
    ])
  func pixels(name: String) throws {
    guard try ImageFixture.canDecode(name) else { return }
    let expected = try #require(try ImageFixture.all()[name])
    let decoded = try PixelImage.decode(ImageFixture.data(name), name: name)
    let image = decoded.image
    #expect(image.width == expected.width && image.height == expected.height)
    #expect(image.channels == expected.channels)
    #expect(expected.largestDifference(from: image) <= expected.tolerance)
    #expect(decoded.warnings == 0 && decoded.reduction == 1)
  }

  @Test("grey and colour are made of each other", arguments: ["rgb.jpg", "rgb.png"])
  func channels(name: String) throws {
    guard try ImageFixture.canDecode(name) else { return }
    let data = try ImageFixture.data(name)
    let color = try PixelImage(encoded: data, name: name, channels: 3)
    let gray = try PixelImage(encoded: data, name: name, channels: 1)
    #expect(gray.channels == 1 && gray.bytes.count == 21 * 13)
    var largest = 0.0
    for (index, value) in gray.bytes.enumerated() {
      let (r, g, b) = (
        Double(color.bytes[3 * index]), Double(color.bytes[3 * index + 1]),
        Double(color.bytes[3 * index + 2])
      )
      largest = max(largest, abs(0.299 * r + 0.587 * g + 0.114 * b - Double(value)))
    }
    // A JPEG file holds the grey itself; its colours are rounded and cut off.
    #expect(largest <= (name == "rgb.png" ? 0.51 : 6), "\(largest)")
    let grayName = name.replacing("rgb", with: "gray")
    let data2 = try ImageFixture.data(grayName)
    let one = try PixelImage(encoded: data2, name: grayName)
    let three = try PixelImage(encoded: data2, name: grayName, channels: 3)
    #expect(three.bytes == one.bytes.flatMap { [$0, $0, $0] })
  }

  @Test("a JPEG file may come out smaller, as small as it is said to be")
  func reduction() throws {
    guard try ImageFixture.canDecode("rgb.jpg") else { return }
    let data = try ImageFixture.data("rgb.jpg")
    func size(_ largest: Int, _ minimum: Int = 1) throws -> [Int] {
      let decoded = try PixelImage.decode(
        data, name: "", largestReduction: largest, minimumSide: minimum)
      #expect(decoded.fullWidth == 21 && decoded.fullHeight == 13)
      return [decoded.reduction, decoded.image.width, decoded.image.height]
    }
    #expect(try size(1) == [1, 21, 13])
    #expect(try size(2) == [2, 11, 7])
    #expect(try size(8) == [8, 3, 2])
    #expect(try size(8, 4) == [2, 11, 7] || size(8, 4) == [4, 6, 4])
    #expect(try size(8, 8) == [1, 21, 13])
    // Half the size has about the mean of each four pixels.
    let whole = try PixelImage(encoded: data, name: "")
    let half = try PixelImage.decode(data, name: "", largestReduction: 2).image
    for (x, y, channel) in [(2, 3, 0), (7, 1, 1), (9, 5, 2)] {
      let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map { dx, dy in
        Int(whole.bytes[((2 * y + dy) * 21 + 2 * x + dx) * 3 + channel])
      }
      #expect(abs(four.reduce(0, +) / 4 - Int(half.bytes[(y * 11 + x) * 3 + channel])) <= 12)
    }
  }

  @Test("a file that ends early is decoded as far as it goes, with a warning")
  func truncated() throws {
    guard try ImageFixture.canDecode("rgb.jpg") else { return }
    let data = try ImageFixture.data("rgb.jpg")
    let decoded = try PixelImage.decode(data.prefix(data.count - 40), name: "cut.jpg")
    #expect(decoded.warnings == 1)
    #expect(decoded.image.width == 21 && decoded.image.height == 13)
  }

  @Test("what is not an image, or one that is not read, is named")
  func refused() throws {
    func refused(
      _ data: Data, _ kind: PoseError.Kind, _ part: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) {
      let error = #expect(throws: PoseError.self, sourceLocation: sourceLocation) {
        try PixelImage(encoded: data, name: "x.jpg")
      }
      #expect(error?.kind == kind && error?.file == "x.jpg", sourceLocation: sourceLocation)
      #expect(
        error?.message.contains(part) == true, "\(error?.message ?? "")",
        sourceLocation: sourceLocation)
    }
    refused(Data(), .unsupported, "an empty one")
    refused(Data("GIF89a".utf8), .unsupported, "JPEG or PNG")
    if try ImageFixture.canDecode("rgb.jpg") {
      refused(Data([0xFF, 0xD8, 0xFF]), .malformedFile, "JPEG")
      refused(try ImageFixture.data("cmyk.jpg"), .unsupported, "CMYK")
      // The size follows the marker of the frame: FF C0, length, 8 bits, height, width.
      var bytes = [UInt8](try ImageFixture.data("rgb.jpg"))
      let frame = try #require(
        bytes.indices.dropLast().first { bytes[$0...].starts(with: [0xFF, 0xC0]) })
      bytes.replaceSubrange(frame + 5..<frame + 9, with: [0xFF, 0xDC, 0xFF, 0xDC])
      refused(Data(bytes), .unsupported, "pixels")
      bytes.replaceSubrange(frame + 5..<frame + 9, with: [0x10, 0, 0x10, 0])
      refused(Data(bytes), .malformedFile, "bytes can hold")
    }
    if try ImageFixture.canDecode("rgb.png") {
      let data = try ImageFixture.data("rgb.png")
      refused(data.prefix(200), .malformedFile, "PNG")
      refused(data.prefix(20), .malformedFile, "PNG")
    }
    for path in ["/nothing/here.jpg", "/", "/dev/zero"] {
      let error = #expect(throws: PoseError.self) { try PixelImage(contentsOf: path) }
      #expect(error?.kind == .unreadableFile && error?.file == path)
    }
  }
}
