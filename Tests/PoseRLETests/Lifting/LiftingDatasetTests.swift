import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Lifting: data")
struct LiftingDatasetTests {
  @Test("the layout is read: metres relative to the root, skeleton, motions")
  func layout() throws {
    let folder = ScratchFolder()
    try LiftingPoses.write("val", motions: 4, seed: 1, to: folder.url)
    let data = try LiftingDataset(contentsOf: folder.url.path, split: "val")
    #expect(data.count == 120)
    #expect(data.skeleton.names == LiftingPoses.names)
    #expect(data.skeleton.mirrored == [0, 3, 4, 1, 2, 5])
    #expect(data.imageWidth == 800 && data.imageHeight == 600)
    #expect(data.motions.map(\.action) == ["walk", "run", "walk", "run"])
    #expect(data.motionOfPose[29] == 0 && data.motionOfPose[30] == 1)
    let space: Tensor<Double> = try NumPyFile.read(folder.path("val_cam3d.npy"))
    for joint in 0..<6 {
      for axis in 0..<3 {
        let expected = (space[7, joint, axis] - space[7, 0, axis]) / 1_000
        #expect(abs(Double(data.positions[7, joint, axis]) - expected) < 1e-6)
      }
    }
  }

  @Test("without names motions are told apart by their numbers")
  func namelessMotions() throws {
    let folder = ScratchFolder()
    try LiftingPoses.write("train", motions: 10, seed: 1, to: folder.url, hasNames: false)
    let data = try LiftingDataset(contentsOf: folder.url.path, split: "train")
    #expect(data.motions.count == 10 && data.motions[3].name.isEmpty)
    let (training, held) = data.dividedByMotion(heldOut: 0.25)
    #expect(held == Array(240..<300))
    #expect(training == Array(0..<240))
  }

  @Test("whole motions of every action are held out, from the last one on")
  func division() throws {
    let data = try LiftingPoses.dataset(motions: 9, seed: 2)
    let (training, held) = data.dividedByMotion(heldOut: 0.12)
    // The last of five walks is motion 8, the last of four runs is motion 7.
    #expect(Set(held.map { data.motionOfPose[$0] }) == [7, 8])
    #expect(held.count == 60 && training.count == 210)
    let single = try LiftingPoses.dataset(motions: 1, seed: 2).dividedByMotion()
    #expect(single.heldOut.isEmpty && single.training.count == 30)
    let two = try LiftingPoses.dataset(motions: 2, seed: 2).dividedByMotion()
    #expect(two.heldOut == Array(30..<60))
  }

  @Test("a mirror twice is nothing, and once is what a mirrored camera sees")
  func mirror() throws {
    let data = try LiftingPoses.dataset(motions: 1, seed: 3)
    let once = data.mirrored
    let twice = once.mirrored
    #expect(twice.positions.scalars == data.positions.scalars)
    #expect((twice.keypoints - data.keypoints).scalars.allSatisfy { $0.magnitude < 1e-3 })
    #expect(once.keypoints[4, 1, 0] == 800 - data.keypoints[4, 3, 0])
    #expect(once.positions[4, 1, 0] == -data.positions[4, 3, 0])
    #expect(once.positions[4, 2, 2] == data.positions[4, 4, 2])
  }

  @Test("the baselines on the real data are those its README states")
  func baselines() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../../../shared/data/cmu_mocap17").standardized
    guard FileManager.default.fileExists(atPath: folder.path) else {
      print("skipped: \(folder.path) is not there")
      return
    }
    let training = try LiftingDataset(contentsOf: folder.path, split: "train")
    let test = try LiftingDataset(contentsOf: folder.path, split: "val")
    #expect(training.count == 12_753 && test.count == 1_762)
    #expect(training.skeleton.names == Skeleton.human17.names)
    func mpjpe(_ baseline: LiftingBaseline) -> Double {
      LiftingEvaluation.meanDistances(
        baseline.predictions(for: test, training: training), test
      ).mpjpe
    }
    #expect(abs(mpjpe(.meanPose) - 177.93) < 0.05)
    #expect(abs(mpjpe(.leastSquares) - 61.31) < 0.05)
    let division = training.dividedByMotion()
    let actions = Set(division.heldOut.map { training.motions[training.motionOfPose[$0]].action })
    #expect(actions.count == 7)
    let share = Double(division.heldOut.count) / Double(training.count)
    #expect((0.1...0.15).contains(share))
  }
}

@Suite("Lifting: data that cannot be used are named")
struct LiftingDatasetErrorTests {
  /// Spoils a good folder; the message must hold every one of `parts`.
  private func refused(
    _ parts: [String], kind: PoseError.Kind = .invalidData,
    sourceLocation: SourceLocation = #_sourceLocation, spoil: (ScratchFolder) throws -> Void
  ) throws {
    let folder = ScratchFolder()
    try LiftingPoses.write("train", motions: 2, seed: 1, to: folder.url)
    try spoil(folder)
    let error = #expect(throws: PoseError.self, sourceLocation: sourceLocation) {
      try LiftingDataset(contentsOf: folder.url.path, split: "train")
    }
    #expect(error?.kind == kind, sourceLocation: sourceLocation)
    for part in parts {
      #expect(
        error?.description.contains(part) == true,
        "\"\(part)\" is not in: \(error?.description ?? "")", sourceLocation: sourceLocation)
    }
  }

  private func meta(_ folder: ScratchFolder, _ change: (inout [String: Any]) -> Void) throws {
    var meta = LiftingPoses.meta
    change(&meta)
    try JSONSerialization.data(withJSONObject: meta).write(
      to: folder.url.appendingPathComponent("meta.json"))
  }

  @Test("missing files", arguments: ["meta.json", "train_kp2d.npy", "train_sequence.npy"])
  func missing(name: String) throws {
    try refused([name], kind: .unreadableFile) {
      try FileManager.default.removeItem(atPath: $0.path(name))
    }
  }

  @Test func counts() throws {
    try refused(["train_cam3d.npy", "60 poses", "59"]) {
      try NumPyFile.write(Tensor<Float>.zeros([59, 6, 3]), to: $0.path("train_cam3d.npy"))
    }
    try refused(["train_sequence.npy", "[60]", "[61]"]) {
      try NumPyFile.write(Tensor<Float>.zeros([61]), to: $0.path("train_sequence.npy"))
    }
    try refused(["train_kp2d.npy", "at least one pose"]) {
      try NumPyFile.write(Tensor<Float>.zeros([0, 6, 2]), to: $0.path("train_kp2d.npy"))
    }
  }

  @Test func shapes() throws {
    try refused(["train_kp2d.npy", "[poses, 6, 2]", "[60, 5, 2]"]) {
      try NumPyFile.write(Tensor<Float>.zeros([60, 5, 2]), to: $0.path("train_kp2d.npy"))
    }
    try refused(["train_cam3d.npy", "[poses, 6, 3]", "[60, 18]"]) {
      try NumPyFile.write(Tensor<Float>.zeros([60, 18]), to: $0.path("train_cam3d.npy"))
    }
  }

  @Test func notFinite() throws {
    try refused(["train_cam3d.npy", "row 41", "joint 2", "axis 1", "nan"]) {
      var scalars = [Float](repeating: 1, count: 60 * 18)
      scalars[41 * 18 + 2 * 3 + 1] = .nan
      try NumPyFile.write(
        Tensor(shape: [60, 6, 3], scalars: scalars), to: $0.path("train_cam3d.npy"))
    }
    func outside(_ name: String, _ axes: Int, _ value: Float, _ text: String) throws {
      try refused(["train_\(name).npy", "row 41", "joint 2", "axis 1", text]) {
        var scalars = [Float](repeating: 1, count: 60 * 6 * axes)
        scalars[(41 * 6 + 2) * axes + 1] = value
        try NumPyFile.write(
          Tensor(shape: [60, 6, axes], scalars: scalars), to: $0.path("train_\(name).npy"))
      }
    }
    try outside("cam3d", 3, 1.1e9, "-1000000000 to 1000000000 mm")
    try outside("cam3d", 3, -1.1e9, "mm")
    try outside("kp2d", 2, -1.1e7, "-10000000 to 10000000 pixels")
    try outside("kp2d", 2, .infinity, "inf")
    try refused(["train_sequence.npy", "row 3", "0.5"]) {
      var scalars = [Float](repeating: 0, count: 60)
      scalars[3] = 0.5
      try NumPyFile.write(Tensor(scalars), to: $0.path("train_sequence.npy"))
    }
  }

  @Test func motions() throws {
    func write(_ folder: ScratchFolder, _ text: String) throws {
      try text.write(
        toFile: folder.path("train_sequences.json"), atomically: true, encoding: .utf8)
    }
    try refused(["train_sequences.json", "[1].frames", "30", "31"]) {
      try write($0, #"[{"id": 0, "frames": 30}, {"id": 1, "frames": 31}]"#)
    }
    try refused(["train_sequences.json", "motion 1"]) { try write($0, #"[{"id": 0}]"#) }
    try refused(["[2].id", "1 again"]) { try write($0, #"[{"id": 0}, {"id": 1}, {"id": 1}]"#) }
    try refused(["[0].id", "a whole number"], kind: .malformedFile) {
      try write($0, #"[{"id": "zero"}]"#)
    }
    try refused(["train_sequences.json", "JSON"], kind: .malformedFile) { try write($0, "[{") }
  }

  @Test func skeleton() throws {
    try refused(["meta.json", "parents", "6 keypoints", "5"]) {
      try meta($0) { $0["parents"] = [-1, 0, 1, 0, 3] }
    }
    try refused(["parents[2]", "9"]) { try meta($0) { $0["parents"] = [-1, 0, 9, 0, 3, 0] } }
    try refused(["parents", "one root", "2"]) {
      try meta($0) { $0["parents"] = [-1, 0, 1, -1, 3, 0] }
    }
    try refused(["parents[1]", "circle"]) {
      try meta($0) { $0["parents"] = [-1, 2, 1, 0, 3, 0] }
    }
    try refused(["flip_pairs[1]", "[2, 6]"]) {
      try meta($0) { $0["flip_pairs"] = [[1, 3], [2, 6]] }
    }
    try refused(["flip_pairs[1]", "no other pair"]) {
      try meta($0) { $0["flip_pairs"] = [[1, 3], [3, 4]] }
    }
    try refused(["keypoints[5]", "hips"]) {
      try meta($0) { $0["keypoints"] = ["hips", "a", "b", "c", "d", "hips"] }
    }
    try refused(["units", "m"]) { try meta($0) { $0["units"] = "m" } }
    try refused(["camera.width", "-5"]) {
      try meta($0) { $0["camera"] = ["width": -5, "height": 3] }
    }
    try refused(["camera.height", "1000000", "2000000"]) {
      try meta($0) { $0["camera"] = ["width": 5, "height": 2_000_000] }
    }
    try refused(["camera.height", "0.5"]) {
      try meta($0) { $0["camera"] = ["width": 5, "height": 0.5] }
    }
    try refused(["camera", "height"], kind: .malformedFile) {
      try meta($0) { $0["camera"] = ["width": 5] }
    }
  }
}
