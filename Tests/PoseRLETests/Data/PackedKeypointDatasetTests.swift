import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Packed keypoints")
struct PackedKeypointDatasetTests {
  @Test("the people of LSPET: grey images, keypoints in pixels twice as small")
  func lspet() throws {
    guard let folder = SharedData.folder("lspet") else { return }
    #expect(try PackedKeypointDataset.splits(in: folder) == ["train", "val"])
    let train = try PackedKeypointDataset(contentsOf: folder, split: "train")
    let val = try PackedKeypointDataset(contentsOf: folder, split: "val")
    #expect(train.count == 7382 && val.count == 986)
    #expect(train.fingerprint != val.fingerprint)
    #expect(val.channels == 1 && val.boxPadding == 1 && val.width == 64 && val.height == 64)
    #expect(val.skeleton.flipPairs.count == 6 && val.skeleton.parents[12] == nil)
    #expect(val.skeleton.names[13] == "head_top" && val.skeleton.parents[13] == 12)
    let sample = try val.sample(0)
    #expect(sample.name == "val_gray64.npy[0]")
    #expect(sample.box == SIMD4(0, 0, 64, 64))
    #expect(abs(sample.keypoints[0].x - 109.714 / 2) < 1e-3)
    #expect(abs(sample.keypoints[0].y - 58.759 / 2) < 1e-3)
    #expect(sample.visibility[0] == .visible && sample.visibility[7] == .unlabelled)
    let array: Tensor<Float> = try NumPyFile.read(folder + "/val_gray64.npy")
    #expect(sample.image.bytes.map(Float.init) == Array(array.scalars.prefix(64 * 64)))
    #expect(val.census.samples == 986 && val.census.notFiniteJoints == 0)
    #expect(val.census.labelledJoints + val.census.unlabelledJoints == 986 * 14)
    #expect(val.census.samplesWithoutJoints == 0)
    #expect(try DataCensus(reading: val).decoderWarnings == 0)
  }

  @Test("68 points of faces, without names, in groups")
  func faces() throws {
    guard let folder = SharedData.folder("ytf_faces68") else { return }
    let val = try PackedKeypointDataset(contentsOf: folder, split: "val")
    #expect(val.count == 211 && val.skeleton.count == 68 && val.skeleton.flipPairs.count == 29)
    #expect(val.census.unlabelledJoints == 0 && val.census.hiddenJoints == 0)
    let groups = try #require(val.groups)
    let (training, heldOut) = val.divided(holdingOut: 0.2, groups: groups, seed: 3)
    #expect(training.count + heldOut.count == 211 && (42...48).contains(heldOut.count))
    let sides = [training, heldOut].map { Set($0.indices.map { groups[$0] }) }
    #expect(sides[0].isDisjoint(with: sides[1]))
  }
}

@Suite("Packed keypoints: small folders")
struct PackedFolderTests {
  @Test("arrays of a folder become samples; the file of settings says how large keypoints are")
  func folder() throws {
    let folder = ScratchFolder()
    try KeypointFolder.writePacked(to: folder)
    let data = try PackedKeypointDataset(contentsOf: folder.url.path)
    #expect(data.count == 5 && data.width == 6 && data.height == 8 && data.channels == 1)
    #expect(data.skeleton.parents == [nil, 0, 0] && data.skeleton.flipPairs == [[1, 2]])
    let sample = try data.sample(3)
    #expect(sample.image.bytes == (144..<192).map { UInt8($0) })
    #expect(sample.keypoints == [SIMD2(1.625, 0.25), SIMD2(1.625, 1.25), .zero])
    #expect(sample.visibility == [.visible, .hidden, .unlabelled])
    #expect(data.census.hiddenJoints == 5 && data.census.unlabelledJoints == 2)
    #expect(data.groups == nil)
    let same = try PackedKeypointDataset(contentsOf: folder.url.path)
    #expect(same.fingerprint == data.fingerprint)
    let other = try PackedKeypointDataset(contentsOf: folder.url.path, keypointScale: 1)
    #expect(try other.sample(3).keypoints[0] == SIMD2(3.25, 0.5))
    #expect(other.fingerprint != data.fingerprint)
  }

  @Test("labels that are not finite are unlabelled, and counted")
  func notFinite() throws {
    let folder = ScratchFolder()
    try KeypointFolder.writePacked(to: folder)
    var keypoints = KeypointFolder.keypoints().scalars
    (keypoints[0], keypoints[4], keypoints[9 + 2]) = (.nan, .infinity, .nan)
    try NumPyFile.write(
      Tensor(shape: [5, 3, 3], scalars: keypoints), to: folder.path("keypoints.npy"))
    let data = try PackedKeypointDataset(contentsOf: folder.url.path)
    #expect(data.census.notFiniteJoints == 3 && data.census.unlabelledJoints == 5)
    #expect(try data.sample(0).visibility == [.unlabelled, .unlabelled, .visible])
    #expect(try data.sample(0).keypoints[0] == .zero)
    #expect(data.census.description.contains("3 because a label is not a finite number"))
  }

  @Test("colour, positions without visibility, 0 and 1 alone")
  func forms() throws {
    let skeleton = Skeleton(names: ["a"], parents: [nil], flipPairs: [])
    func dataset(_ values: [Double], _ axes: Int) throws -> PackedKeypointDataset {
      try PackedKeypointDataset(
        images: [UInt8](0..<24), shape: [2, 2, 2, 3],
        keypoints: Tensor(shape: [2, 1, axes], scalars: values), skeleton: skeleton)
    }
    let plain = try dataset([1, 2, 3, 4], 2)
    #expect(try plain.sample(1).keypoints == [SIMD2(3, 4)])
    #expect(try plain.sample(1).visibility == [.visible] && plain.channels == 3)
    #expect(try plain.sample(1).image.bytes.first == 12)
    #expect(plain.census.jointsOutsideImage == 1)
    #expect(try dataset([1, 2, 1, 3, 4, 0], 3).sample(0).visibility == [.visible])
    #expect(try dataset([1, 2, 1, 3, 4, 2], 3).sample(0).visibility == [.hidden])
    let error = #expect(throws: PoseError.self) { try dataset([1, 2, 1, 3, 4, 3], 3) }
    #expect(error?.path == "row 1, joint 0")
  }

  @Test("what cannot be used is named by file and place")
  func refused() throws {
    func refused(
      _ file: String, _ content: Data?, _ kind: PoseError.Kind, _ path: String?, _ part: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let folder = ScratchFolder()
      try KeypointFolder.writePacked(to: folder)
      try FileManager.default.removeItem(atPath: folder.path(file))
      try content?.write(to: folder.url.appendingPathComponent(file))
      let error = #expect(throws: PoseError.self, sourceLocation: sourceLocation) {
        try PackedKeypointDataset(contentsOf: folder.url.path)
      }
      let text = error?.description ?? ""
      #expect(error?.kind == kind && error?.path == path, "\(text)", sourceLocation: sourceLocation)
      #expect(text.contains(part), "\(text)", sourceLocation: sourceLocation)
      let named = content == nil && file == "images.npy" ? folder.url.path : folder.path(file)
      #expect(error?.file == named, "\(text)", sourceLocation: sourceLocation)
    }
    func floats(_ index: Int, _ value: Float) -> Data {
      var scalars = KeypointFolder.keypoints().scalars
      scalars[index] = value
      let bytes = scalars.flatMap { number in
        (0..<4).map { UInt8(truncatingIfNeeded: number.bitPattern >> (8 * $0)) }
      }
      return KeypointFolder.npy(bytes, shape: [5, 3, 3], type: "<f4")
    }
    func meta(_ old: String, _ new: String) -> Data {
      Data(KeypointFolder.meta.replacing(old, with: new).utf8)
    }
    let zeros = [UInt8](repeating: 0, count: 240)
    try refused("images.npy", nil, .unreadableFile, nil, "expected images.npy or one of gray*.npy")
    try refused(
      "images.npy", KeypointFolder.npy(zeros, shape: [240]), .invalidData, nil, "[n, height, width]"
    )
    try refused(
      "images.npy", KeypointFolder.npy(zeros, shape: [30], type: "<f8"), .unsupported, nil,
      "float64")
    try refused(
      "keypoints.npy", KeypointFolder.npy([0, 0, 0], shape: [1, 1, 3]), .invalidData, nil,
      "[5, joints, 3]")
    try refused("keypoints.npy", nil, .unreadableFile, nil, "does not exist")
    try refused("keypoints.npy", floats(14, 3), .invalidData, "row 1, joint 1", "0, 1 or 2")
    try refused("keypoints.npy", floats(10, 2e6), .invalidData, "row 1, joint 0", "1000000")
    try refused("meta.json", nil, .unreadableFile, nil, "swap in a mirror")
    try refused("meta.json", meta(", \"right_hand\"", ""), .invalidData, "keypoints", "3 names")
    try refused("meta.json", meta("[0, 2]", "[0, 3]"), .invalidData, "skeleton[1]", "0 to 2")
    try refused("meta.json", meta("[[1, 2]]", "[[1, 1]]"), .invalidData, "flip_pairs[0]", "other")
    try refused("meta.json", meta("[12, 16]", "0"), .invalidData, "image_size", "1 to 65536")
    try refused("meta.json", meta("[12, 16]", "\"x\""), .malformedFile, "image_size", "an array")
    try refused("meta.json", Data("{".utf8), .malformedFile, nil, "not valid JSON")
  }
}

@Suite("Parts of sources, and skeletons from lines")
struct SubsetSourceTests {
  @Test("a division is the same every time, and leaves nothing out")
  func division() throws {
    let folder = ScratchFolder()
    try KeypointFolder.writePacked(to: folder)
    let data = try PackedKeypointDataset(contentsOf: folder.url.path)
    let first = data.divided(holdingOut: 0.4, seed: 1)
    #expect(first.training.count == 3 && first.heldOut.count == 2)
    #expect(Set(first.training.indices + first.heldOut.indices) == Set(0..<5))
    #expect(data.divided(holdingOut: 0.4, seed: 1).heldOut.indices == first.heldOut.indices)
    #expect(
      (2..<9).contains {
        data.divided(holdingOut: 0.4, seed: $0).heldOut.indices
          != first.heldOut.indices
      })
    #expect(first.training.fingerprint != first.heldOut.fingerprint)
    #expect(try first.heldOut.sample(1) == data.sample(first.heldOut.indices[1]))
    let groups = data.divided(holdingOut: 0.3, groups: [4, 4, 4, 4, 9])
    #expect(groups.training.count + groups.heldOut.count == 5 && groups.training.count > 0)
    #expect([[4], [0, 1, 2, 3]].contains(groups.heldOut.indices))
    #expect(data.divided(holdingOut: 0).heldOut.count == 0)
    #expect(data.divided(holdingOut: 1).training.count == 0)
    #expect(data.divided(holdingOut: 0.99).training.count == 1)
  }

  @Test("pairs from names, parents from lines")
  func skeletons() {
    #expect(
      Skeleton.flipPairs(ofNames: ["Right Eye", "nose", "Left Eye", "l_ear", "r_ear", "left"])
        == [[0, 2], [3, 4]])
    #expect(Skeleton.flipPairs(ofNames: Skeleton.coco17.names) == Skeleton.coco17.flipPairs)
    #expect(Skeleton(names: Skeleton.mpii16.names, edges: []) == .mpii16)
    // A circle 0–1–2, a tail 2–3 and a point of its own.
    let circle = Skeleton(
      names: ["a", "b", "c", "d", "e"], edges: [[0, 1], [1, 2], [2, 0], [2, 3]])
    #expect(circle.parents == [2, 2, nil, 2, nil])
  }
}
