import Flows
import Foundation
import PoseRLE
import Testing

/// Files of the fixtures, and of the shared data where it is there.
enum MetricsFixture {
  static func data(_ name: String) throws -> Data {
    let folder = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
    return try Data(contentsOf: folder.appendingPathComponent(name))
  }

  static func decoded<Value: Decodable>(_ name: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: data(name))
  }

  /// `../shared/data/coco_kpts_eval` beside the package.
  static let shared: URL? = {
    let folder = URL(fileURLWithPath: #filePath).appendingPathComponent(
      "../../../../../shared/data/coco_kpts_eval"
    ).standardizedFileURL
    let isThere = FileManager.default.fileExists(
      atPath: folder.appendingPathComponent("gt.json").path)
    return isThere ? folder : nil
  }()
}

extension Tensor {
  /// Poses `[n, K, D]`.
  init(poses: [[[Scalar]]]) {
    self.init(
      shape: [poses.count, poses[0].count, poses[0][0].count],
      scalars: Array(poses.joined().joined()))
  }
}
