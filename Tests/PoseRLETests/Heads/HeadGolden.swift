import Flows
import Foundation
import PoseRLE
import Testing

/// A published layout with random weights and what PyTorch makes of them; see
/// `make_head_goldens.py`.
struct HeadGolden {
  let file: SafetensorsFile
  let path: String

  /// Five joints, of which two pairs swap in a mirror.
  static let skeleton = Skeleton(
    names: ["nose", "left_hand", "right_hand", "left_foot", "right_foot"],
    parents: [nil, 0, 0, 0, 0], flipPairs: [[1, 2], [3, 4]],
    similaritySigmas: [0.026, 0.062, 0.062, 0.089, 0.089])

  init(_ layout: ReleasedLayout) throws {
    let url = try #require(
      Bundle.module.url(
        forResource: layout.rawValue, withExtension: "safetensors", subdirectory: "Fixtures/Heads"))
    path = url.path
    file = try SafetensorsFile(contentsOf: path)
  }

  subscript(_ name: String) -> Tensor<Double> {
    get throws { try file.tensor("golden." + name) }
  }

  /// The crops of the fixture in the network's input of 192 × 256.
  func crops() throws -> [Crop] {
    let boxes = try self["boxes"]
    return try (0..<boxes.shape[0]).map { row in
      try Crop(
        x: boxes[row, 0], y: boxes[row, 1], width: boxes[row, 2], height: boxes[row, 3],
        rotation: boxes[row, 4])
    }
  }

  /// The same file with some arrays replaced, or left out where the closure gives nil.
  func changed(_ change: (String, Tensor<Double>) -> Tensor<Double>?) throws -> SafetensorsFile {
    var copy = SafetensorsFile()
    for name in file.names {
      if let tensor = change(name, try file.tensor(name)) { try copy.add(name, tensor) }
    }
    return copy
  }
}
