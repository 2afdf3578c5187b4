import Flows
import Foundation
import PoseRLE
import Testing

@testable import pose_rle

@Suite("Parts of a data set")
struct PoseDataTests {
  private static let count = 40

  /// Arrays of one split: images of 1 pixel, one joint, and groups of four samples.
  private func write(_ split: String, to folder: TemporaryFolder, groups: Bool = false) throws {
    func file(_ name: String) -> URL { folder.url.appendingPathComponent("\(split)_\(name).npy") }
    var header = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(Self.count), 1, 1), }"
    header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
    let bytes = (0..<Self.count).map { UInt8($0) }
    try Data([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8) + bytes)
      .write(to: file("images"))
    try NumPyFile.write(Tensor<Float>.ones([Self.count, 1, 3]), to: file("keypoints").path)
    if groups {
      let numbers = Tensor<Float>(shape: [Self.count], scalars: bytes.map { Float($0 / 4) })
      try NumPyFile.write(numbers, to: file("group").path)
    }
    try Data("{\"keypoints\": [\"head\"]}".utf8)
      .write(to: folder.url.appendingPathComponent("meta.json"))
  }

  /// The groups of a part, by the values of its pixels.
  private func groups(_ source: any KeypointSource) throws -> Set<UInt8> {
    Set(try (0..<source.count).map { try source.sample($0).image.bytes[0] / 4 })
  }

  @Test("a group is either trained on or calibrated on", arguments: ["val", "test"])
  func groupsStayTogether(rest: String) throws {
    let folder = TemporaryFolder()
    try write("train", to: folder, groups: true)
    try write(rest, to: folder)
    let data = try PoseData.packed(folder.url.path, heldOut: 0.3, seed: 1)
    let calibration = try #require(data.calibration)
    #expect(data.training.count == 28)
    #expect(calibration.count == 12)
    #expect(data.test.count == Self.count)
    #expect(try groups(data.training).isDisjoint(with: groups(calibration)))
  }

  @Test("without a part to test on, no group is on two sides")
  func divided() throws {
    let folder = TemporaryFolder()
    try write("all", to: folder, groups: true)
    let data = try PoseData.packed(folder.url.path, heldOut: 0.2, seed: 2)
    let calibration = try #require(data.calibration)
    let parts = try [data.training, calibration, data.test].map(groups)
    #expect(parts.reduce(0) { $0 + $1.count } == 10)
    #expect(parts.reduce(Set()) { $0.union($1) }.count == 10)
  }

  @Test("parts that are not known are no guess")
  func unknownParts() throws {
    let folder = TemporaryFolder()
    try write("a", to: folder)
    try write("b", to: folder)
    #expect(throws: PoseError.self) {
      try PoseData.packed(folder.url.path, heldOut: 0.2, seed: 0)
    }
    #expect(throws: PoseError.self) { try PoseData.test(folder.url.path) }
  }
}
