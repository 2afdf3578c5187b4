import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Keypoint data: 1,000 random corruptions of each file")
struct DataCorruptionTests {
  /// Damages a file again and again; whatever comes of it, an error names that file in one line.
  private func corrupt(
    _ name: String, in folder: ScratchFolder, seed: UInt64, located: Int,
    damage: (inout [UInt8], (Int) -> Int) -> Void, read: () throws -> Void
  ) throws {
    let url = folder.url.appendingPathComponent(name)
    let source = [UInt8](try Data(contentsOf: url))
    var generator = PhiloxGenerator(seed: seed)
    func below(_ count: Int) -> Int { Int(generator.next() % UInt64(count)) }
    var (accepted, refused, places) = (0, 0, 0)
    for _ in 0..<1_000 {
      var bytes = source
      switch below(4) {
      case 0: bytes.removeLast(1 + below(bytes.count))
      case 1:
        for _ in 0...below(3) { bytes[below(bytes.count)] ^= 1 << UInt8(below(8)) }
      default: damage(&bytes, below)
      }
      try Data(bytes).write(to: url)
      do {
        try read()
        accepted += 1
      } catch {
        let error = error as? PoseError
        let text = error?.description ?? ""
        #expect(error?.file?.hasPrefix(folder.url.path) == true, "\(text)")
        // A name of a file may be damaged into that of one that is not there.
        let isMissing = error?.kind == .unreadableFile && name == "annotations.json"
        #expect(isMissing || error?.file == url.path, "\(text)")
        #expect(!text.contains("\n") && text.count < 400, "\(text)")
        // A value that is out of its range has a place.
        if error?.path != nil { places += 1 }
        refused += 1
      }
    }
    try Data(source).write(to: url)
    print("\(name): \(accepted) read, \(refused) refused, \(places) of them with a place")
    #expect(accepted > 20 && refused > 300 && places >= located)
  }

  /// Another value for one of the numbers or texts of a document.
  private static func otherValue(_ bytes: inout [UInt8], _ below: (Int) -> Int) {
    let values = [
      "-1", "0", "1", "2", "3", "5", "1000001", "9223372036854775807", "1e300", "1e999", "0.5",
      "null", "\"x\"", "\"../x\"", "[]", "{}", "[[0, 1]]", "true", "",
    ]
    var text = String(decoding: bytes, as: UTF8.self)
    let ranges = text.ranges(of: /-?[0-9]+(\.[0-9]+)?|"[a-z_\/.]+"/)
    text.replaceSubrange(ranges[below(ranges.count)], with: values[below(values.count)])
    bytes = Array(text.utf8)
  }

  @Test func annotations() throws {
    let folder = ScratchFolder()
    try KeypointFolder.writeCOCO(to: folder)
    let canDecode = try ImageFixture.canDecode("rgb.png")
    try corrupt(
      "annotations.json", in: folder, seed: 61, located: 200, damage: Self.otherValue
    ) {
      let data = try KeypointFolder.coco(folder)
      #expect(data.count > 0 && data.census.samples == data.count)
      let isWhole = data.skeleton.count == 3
      #expect(isWhole, "\(data.skeleton)")
      // An image of another size than is written is found when it is read; that names the image.
      if canDecode { _ = try? data.sample(0) }
    }
  }

  @Test func meta() throws {
    let folder = ScratchFolder()
    try KeypointFolder.writePacked(to: folder)
    try corrupt("meta.json", in: folder, seed: 62, located: 100, damage: Self.otherValue) {
      _ = try PackedKeypointDataset(contentsOf: folder.url.path).sample(0)
    }
  }

  @Test("arrays", arguments: ["images.npy", "keypoints.npy"])
  func arrays(name: String) throws {
    let folder = ScratchFolder()
    try KeypointFolder.writePacked(to: folder)
    let located = name == "keypoints.npy" ? 50 : 0
    try corrupt(name, in: folder, seed: 63, located: located) { bytes, below in
      for _ in 0...below(4) {
        // Half of the damage is in the header.
        bytes[below(below(2) == 0 ? 128 : bytes.count)] = UInt8(below(256))
      }
    } read: {
      let data = try PackedKeypointDataset(contentsOf: folder.url.path)
      for index in 0..<data.count { _ = try data.sample(index) }
      #expect(data.census.samples == data.count)
    }
  }
}
