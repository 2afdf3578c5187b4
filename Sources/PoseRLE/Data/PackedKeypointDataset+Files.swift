import Flows
import Foundation

extension PackedKeypointDataset {
  /// Reads the arrays of a folder.
  ///
  /// | file | content |
  /// | --- | --- |
  /// | `SPLIT_images.npy`, or the one `SPLIT_gray*.npy` or `SPLIT_rgb*.npy` | `uint8` `[n, height, width]` or `[n, height, width, 3]` |
  /// | `SPLIT_keypoints.npy` | x, y, visibility `[n, joints, 3]`, or x, y `[n, joints, 2]` |
  /// | `SPLIT_group.npy` | may be left out: the group of each sample `[n]`, such as a video |
  /// | `meta.json` | `keypoints` (names), `skeleton` (pairs from 0, or `skeleton_1based`) or `parents`, `flip_pairs`, `image_size` |
  ///
  /// Without a split, names begin with `images`, `keypoints` and so on. Keypoints are in pixels of
  /// images of the size that `image_size` says (one number or width and height), or of the images
  /// themselves where it says nothing. Missing flip pairs are those of the names
  /// (``Skeleton/flipPairs(ofNames:)``). A joint is unlabelled where its visibility is 0 or a number
  /// of its label is not finite.
  ///
  /// - Parameters:
  ///   - folder: the folder.
  ///   - split: what the names of files begin with, such as `train`; nil where they do not.
  ///   - images: the name of the file of images, where another than those of the table is meant.
  ///   - skeleton: the joints; if nil those of `meta.json`.
  ///   - keypointScale: what keypoints are multiplied by to become pixels of the images; if nil as
  ///     `image_size` of `meta.json` says.
  ///   - visibility: what the third number of a keypoint means.
  /// - Throws: ``PoseError`` that names the file and the row or field, what was expected, and what was
  ///   found.
  public init(
    contentsOf folder: String, split: String? = nil, images: String? = nil,
    skeleton: Skeleton? = nil, keypointScale: Double? = nil,
    visibility: VisibilityCoding = .automatic
  ) throws {
    let prefix = split.map { $0 + "_" } ?? ""
    let imageName = try images ?? Self.imageName(in: folder, prefix: prefix)
    let imageFile = "\(folder)/\(imageName)"
    let (size, bytes) = try PoseError.translating(imageFile) {
      let (shape, bytes) = try NumPyFile.readBytes(imageFile)
      return (try PackedShape(shape, count: bytes.count), bytes)
    }

    let metaFile = "\(folder)/meta.json"
    let hasMeta = FileManager.default.fileExists(atPath: metaFile)
    guard hasMeta || skeleton != nil else {
      throw PoseError(
        .unreadableFile,
        "there is no such file, which would name the keypoints and those that swap in a mirror",
        file: metaFile)
    }
    let meta = hasMeta ? try PackedMeta(contentsOf: metaFile) : nil
    let scale = try PoseError.translating(metaFile) {
      try keypointScale.map { SIMD2($0, $0) } ?? meta?.scale(to: size) ?? SIMD2(1, 1)
    }

    let keypointFile = "\(folder)/\(prefix)keypoints.npy"
    let labels = try PoseError.translating(keypointFile) {
      try KeypointTable(
        try NumPyFile.read(keypointFile), rows: size.count, scale: scale, visibility: visibility)
    }
    let known = try PoseError.translating(metaFile) {
      try skeleton ?? meta?.skeleton(joints: labels.joints)
    }
    let groups = try Self.groups("\(folder)/\(prefix)group.npy", count: size.count)
    self = try PoseError.translating(keypointFile) {
      try PackedKeypointDataset(
        images: bytes, size: size, labels: labels,
        skeleton: known ?? Skeleton(names: [], parents: [], flipPairs: []), groups: groups,
        name: imageName)
    }
  }

  /// The splits that a folder has arrays of keypoints for, in alphabetical order: of
  /// `train_keypoints.npy` it is `train`.
  ///
  /// - Throws: ``PoseError`` where the folder cannot be read.
  public static func splits(in folder: String) throws -> [String] {
    try files(in: folder).compactMap { name in
      name.hasSuffix("_keypoints.npy") ? String(name.dropLast("_keypoints.npy".count)) : nil
    }
  }

  private static func imageName(in folder: String, prefix: String) throws -> String {
    let files = try files(in: folder)
    let name = prefix + "images.npy"
    if files.contains(name) { return name }
    let found = files.filter { file in
      guard file.hasPrefix(prefix), file.hasSuffix(".npy") else { return false }
      let middle = file.dropFirst(prefix.count).dropLast(4)
      return ["gray", "rgb"].contains { kind in
        middle.hasPrefix(kind) && middle.dropFirst(kind.count).allSatisfy(\.isNumber)
      }
    }
    if found.count == 1 { return found[0] }
    throw PoseError(
      .unreadableFile,
      "expected \(name) or one of \(prefix)gray*.npy and \(prefix)rgb*.npy, found "
        + (found.isEmpty ? "none" : found.joined(separator: ", ")),
      file: folder)
  }

  private static func files(in folder: String) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    } catch {
      let exists = FileManager.default.fileExists(atPath: folder)
      throw PoseError(
        .unreadableFile, exists ? "is not a folder that can be read" : "there is no such folder",
        file: folder)
    }
  }

  private static func groups(_ file: String, count: Int) throws -> [Int]? {
    guard FileManager.default.fileExists(atPath: file) else { return nil }
    let array: Tensor<Double> = try PoseError.translating(file) { try NumPyFile.read(file) }
    guard array.shape == [count] else {
      throw PoseError(
        .invalidData,
        "expected the shape [\(count)], one group for each image, found "
          + "\(array.shape)", file: file)
    }
    return try array.scalars.enumerated().map { row, value in
      guard let group = Int(exactly: value) else {
        throw PoseError(
          .invalidData, "expected the number of a group, found \(value)", file: file,
          path: "row \(row)")
      }
      return group
    }
  }
}
