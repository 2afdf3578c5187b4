import Flows
import Foundation
import PoseRLE

/// Small data sets in a folder of their own.
enum KeypointFolder {
  static let size = (count: 5, height: 8, width: 6)

  /// The bytes of an array of bytes.
  static func npy(_ bytes: [UInt8], shape: [Int], type: String = "|u1") -> Data {
    let lengths = shape.map(String.init).joined(separator: ", ")
    var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(lengths),), }"
    header += String(repeating: " ", count: 117 - header.utf8.count) + "\n"
    return Data([0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(header.utf8) + bytes)
  }

  /// `[count, 3, 3]`: joint 1 is hidden, joint 2 of every other image is not labelled.
  static func keypoints() -> Tensor<Float> {
    var scalars: [Float] = []
    for image in 0..<size.count {
      for joint in 0..<3 {
        let isUnlabelled = joint == 2 && image % 2 == 1
        scalars += [
          Float(image) + 0.25, Float(2 * joint) + 0.5, isUnlabelled ? 0 : joint == 1 ? 1 : 2,
        ]
      }
    }
    return Tensor(shape: [size.count, 3, 3], scalars: scalars)
  }

  static let meta = """
    {"keypoints": ["head", "left_hand", "right_hand"], "skeleton": [[0, 1], [0, 2]],
     "flip_pairs": [[1, 2]], "image_size": [12, 16]}
    """

  /// Writes images.npy, keypoints.npy and meta.json; keypoints are in images twice as large.
  static func writePacked(to folder: ScratchFolder) throws {
    let bytes = (0..<size.count * size.height * size.width).map { UInt8($0 % 251) }
    try npy(bytes, shape: [size.count, size.height, size.width])
      .write(to: folder.url.appendingPathComponent("images.npy"))
    try NumPyFile.write(keypoints(), to: folder.path("keypoints.npy"))
    try Data(meta.utf8).write(to: folder.url.appendingPathComponent("meta.json"))
  }

  /// Six annotations on two images of the fixtures: two people, a crowd, nobody labelled, no box, and
  /// one of another category.
  static let annotations = """
    {"images": [
      {"id": 7, "file_name": "a/rgb.png", "width": 21, "height": 13},
      {"id": 9, "file_name": "gray.png", "width": 21, "height": 13}],
     "annotations": [
      {"id": 1, "image_id": 7, "category_id": 1, "iscrowd": 0, "area": 20, "num_keypoints": 2,
       "keypoints": [3.5, 4.25, 2, 30, 5, 1, 0, 0, 0], "bbox": [1, 2, 10, 8]},
      {"id": 2, "image_id": 9, "category_id": 1, "iscrowd": 0,
       "keypoints": [1, 2, 2, 3, 4, 2, 5, 6, 2], "bbox": [0, 0, 21, 13]},
      {"id": 3, "image_id": 7, "category_id": 1, "iscrowd": 1,
       "keypoints": [0, 0, 0, 0, 0, 0, 0, 0, 0], "bbox": [0, 0, 21, 13]},
      {"id": 4, "image_id": 7, "category_id": 1, "iscrowd": 0,
       "keypoints": [0, 0, 0, 0, 0, 0, 0, 0, 0], "bbox": [0, 0, 2, 3]},
      {"id": 5, "image_id": 7, "category_id": 1, "iscrowd": 0,
       "keypoints": [1, 1, 2, 0, 0, 0, 0, 0, 0], "bbox": [0, 0, 0, 0]},
      {"id": 6, "image_id": 7, "category_id": 2, "bbox": [0, 0, 5, 5]}],
     "categories": [
      {"id": 1, "name": "person", "keypoints": ["head", "left_hand", "right_hand"],
       "skeleton": [[1, 2], [1, 3]]}, {"id": 2, "name": "ball"}]}
    """

  /// Writes annotations.json and the folder of images.
  static func writeCOCO(to folder: ScratchFolder, _ text: String = annotations) throws {
    let images = folder.url.appendingPathComponent("images")
    try FileManager.default.createDirectory(
      at: images.appendingPathComponent("a"), withIntermediateDirectories: true)
    try ImageFixture.data("rgb.png").write(to: images.appendingPathComponent("a/rgb.png"))
    try ImageFixture.data("gray.png").write(to: images.appendingPathComponent("gray.png"))
    try Data(text.utf8).write(to: folder.url.appendingPathComponent("annotations.json"))
  }

  static func coco(_ folder: ScratchFolder) throws -> COCOKeypointDataset {
    try COCOKeypointDataset(
      annotations: folder.path("annotations.json"), images: folder.path("images"))
  }
}
