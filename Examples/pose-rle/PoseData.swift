import ExampleSupport
import Flows
import Foundation
import PoseRLE

/// The images of a training, of its calibration and of its test.
struct PoseData {
  let training: any KeypointSource
  /// Images that training does not see, to fit calibrations on; nil for no calibration.
  let calibration: (any KeypointSource)?
  /// Images that neither sees.
  let test: any KeypointSource
  /// One line for a person to read.
  let description: String

  /// The share of images to test on, where a data set has no part for that.
  private static let testShare = 0.15

  /// Persons that the library draws; an eighth as many for calibration, and to test on.
  static func generated(persons: Int, seed: UInt64, side: Int = 64) throws -> PoseData {
    func part(_ count: Int, _ stream: UInt64) throws -> any KeypointSource {
      try StoredSource(PersonGenerator(count: count, seed: 3 * seed + stream, side: side))
    }
    let (training, calibration, test) = (
      try part(persons, 0), try part(persons / 8, 1), try part(persons / 8, 2)
    )
    return PoseData(
      training: training, calibration: calibration, test: test,
      description: "\(training.count) generated persons, \(calibration.count) for calibration, "
        + "\(test.count) to test on")
  }

  /// Packed arrays of a folder: the splits `train` and `val` or `test`, or one that is divided.
  static func packed(_ folder: String, heldOut: Double, seed: UInt64) throws -> PoseData {
    let splits = try PackedKeypointDataset.splits(in: folder)
    if splits.contains("train"), let split = testSplit(of: splits) {
      let training = try PackedKeypointDataset(contentsOf: folder, split: "train")
      return try divided(
        training, test: PackedKeypointDataset(contentsOf: folder, split: split),
        groups: training.groups, heldOut: heldOut, name: folder, seed: seed)
    }
    let all = try PackedKeypointDataset(
      contentsOf: folder, split: onlySplit(of: splits, folder: folder))
    return try divided(all, groups: all.groups, heldOut: heldOut, name: folder, seed: seed)
  }

  /// Labelled images of a folder to measure a model on: its split `val` or `test`, or its only one.
  static func test(_ folder: String) throws -> PackedKeypointDataset {
    let splits = try PackedKeypointDataset.splits(in: folder)
    return try PackedKeypointDataset(
      contentsOf: folder, split: testSplit(of: splits) ?? onlySplit(of: splits, folder: folder))
  }

  private static func testSplit(of splits: [String]) -> String? {
    ["val", "test"].first(where: splits.contains)
  }

  /// The split of a folder that has one; nil where its arrays have no names of splits.
  private static func onlySplit(of splits: [String], folder: String) throws -> String? {
    guard splits.count <= 1 else {
      throw PoseError(
        .invalidData,
        "expected arrays of train and val or test, or of a single split, found those of "
          + splits.joined(separator: ", "), file: folder)
    }
    return splits.first
  }

  /// Annotations in COCO's format with a folder of images, in colour.
  static func annotated(
    _ file: String, images: String, padding: Double, heldOut: Double,
    seed: UInt64
  ) throws -> PoseData {
    let all = try COCOKeypointDataset(
      annotations: file, images: images, boxPadding: padding)
    return try divided(all, groups: all.imageIDs, heldOut: heldOut, name: file, seed: seed)
  }

  /// Divides by groups (the persons of one image, the frames of one video), so that none is on two sides.
  private static func divided(
    _ all: any KeypointSource, test: (any KeypointSource)? = nil, groups: [Int]? = nil,
    heldOut: Double, name: String, seed: UInt64
  ) throws -> PoseData {
    var (training, restGroups) = (all, groups)
    var test = test
    if test == nil {
      let parts = all.divided(holdingOut: testShare, groups: groups, seed: seed)
      test = parts.heldOut
      training = parts.training
      restGroups = groups.map { groups in parts.training.indices.map { groups[$0] } }
    }
    var calibration: (any KeypointSource)?
    if heldOut > 0 {
      let parts = training.divided(holdingOut: heldOut, groups: restGroups, seed: seed)
      training = parts.training
      calibration = parts.heldOut
    }
    guard let test, training.count > 1, calibration?.count != 0, test.count > 0 else {
      throw PoseError(
        .invalidData, "expected images enough to train, calibrate and test on, found \(all.count)",
        file: name)
    }
    return PoseData(
      training: training, calibration: calibration, test: test,
      description:
        "\(training.count) images of \(name), \(calibration?.count ?? 0) for calibration, "
        + "\(test.count) to test on")
  }
}
