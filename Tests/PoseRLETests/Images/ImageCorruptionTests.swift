import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Images: 1,000 random corruptions of each format")
struct ImageCorruptionTests {
  @Test(
    "a damaged file is decoded, with a warning or without, or refused by name",
    arguments: [
      ["rgb.jpg", "gray.jpg", "progressive.jpg"],
      ["rgb.png", "palette.png", "gray16.png", "alpha.png", "bits.png"],
    ])
  func corruptions(names: [String]) throws {
    guard try ImageFixture.canDecode(names[0]) else { return }
    let sources = try names.map { [UInt8](try ImageFixture.data($0)) }
    var generator = PhiloxGenerator(seed: 606)
    func below(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }
    var (whole, warned, refused) = (0, 0, 0)
    for round in 0..<1_000 {
      var bytes = sources[round % sources.count]
      switch below(4) {
      case 0: bytes.removeLast(below(bytes.count))
      case 1:
        let start = below(bytes.count)
        bytes.removeSubrange(start..<min(bytes.count, start + 1 + below(40)))
      default: break
      }
      for _ in 0..<below(5) where !bytes.isEmpty {
        // Half of the damage is among the headers.
        let place = below(below(2) == 0 ? min(bytes.count, 200) : bytes.count)
        bytes[place] = below(3) == 0 ? 0xFF : UInt8(below(256))
      }
      do {
        let decoded = try PixelImage.decode(
          Data(bytes), name: "damaged", channels: [nil, 1, 3][below(3)],
          largestReduction: [1, 8][below(2)])
        let image = decoded.image
        #expect(image.bytes.count == image.width * image.height * image.channels)
        if decoded.warnings > 0 { warned += 1 } else { whole += 1 }
      } catch {
        let error = error as? PoseError
        #expect(error?.file == "damaged")
        #expect(error?.kind == .malformedFile || error?.kind == .unsupported)
        let text = error?.description ?? ""
        #expect(!text.isEmpty && text.count < 300 && !text.contains("\n"), "\(text)")
        refused += 1
      }
    }
    print("\(names[0]): \(whole) decoded, \(warned) with a warning, \(refused) refused")
    #expect(whole > 50 && refused > 100)
    if names[0].hasSuffix("jpg") { #expect(warned > 50) }
  }
}
