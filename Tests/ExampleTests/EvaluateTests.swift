import Foundation
import Testing

@Suite("pose-rle --evaluate")
struct EvaluateTests {
  private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("PoseRLETests/Fixtures").path

  private func run(_ detections: String, _ arguments: String...) throws -> ExampleRun {
    try ExampleRun(
      "pose-rle",
      [
        "--evaluate", "\(Self.fixtures)/\(detections).json", "--annotations",
        "\(Self.fixtures)/coco_annotations.json",
      ] + arguments)
  }

  private func expected(_ name: String) throws -> [String: Double] {
    struct Reference: Decodable {
      let scores: [String: Double]
    }
    let data = try Data(contentsOf: URL(fileURLWithPath: Self.fixtures + "/coco_expected.json"))
    let references = try JSONDecoder().decode([String: Reference].self, from: data)
    return try #require(references[name]).scores
  }

  @Test("JSON has the ten numbers with all digits", arguments: ["boxes", "plain"])
  func json(name: String) throws {
    let run = try run("coco_detections_\(name)", "--json")
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
    let object = try JSONDecoder().decode([String: Double].self, from: Data(run.output.utf8))
    let expected = try expected(name)
    #expect(object.keys.sorted() == expected.keys.sorted())
    for (key, value) in expected { #expect(abs((object[key] ?? .nan) - value) <= 1e-12, "\(key)") }
  }

  @Test("intervals where they are asked for")
  func intervals() throws {
    struct Report: Decodable {
      let intervals: [String: [Double]?]
    }
    let run = try run("coco_detections_boxes", "--json", "--bootstrap", "100")
    #expect(run.status == 0, "\(run.errors)")
    let report = try JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
    let names = try expected("boxes").keys
    #expect(report.intervals.keys.sorted() == names.sorted())
    let interval = try #require(report.intervals["AP"] ?? nil)
    let estimate = try #require(try expected("boxes")["AP"])
    #expect(interval.count == 2 && interval[0] <= estimate && estimate <= interval[1])
    let again = try self.run("coco_detections_boxes", "--json", "--bootstrap", "100")
    #expect(again.output == run.output)
    let seeded = try self.run(
      "coco_detections_boxes", "--json", "--bootstrap", "100", "--seed", "5")
    #expect(seeded.status == 0 && seeded.output != run.output)
  }

  @Test("a table for people")
  func table() throws {
    let run = try run("coco_detections_boxes")
    #expect(run.status == 0 && run.errors.isEmpty, "\(run.errors)")
    for (key, value) in try expected("boxes") {
      let number = String(format: "%.4f", value)
      let name = key.padding(toLength: 5, withPad: " ", startingAt: 0)
      #expect(run.output.contains("\(name) \(number)"), "\(key) in: \(run.output)")
    }
    let wide = try self.run("coco_detections_boxes", "--bootstrap", "50")
    #expect(wide.status == 0 && wide.output.contains(" … "))
  }

  @Test("errors are one line that names file and place")
  func errors() throws {
    let folder = TemporaryFolder()
    func refused(
      _ arguments: [String], _ parts: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let run = try ExampleRun("pose-rle", arguments)
      #expect(run.status != 0 && run.status < 128, sourceLocation: sourceLocation)
      #expect(run.output.isEmpty, sourceLocation: sourceLocation)
      #expect(
        run.errors.split(separator: "\n").count == 1, "\(run.errors)",
        sourceLocation: sourceLocation)
      for part in parts {
        #expect(
          run.errors.contains(part), "\"\(part)\" is not in: \(run.errors)",
          sourceLocation: sourceLocation)
      }
    }
    let annotations = "\(Self.fixtures)/coco_annotations.json"
    let detections = "\(Self.fixtures)/coco_detections_plain.json"
    try refused(
      ["--evaluate", folder.path("none.json"), "--annotations", annotations],
      ["none.json", "no such"])
    try refused(
      ["--evaluate", detections, "--annotations", folder.path("none.json")], ["none.json"])
    let broken = try folder.write("[{\"image_id\":7,\"category_id\":1}]", to: "broken.json")
    try refused(
      ["--evaluate", broken, "--annotations", annotations],
      ["broken.json", "[0].score", "is missing"])
    let text = try folder.write("hello", to: "text.json")
    try refused(["--evaluate", text, "--annotations", annotations], ["text.json", "JSON"])
    try refused(
      ["--evaluate", annotations, "--annotations", annotations],
      ["coco_annotations.json", "expected an array, but found an object"])

    let alone = try ExampleRun("pose-rle", ["--evaluate", detections])
    #expect(alone.status == 64 && alone.errors.contains("--annotations"), "\(alone.errors)")
    let few = try ExampleRun(
      "pose-rle", ["--evaluate", detections, "--annotations", annotations, "--bootstrap", "1"])
    #expect(few.status == 64 && few.errors.contains("--bootstrap"), "\(few.errors)")
  }
}
