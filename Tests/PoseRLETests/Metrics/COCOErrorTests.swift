import Foundation
import PoseRLE
import Testing

@Suite("COCO files: violations are named with their place")
struct COCOErrorTests {
  private static let keypoints = Array(repeating: "1", count: 51).joined(separator: ",")

  private static func annotation(_ changes: [String: String?] = [:]) -> String {
    object(
      [
        "id": "1", "image_id": "7", "category_id": "1", "keypoints": "[\(keypoints)]",
        "num_keypoints": "17", "bbox": "[0,0,5,5]", "area": "20", "iscrowd": "0",
      ], changes)
  }

  private static func detection(_ changes: [String: String?] = [:]) -> String {
    object(
      ["image_id": "7", "category_id": "1", "keypoints": "[\(keypoints)]", "score": "0.5"], changes)
  }

  private static func object(_ fields: [String: String], _ changes: [String: String?]) -> String {
    let merged = fields.merging(changes.compactMapValues(\.self)) { $1 }
      .filter { field in !changes.contains { $0.key == field.key && $0.value == nil } }
    return "{" + merged.sorted { $0.key < $1.key }.map { "\"\($0)\":\($1)" }.joined(separator: ",")
      + "}"
  }

  private static func document(_ annotations: [String], images: String = "[{\"id\":7}]") -> Data {
    Data(
      "{\"images\":\(images),\"annotations\":[\(annotations.joined(separator: ","))]}".utf8)
  }

  private static func keypoints(_ place: Int, _ value: String) -> String {
    var values = Array(repeating: "1", count: 51)
    values[place] = value
    return "[" + values.joined(separator: ",") + "]"
  }

  struct Case: Sendable, CustomTestStringConvertible {
    let field: String
    let value: String?
    let kind: PoseError.Kind
    let path: String
    var testDescription: String { "\(field): \(value?.prefix(40) ?? "missing")" }

    init(_ field: String, _ value: String?, _ kind: PoseError.Kind, _ path: String) {
      (self.field, self.value, self.kind, self.path) = (field, value, kind, path)
    }
  }

  @Test(
    "annotations",
    arguments: [
      Case("id", nil, .malformedFile, "annotations[1].id"),
      Case("id", "\"2\"", .malformedFile, "annotations[1].id"),
      Case("id", "1", .invalidData, "annotations[1].id"),
      Case("id", "1.5", .malformedFile, "annotations[1].id"),
      Case("id", "12345678901234567890", .malformedFile, "annotations[1].id"),
      Case("image_id", nil, .malformedFile, "annotations[1].image_id"),
      Case("category_id", "null", .malformedFile, "annotations[1].category_id"),
      Case("keypoints", nil, .malformedFile, "annotations[1].keypoints"),
      Case("keypoints", "null", .malformedFile, "annotations[1].keypoints"),
      Case("keypoints", "[1,2,3]", .invalidData, "annotations[1].keypoints"),
      Case("keypoints", "{}", .malformedFile, "annotations[1].keypoints"),
      Case("keypoints", keypoints(5, "3"), .invalidData, "annotations[1].keypoints[5]"),
      Case("keypoints", keypoints(8, "-1"), .invalidData, "annotations[1].keypoints[8]"),
      Case("keypoints", keypoints(5, "0.5"), .invalidData, "annotations[1].keypoints[5]"),
      Case("keypoints", keypoints(4, "\"1\""), .malformedFile, "annotations[1].keypoints[4]"),
      Case("keypoints", keypoints(4, "null"), .malformedFile, "annotations[1].keypoints[4]"),
      Case("keypoints", keypoints(4, "[1]"), .malformedFile, "annotations[1].keypoints[4]"),
      Case("keypoints", keypoints(4, "1e400"), .malformedFile, "annotations[1].keypoints[4]"),
      Case("num_keypoints", "18", .invalidData, "annotations[1].num_keypoints"),
      Case("num_keypoints", "-1", .invalidData, "annotations[1].num_keypoints"),
      Case("bbox", nil, .malformedFile, "annotations[1].bbox"),
      Case("bbox", "[0,0,5]", .invalidData, "annotations[1].bbox"),
      Case("bbox", "[0,0,-5,5]", .invalidData, "annotations[1].bbox[2]"),
      Case("bbox", "[0,0,5,-5]", .invalidData, "annotations[1].bbox[3]"),
      Case("area", nil, .malformedFile, "annotations[1].area"),
      Case("area", "-3", .invalidData, "annotations[1].area"),
      Case("area", "\"3\"", .malformedFile, "annotations[1].area"),
      Case("iscrowd", nil, .malformedFile, "annotations[1].iscrowd"),
      Case("iscrowd", "2", .invalidData, "annotations[1].iscrowd"),
      Case("iscrowd", "true", .malformedFile, "annotations[1].iscrowd"),
    ])
  func annotations(violation: Case) {
    let second = Self.annotation(["id": "2"].merging([violation.field: violation.value]) { $1 })
    refused(violation) {
      _ = try KeypointAnnotations(json: Self.document([Self.annotation(), second]))
    }
  }

  @Test(
    "detections",
    arguments: [
      Case("image_id", "8", .invalidData, "[1].image_id"),
      Case("image_id", "\"7\"", .malformedFile, "[1].image_id"),
      Case("category_id", nil, .malformedFile, "[1].category_id"),
      Case("score", nil, .malformedFile, "[1].score"),
      Case("score", "\"0.5\"", .malformedFile, "[1].score"),
      Case("score", "1e999", .malformedFile, "[1].score"),
      Case("keypoints", nil, .malformedFile, "[1].keypoints"),
      Case("keypoints", "[1,2]", .invalidData, "[1].keypoints"),
      Case("keypoints", "[[1]]", .malformedFile, "[1].keypoints[0]"),
      Case(
        "keypoints", keypoints(3, "1e308").replacing("[1,1,", with: "[1,-1e308,"), .invalidData,
        "[1].keypoints"),
      Case("bbox", nil, .malformedFile, "[1].bbox"),
      Case("bbox", "[0,0,1]", .invalidData, "[1].bbox"),
      Case("bbox", "[0,0,-1,1]", .invalidData, "[1].bbox[2]"),
      Case("bbox", "[0,0,1e200,1e200]", .invalidData, "[1].bbox"),
    ])
  func detections(violation: Case) throws {
    // Boxes are looked at only if the first detection has one.
    let box = violation.field == "bbox" ? ["bbox": "[0,0,1,1]"] : [:]
    let second = Self.detection([violation.field: violation.value])
    let json = Data("[\(Self.detection(box)),\(second)]".utf8)
    let annotations = try KeypointAnnotations(json: Self.document([Self.annotation()]))
    refused(violation) { _ = try KeypointDetections(json: json, for: annotations) }
  }

  private func refused(
    _ violation: Case, _ body: () throws -> Void, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    do {
      try body()
      Issue.record("was read", sourceLocation: sourceLocation)
    } catch let error as PoseError {
      #expect(error.kind == violation.kind, "\(error)", sourceLocation: sourceLocation)
      #expect(error.path == violation.path, "\(error)", sourceLocation: sourceLocation)
      #expect(!error.description.contains("\n"), sourceLocation: sourceLocation)
    } catch {
      Issue.record("another error: \(error)", sourceLocation: sourceLocation)
    }
  }

  @Test(
    "documents",
    arguments: [
      ("", nil), ("[]", nil), ("{}", "images"), ("{\"images\":[]}", "annotations"),
      ("{\"images\":[{}],\"annotations\":[]}", "images[0].id"),
      ("{\"images\":{},\"annotations\":[]}", "images"),
      ("{\"images\":[{\"id\":1}],\"annotations\":[3]}", "annotations[0]"),
      ("{\"images\":[],\"annotations\":[],\"categories\":[{\"id\":2}]}", "categories"),
      ("{\"images\":[{\"id\":NaN}],\"annotations\":[]}", nil),
      (String(repeating: "[", count: 100_000), nil),
    ] as [(String, String?)])
  func documents(text: String, path: String?) {
    let error = #expect(throws: PoseError.self) { try KeypointAnnotations(json: Data(text.utf8)) }
    #expect(error?.path == path)
    #expect(error.map { !$0.message.isEmpty } == true)
  }

  @Test("what pycocotools tolerates is read")
  func tolerated() throws {
    let annotations = try KeypointAnnotations(
      json: Self.document(
        [
          Self.annotation(["num_keypoints": nil, "extra": "{\"a\":[]}"]),
          Self.annotation(["id": "2", "category_id": "3", "keypoints": nil]),
          Self.annotation(["id": "3.0", "image_id": "99", "keypoints": Self.keypoints(2, "0")]),
        ], images: "[{\"id\":7},{\"id\":7}]"))
    #expect(annotations.imageIDs == [7])
    #expect(annotations.poses.map(\.labelledCount) == [17, 17])
    let found = try KeypointDetections(
      json: Data(
        "[\(Self.detection()),\(Self.detection(["bbox": "[0,0,9,9]"])),\(Self.detection(["category_id": "2"]))]"
          .utf8), for: annotations)
    #expect(found.poses.map(\.area) == [0, 0])
    let boxed = try KeypointDetections(
      json: Data("[\(Self.detection(["bbox": "[0,0,9,9]"]))]".utf8), for: annotations)
    #expect(boxed.poses.map(\.area) == [81])
    #expect(try KeypointDetections(json: Data("[]".utf8), for: annotations).poses.isEmpty)
    #expect(
      throws: PoseError(
        .unsupported, "areas of masks are not supported: give each detection a bbox",
        path: "[0].segmentation")
    ) {
      let masked = Self.detection(["segmentation": "{}"])
      return try KeypointDetections(json: Data("[\(masked)]".utf8), for: annotations)
    }
  }

  @Test("files that cannot be read")
  func files() throws {
    let folder = FileManager.default.temporaryDirectory.path
    let missing = folder + "/no-such-annotations.json"
    #expect(throws: PoseError(.unreadableFile, "there is no such file", file: missing)) {
      try KeypointAnnotations(contentsOf: missing)
    }
    #expect(throws: PoseError(.unreadableFile, "is a folder, not a file", file: folder)) {
      try KeypointAnnotations(contentsOf: folder)
    }
  }
}
