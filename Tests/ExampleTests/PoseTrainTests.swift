import FlowCharts
import Flows
import Foundation
import PoseRLE
import Testing

@Suite("pose-rle: training, test, prediction")
struct PoseTrainTests {
  private static let rowKeys: Set<String> = [
    "likelihood", "seed", "steps", "parameters", "skippedSteps", "pck", "within5", "within10",
    "meanError", "medianError", "spearman", "spearmanVisible", "nll", "nllRaw", "coverage",
    "coverageRaw", "coverageInterval", "seconds", "imagesPerSecond", "weights", "error",
    "nonFiniteLabels", "outOfCropJoints", "imagesWithoutJoints", "decoderWarnings",
  ]

  private func object(_ text: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  private func rows(_ run: ExampleRun) throws -> [[String: Any]] {
    let rows = try #require(try object(run.output)["rows"] as? [[String: Any]])
    for row in rows {
      #expect(Set(row.keys) == Self.rowKeys)
      #expect(row["error"] is NSNull, "\(run.errors)")
      for key in ["pck", "meanError", "medianError", "seconds", "imagesPerSecond"] {
        #expect((row[key] as? Double ?? -1) >= 0, "\(key)")
      }
      for key in ["coverage", "coverageRaw"] {
        let coverage = try #require(row[key] as? [String: Double])
        #expect(Set(coverage.keys) == ["0.5", "0.8", "0.95"])
        #expect(coverage.values.allSatisfy { (0...1).contains($0) })
      }
    }
    return rows
  }

  /// Persons as packed arrays.
  private func writePersons(_ count: Int, to folder: TemporaryFolder) throws {
    let persons = PersonGenerator(count: count, seed: 9, side: 64)
    let samples = (0..<count).map(persons.sample)
    let header = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(count), 64, 64), }"
    let padded = header + String(repeating: " ", count: 117 - header.utf8.count) + "\n"
    let images =
      [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(padded.utf8)
      + samples.flatMap(\.image.bytes)
    try Data(images).write(to: URL(fileURLWithPath: folder.path("val_images.npy")))
    try NumPyFile.write(
      Tensor<Float>(
        shape: [count, 14, 3],
        scalars: samples.flatMap { sample in
          zip(sample.keypoints, sample.visibility).flatMap {
            [Float($0.x), Float($0.y), Float($1.rawValue)]
          }
        }), to: folder.path("val_keypoints.npy"))
    let names = Skeleton.lsp14.names.map { "\"\($0)\"" }.joined(separator: ", ")
    _ = try folder.write(
      "{\"keypoints\": [\(names)], \"image_size\": [64, 64]}", to: "meta.json")
  }

  @Test("a small run leaves models that are tested and predict")
  func whole() throws {
    let folder = TemporaryFolder()
    let output = folder.path("out")
    let run = try ExampleRun(
      "pose-rle",
      ["--persons", "64", "--steps", "4", "--batch", "8", "--output", output, "--json"])
    #expect(run.status == 0, "\(run.errors)")
    let trained = try rows(run)
    #expect(trained.map { $0["likelihood"] as? String } == ["l1", "residual"])
    #expect(trained.allSatisfy { $0["seed"] as? Int == 0 && $0["steps"] as? Int == 4 })
    #expect(trained[0]["spearman"] is NSNull && trained[1]["spearman"] is Double)
    #expect(trained.allSatisfy { $0["nll"] is Double })
    #expect(
      try String(contentsOfFile: output + "/results.json", encoding: .utf8) + "\n" == run.output)
    let page = try String(contentsOfFile: output + "/report.html", encoding: .utf8)
    #expect(page.contains("<svg") && page.contains("residual"))
    let model = output + "/residual-seed0.safetensors"
    for row in trained {
      #expect(
        try PoseModel<Float>(contentsOf: row["weights"] as? String ?? "").architecture.skeleton
          == .lsp14)
    }

    let data = TemporaryFolder()
    try writePersons(12, to: data)
    let test = try ExampleRun("pose-rle", ["--model", model, "--test", data.url.path, "--json"])
    #expect(test.status == 0, "\(test.errors)")
    let tested = try rows(test)
    #expect(tested.count == 1 && tested[0]["likelihood"] as? String == "residual")
    let source = try PackedKeypointDataset(contentsOf: data.url.path, split: "val")
    let read = try PoseModel<Float>(contentsOf: model)
    let evaluation = try CropPipeline(source, input: read.architecture.input, seed: 0)
      .evaluate(PosePredictor(read, flipTest: true))
    #expect(tested[0]["meanError"] as? Double == evaluation.meanError)
    let table = try ExampleRun("pose-rle", ["--model", model, "--test", data.url.path])
    #expect(table.status == 0 && table.output.contains("PCK@20"))

    try predict(with: model, in: folder)
  }

  private func predict(with model: String, in folder: TemporaryFolder) throws {
    var files: [String] = []
    for (name, side) in [("a", 80), ("b", 64)] {
      let picture = PersonGenerator(count: 1, seed: 4, side: side, channels: 3).sample(0).image
      try FileManager.default.createDirectory(
        atPath: folder.path(name), withIntermediateDirectories: true)
      files.append(folder.path("\(name)/person.png"))
      try Data(PNGEncoder().encode(width: side, height: side, pixels: picture.bytes))
        .write(to: URL(fileURLWithPath: files[files.count - 1]))
    }
    let arguments = ["--model", model, "--predict"] + files + ["--output", folder.path("drawn")]
    let run = try ExampleRun("pose-rle", arguments + ["--json"])
    if run.status != 0, run.errors.contains("is not on this system") {
      print("skipped: \(run.errors)")
      return
    }
    #expect(run.status == 0, "\(run.errors)")
    let results = try #require(
      try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
    #expect(results.map { $0["image"] as? String } == files)
    // Images of one name have drawings of their own.
    #expect(Set(results.map { $0["overlay"] as? String }).count == 2)
    let predictor = PosePredictor(try PoseModel<Float>(contentsOf: model), flipTest: true)
    for (result, file) in zip(results, files) {
      let overlay = try #require(result["overlay"] as? String)
      let image = try PixelImage(contentsOf: file)
      let drawn = try PixelImage(contentsOf: overlay)
      #expect(drawn.width >= image.width && drawn.channels == 3)
      let box = SIMD4<Double>(0, 0, Double(image.width), Double(image.height))
      let pose = try predictor.predict(image, box: box, padding: 1)
      let keypoints = try #require(result["keypoints"] as? [[String: Any]])
      #expect(keypoints.map { $0["name"] as? String } == Skeleton.lsp14.names)
      // A number may lose its last digit on the way through a text.
      func agree(_ found: Any?, _ expected: Double) -> Bool {
        (found as? Double).map { abs($0 - expected) <= 1e-9 * abs(expected) } ?? false
      }
      for (found, expected) in zip(keypoints, pose.keypoints) {
        #expect(agree(found["x"], expected.position.x))
        #expect(agree(found["scaleY"], expected.scale.y))
      }
      #expect(agree(result["score"], pose.score))
    }
    let text = try ExampleRun("pose-rle", arguments + ["--box", "10,5,40,60"])
    #expect(text.status == 0 && text.output.contains("head_top"), "\(text.errors)")
    let wrong = try ExampleRun("pose-rle", arguments + ["--box", "10,5,0,60"])
    #expect(wrong.status == 64 && wrong.errors.contains("--box"))
  }

  @Test("a model, data or images that cannot be used are named in one line")
  func refused() throws {
    let folder = TemporaryFolder()
    func refused(_ arguments: [String], _ parts: [String]) throws {
      let run = try ExampleRun("pose-rle", arguments)
      #expect(run.status == 1 && run.output.isEmpty, "\(arguments)")
      #expect(run.errors.split(separator: "\n").count == 1, "\(run.errors)")
      for part in parts { #expect(run.errors.contains(part), "\(part): \(run.errors)") }
    }
    let missing = folder.path("none.safetensors")
    try refused(["--model", missing, "--test", folder.url.path], ["pose-rle: ", missing])
    let text = try folder.write("text", to: "text.safetensors")
    try refused(["--model", text, "--predict", text], ["pose-rle: ", text])
    try refused(["--data", folder.path("no")], ["pose-rle: ", folder.path("no")])
    try refused(["--persons", "16", "--output", text + "/out"], [text + "/out"])
  }
}
