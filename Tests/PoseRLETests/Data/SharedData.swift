import Foundation

/// Real data in `../shared/data` beside the package, where they are there.
enum SharedData {
  /// The path of a folder; nil, and a line that says so, where it is not there.
  static func folder(_ name: String) -> String? {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../../shared/data/\(name)").standardized.path
    if FileManager.default.fileExists(atPath: folder) { return folder }
    print("skipped: \(folder) is not there")
    return nil
  }
}
