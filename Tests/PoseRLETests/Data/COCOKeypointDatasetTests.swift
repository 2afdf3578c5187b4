import Flows
import Foundation
import PoseRLE
import Testing

@Suite("COCO annotations with images")
struct COCOKeypointDatasetTests {
  @Test("people are samples; who is left out is counted")
  func samples() throws {
    let folder = ScratchFolder()
    try KeypointFolder.writeCOCO(to: folder)
    let data = try KeypointFolder.coco(folder)
    #expect(data.count == 2 && data.channels == 3 && data.boxPadding == 1.25)
    #expect(data.annotationIDs == [1, 2] && data.imageIDs == [7, 9])
    #expect(data.skeleton.names == ["head", "left_hand", "right_hand"])
    #expect(data.skeleton.flipPairs == [[1, 2]] && data.skeleton.parents == [nil, 0, 0])
    var census = DataCensus()
    (census.samples, census.labelledJoints, census.unlabelledJoints) = (2, 5, 1)
    (census.hiddenJoints, census.jointsOutsideImage, census.jointsOutsideBox) = (1, 1, 1)
    (census.skippedCrowds, census.skippedWithoutJoints, census.skippedWithoutBox) = (1, 1, 1)
    #expect(data.census == census)
    #expect(
      census.description == """
        2 samples
        5 labelled joints, 1 hidden, 1 outside of the image, 1 outside of the box
        1 joints not labelled
        left out: 1 crowds, 1 people without labelled joints, 1 people without a box
        """)
    guard try ImageFixture.canDecode("rgb.png") else { return }
    let sample = try data.sample(0)
    #expect(sample.box == SIMD4(1, 2, 10, 8) && sample.keypoints[0] == SIMD2(3.5, 4.25))
    #expect(sample.visibility == [.visible, .hidden, .unlabelled])
    #expect(sample.image.width == 21 && sample.image.channels == 3)
    #expect(sample.name.hasSuffix("images/a/rgb.png, annotation 1"))
    #expect(try data.sample(1).image.channels == 3)
    #expect(try DataCensus(reading: data).decoderWarnings == 0)
  }

  @Test("what cannot be used is named")
  func refused() throws {
    func refused(
      _ old: String, _ new: String, _ kind: PoseError.Kind, _ path: String?, _ part: String,
      sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let folder = ScratchFolder()
      #expect(KeypointFolder.annotations.contains(old), sourceLocation: sourceLocation)
      try KeypointFolder.writeCOCO(
        to: folder, KeypointFolder.annotations.replacing(old, with: new))
      let error = #expect(throws: PoseError.self, sourceLocation: sourceLocation) {
        try KeypointFolder.coco(folder)
      }
      let text = error?.description ?? ""
      #expect(error?.kind == kind && error?.path == path, "\(text)", sourceLocation: sourceLocation)
      #expect(text.contains(part), "\(text)", sourceLocation: sourceLocation)
      #expect(text.hasPrefix(folder.url.path), "\(text)", sourceLocation: sourceLocation)
    }
    let name = "images[1].file_name"
    for bad in ["../gray.png", "/gray.png", "a/../../gray.png", "", "a//b.png", "x\\u0000"] {
      try refused("\"gray.png\"", "\"\(bad)\"", .invalidData, name, "within the folder")
    }
    try refused(
      "\"gray.png\"", "\"lost.png\"", .unreadableFile, nil, "images/lost.png: there is no")
    try refused("\"id\": 9", "\"id\": 7", .invalidData, "images[1].id", "twice")
    try refused(
      "\"id\": 2, \"image", "\"id\": 1, \"image", .invalidData, "annotations[1].id", "twice")
    try refused("4.25, 2", "4.25, 3", .invalidData, "annotations[0].keypoints[2]", "0, 1, 2")
    try refused("4.25, 2", "2", .invalidData, "annotations[0].keypoints", "9 numbers")
    try refused("4.25, 2", "1e7, 2", .invalidData, "annotations[0].keypoints[1]", "1000000")
    try refused(
      "[1, 2, 10, 8]", "[1, 2, -1, 8]", .invalidData, "annotations[0].bbox[2]", "negative")
    try refused("[1, 2, 10, 8]", "[1, 2, 1]", .invalidData, "annotations[0].bbox", "4 numbers")
    try refused("\"width\": 21", "\"width\": 0", .invalidData, "images[0].width", "found 0")
    try refused("[1, 3]", "[0, 3]", .invalidData, "categories[0].skeleton[1]", "1 to 3")
    try refused("\"right_hand\"", "\"head\"", .invalidData, "categories[0].keypoints[2]", "twice")
    try refused("\"iscrowd\": 0", "\"iscrowd\": 1", .invalidData, "annotations", "found none")
    try refused(
      "\"name\": \"ball\"", "\"keypoints\": [\"x\"]", .invalidConfiguration, "categories", "1, 2")
  }

  @Test("images of another size than annotated, and of a given skeleton in another order")
  func mismatches() throws {
    let folder = ScratchFolder()
    try KeypointFolder.writeCOCO(
      to: folder, KeypointFolder.annotations.replacing("\"width\": 21", with: "\"width\": 22"))
    let data = try KeypointFolder.coco(folder)
    if try ImageFixture.canDecode("rgb.png") {
      let error = #expect(throws: PoseError.self) { try data.sample(0) }
      #expect(error?.file?.hasSuffix("a/rgb.png") == true)
      #expect(error?.message.contains("22 × 13") == true)
    }
    let skeleton = Skeleton(
      names: ["head", "right_hand", "left_hand"], parents: [nil, 0, 0], flipPairs: [[1, 2]])
    let error = #expect(throws: PoseError.self) {
      try COCOKeypointDataset(
        annotations: folder.path("annotations.json"), images: folder.path("images"),
        skeleton: skeleton)
    }
    #expect(error?.path == "categories[0].keypoints")
    try FileManager.default.removeItem(atPath: folder.path("images/gray.png"))
    let left = try COCOKeypointDataset(
      annotations: folder.path("annotations.json"), images: folder.path("images"),
      skipsMissingImages: true)
    #expect(left.count == 1 && left.census.skippedWithoutImage == 1)
  }

  @Test("the people of LSPET as JPEG files have the labels of the packed arrays")
  func lspet() throws {
    guard let folder = SharedData.folder("lspet") else { return }
    let packed = try PackedKeypointDataset(contentsOf: folder, split: "val")
    let data = try COCOKeypointDataset(
      annotations: folder + "/val.json", images: folder + "/val", channels: 1, boxPadding: 1)
    #expect(data.count == 986 && data.skeleton == packed.skeleton)
    #expect(data.census.labelledJoints == packed.census.labelledJoints)
    guard try ImageFixture.canDecode("rgb.jpg") else { return }
    var largest = 0.0
    var meanDifference = 0.0
    for index in 0..<60 {
      let (a, b) = (try packed.sample(index), try data.sample(index))
      #expect(a.visibility == b.visibility)
      #expect(b.box == SIMD4(0, 0, 128, 128) && b.image.width == 128 && b.image.channels == 1)
      for (p, q) in zip(a.keypoints, b.keypoints) {
        largest = max(largest, abs(2 * p.x - q.x), abs(2 * p.y - q.y))
      }
      func mean(_ bytes: [UInt8]) -> Double {
        Double(bytes.reduce(0) { $0 + Int($1) }) / Double(bytes.count)
      }
      meanDifference = max(meanDifference, abs(mean(a.image.bytes) - mean(b.image.bytes)))
    }
    #expect(largest < 1e-3)
    #expect(meanDifference < 2, "\(meanDifference)")
    #expect(try DataCensus(reading: data).decoderWarnings == 0)
  }

  @Test("people of COCO, whose joints may lie outside of their image")
  func miniPersons() throws {
    guard let folder = SharedData.folder("coco_mini_persons") else { return }
    let data = try COCOKeypointDataset(
      annotations: folder + "/annotations.json", images: folder + "/images", minimumBoxSide: 64)
    #expect(data.count == 86 && data.skeleton == .coco17)
    #expect(data.census.labelledJoints == 913 && data.census.jointsOutsideImage == 12)
    guard try ImageFixture.canDecode("rgb.jpg") else { return }
    let sample = try data.sample(0)
    // The padded box has 256 rows; a quarter of the image leaves 64.
    #expect(sample.image.width == 48 && sample.image.height == 64)
    #expect(sample.box == SIMD4(19.2, 25.6, 153.6, 204.8) / 4)
    #expect(sample.keypoints[0] == SIMD2(118.34, 69.421) / 4)
    #expect(try DataCensus(reading: data).decoderWarnings == 0)
  }
}
