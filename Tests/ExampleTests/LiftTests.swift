import Flows
import Foundation
import Testing

@Suite("pose-rle --lift")
struct LiftTests {
  /// A folder with two motions of each of two actions to train on and one to test: three joints that
  /// swing about a root before a pinhole camera.
  static func makeData(_ folder: TemporaryFolder) throws {
    var generator = PhiloxGenerator(seed: 1)
    for (split, poses) in [("train", 160), ("val", 40)] {
      let draws = Tensor<Double>.uniform([poses, 8], in: -1..<1, using: &generator).scalars
      var (space, image): ([Double], [Double]) = ([], [])
      for pose in 0..<poses {
        let d = draws[8 * pose..<8 * pose + 8].map(\.self)
        let root = [200 * d[0], 200 * d[1], 4_000 + 400 * d[2]]
        var joints = [root]
        for side in [-1.0, 1] {
          let angle = 0.8 * (side < 0 ? d[3] : d[4])
          let (x, y, z) = (150 * side, 500 * (1 - angle * angle / 2), 500 * angle)
          joints.append([root[0] + x, root[1] + y, root[2] + z])
        }
        joints.append([root[0] + 100 * d[5], root[1] - 550, root[2] + 100 * d[6]])
        for joint in joints {
          space += joint
          image += [900 * joint[0] / joint[2] + 400, 900 * joint[1] / joint[2] + 300]
        }
      }
      try NumPyFile.write(
        Tensor<Float>(Tensor(shape: [poses, 4, 3], scalars: space)),
        to: folder.path("\(split)_cam3d.npy"))
      try NumPyFile.write(
        Tensor<Float>(Tensor(shape: [poses, 4, 2], scalars: image)),
        to: folder.path("\(split)_kp2d.npy"))
      try NumPyFile.write(
        Tensor<Float>((0..<poses).map { Float($0 / 20) }),
        to: folder.path("\(split)_sequence.npy"))
    }
    _ = try folder.write(
      """
      {"keypoints": ["hips", "left_foot", "right_foot", "head"], "parents": [-1, 0, 0, 0],
       "flip_pairs": [[1, 2]], "units": "mm", "camera": {"width": 800, "height": 600}}
      """, to: "meta.json")
  }

  private static let keys: Set<String> = [
    "likelihood", "seed", "parameters", "steps", "skippedSteps", "seconds", "millisecondsPerStep",
    "mpjpe", "paMPJPE", "distanceQuantiles", "medianMPJPE", "medianPAMPJPE",
    "negativeLogLikelihood",
    "calibratedNegativeLogLikelihood", "temperature", "coverage", "weights", "error",
  ]

  private func objects(_ run: ExampleRun) throws -> [[String: Any]] {
    try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
  }

  @Test("--json is an array with an object for each likelihood and seed; weights are saved")
  func json() throws {
    let folder = TemporaryFolder()
    try Self.makeData(folder)
    let run = try ExampleRun(
      "pose-rle",
      [
        "--lift", folder.url.path, "--likelihood", "all", "--seeds", "2", "--seed", "3", "--steps",
        "12", "--width", "16", "--output", folder.path("out"), "--json",
      ])
    #expect(run.status == 0, "\(run.errors)")
    let objects = try objects(run)
    #expect(objects.count == 18)
    let kept = try String(contentsOfFile: folder.path("out/runs.json"), encoding: .utf8)
    #expect(kept + "\n" == run.output)
    for object in objects {
      #expect(Set(object.keys) == Self.keys)
      #expect([3, 4].contains(object["seed"] as? Int))
      #expect(object["error"] is NSNull)
      let mpjpe = try #require(object["mpjpe"] as? Double)
      #expect(mpjpe > 0 && mpjpe < 2_000)
      let coverage = try #require(object["coverage"] as? [[String: Double]])
      #expect(coverage.map { $0["level"] } == [0.5, 0.8, 0.95])
      #expect(
        coverage.allSatisfy {
          Set($0.keys).subtracting(["standardError"])
            == ["level", "measured", "scaled", "calibrated"]
        })
      let weights = try SafetensorsFile(
        contentsOf: try #require(object["weights"] as? String))
      #expect(weights.names.contains("network.input.weight"))
      let name = object["likelihood"] as? String ?? ""
      let hasFlow = !["l1", "l2", "laplace", "gaussian"].contains(name)
      #expect(weights.names.contains { $0.hasPrefix("loss.flow") } == hasFlow, "\(name)")
    }
  }

  @Test("a table with baselines; one seed gives one result for any number of threads")
  func table() throws {
    let folder = TemporaryFolder()
    try Self.makeData(folder)
    let weights = try ["1", "3"].map { threads in
      let output = folder.path("out-\(threads)")
      let run = try ExampleRun(
        "pose-rle",
        [
          "--lift", folder.url.path, "--steps", "15", "--width", "16", "--threads", threads,
          "--output", output,
        ])
      #expect(run.status == 0, "\(run.errors)")
      let lines = run.output.split(separator: "\n").map(String.init)
      #expect(lines.first?.contains("MPJPE") == true)
      #expect(
        lines.dropFirst().prefix(3).map { $0.prefix { $0 != " " } } == [
          "(mean", "(least", "residual",
        ])
      #expect(run.errors.contains("100%"))
      return try Data(
        contentsOf: URL(fileURLWithPath: output + "/residual-seed0.safetensors"))
    }
    #expect(weights[0] == weights[1])
  }

  @Test("columns have a spread over seeds, and the table fits a wide window")
  func spread() throws {
    let folder = TemporaryFolder()
    try Self.makeData(folder)
    let run = try ExampleRun(
      "pose-rle",
      [
        "--lift", folder.url.path, "--steps", "12", "--width", "16", "--likelihood", "all",
        "--seeds", "2",
      ])
    #expect(run.status == 0, "\(run.errors)")
    let lines = run.output.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count < 200 }, "\(run.output)")
    let row = try #require(lines.firstIndex { $0.hasPrefix("residualReleased") })
    let deviations = lines[row + 1].split(separator: " ")
    #expect(deviations.count == 12 && deviations[0] == "±", "\(deviations)")
    #expect(deviations[7...9].allSatisfy { $0.split(separator: "/").count == 3 })
    #expect(deviations[1...3].allSatisfy { (Double($0) ?? 0) > 0 }, "\(deviations)")
    #expect(run.output.contains("on all 160 poses, motions held out included"))
    #expect(run.output.contains("standard error by motion of up to"))
    #expect(!run.output.contains("nan"))
  }

  @Test("a run that fails is named and leaves the others alone")
  func failure() throws {
    let folder = TemporaryFolder()
    try Self.makeData(folder)
    try FileManager.default.createDirectory(
      atPath: folder.path("states"), withIntermediateDirectories: true)
    let arguments = [
      "--lift", folder.url.path, "--likelihood", "laplace", "--seeds", "3", "--steps", "12",
      "--width", "16", "--checkpoints", folder.path("states"), "--output", folder.path("out"),
    ]
    _ = try folder.write("text", to: "states/laplace-seed1.checkpoint")
    let run = try ExampleRun("pose-rle", arguments + ["--json"])
    #expect(run.status == 1)
    let objects = try objects(run)
    #expect(objects.map { $0["mpjpe"] is NSNull } == [false, true, false])
    #expect((objects[1]["error"] as? String)?.contains("laplace-seed1.checkpoint") == true)
    #expect(objects.allSatisfy { Set($0.keys) == Self.keys })
    let errors = run.errors.split(separator: "\n")
    #expect(errors.contains { $0.hasPrefix("pose-rle: laplace-seed1: ") }, "\(run.errors)")
    #expect(errors.last == "pose-rle: 1 of 3 runs failed: laplace-seed1", "\(run.errors)")
    let kept = try String(contentsOfFile: folder.path("out/runs.json"), encoding: .utf8)
    #expect(kept + "\n" == run.output)

    let table = try ExampleRun("pose-rle", arguments)
    #expect(table.status == 1)
    #expect(table.output.contains("1 of 3 runs failed."))
    for seed in [0, 2] {
      _ = try folder.write("text", to: "states/laplace-seed\(seed).checkpoint")
    }
    let none = try ExampleRun("pose-rle", arguments)
    #expect(none.status == 1)
    let row = try #require(none.output.split(separator: "\n").first { $0.hasPrefix("laplace") })
    #expect(row.split(separator: " ").dropFirst().allSatisfy { $0.allSatisfy("-/".contains) })
  }

  @Test("a run with checkpoints goes on where it was")
  func checkpoints() throws {
    let folder = TemporaryFolder()
    try Self.makeData(folder)
    let arguments = [
      "--lift", folder.url.path, "--likelihood", "laplace", "--steps", "30", "--width", "16",
      "--checkpoints", folder.path("states"), "--json",
    ]
    let first = try objects(try ExampleRun("pose-rle", arguments))
    let second = try objects(try ExampleRun("pose-rle", arguments))
    #expect(first[0]["mpjpe"] as? Double == second[0]["mpjpe"] as? Double)
    #expect(second[0]["millisecondsPerStep"] is NSNull)
  }

  @Test("what is wrong is said in one line")
  func refused() throws {
    func refused(_ arguments: [String], _ parts: [String]) throws {
      let run = try ExampleRun("pose-rle", arguments)
      #expect(run.status != 0 && run.status < 128, "\(run.errors)")
      #expect(run.output.isEmpty)
      for part in parts { #expect(run.errors.contains(part), "\(part): \(run.errors)") }
    }
    let folder = TemporaryFolder()
    try refused(["--lift", folder.url.path], ["pose-rle: ", "meta.json"])
    try Self.makeData(folder)
    try refused(["--lift", folder.url.path, "--likelihood", "residul"], ["residual"])
    try refused(["--lift", folder.url.path, "--steps", "0"], ["--steps"])
    try refused(
      ["--lift", folder.url.path, "--output", folder.path("meta.json") + "/out"], ["meta.json/out"])
    try NumPyFile.write(Tensor<Float>.zeros([40, 4, 2]), to: folder.path("val_cam3d.npy"))
    try refused(["--lift", folder.url.path], ["val_cam3d.npy", "[poses, 4, 3]", "[40, 4, 2]"])
  }

  @Test("--help names the options of lifting")
  func help() throws {
    let help = try ExampleRun("pose-rle", ["--help"])
    #expect(help.status == 0)
    for option in [
      "--lift", "--likelihood", "--seeds", "--steps", "--width", "--output", "--seed",
      "--checkpoints", "--json", "residualMMPose",
    ] {
      #expect(help.output.contains(option), "\(option)")
    }
  }
}
