import Flows
import Foundation
import PoseRLE
import Testing

@Suite("COCO files: 1,000 random corruptions")
struct COCOCorruptionTests {
  private static let count = 1000

  /// Reading and evaluating a damaged file either works, with numbers in their range, or throws a
  /// `PoseError` of one line that names the damaged place, or one around or within it.
  @Test func corruptions() throws {
    let names = ["annotations", "detections_boxes", "detections_plain"]
    let sources = try names.map { try MetricsFixture.data("coco_\($0).json") }
    let trees = try sources.map { try JSONDecoder().decode(JSONTree.self, from: $0) }
    let annotations = try KeypointAnnotations(json: sources[0])
    var generator = PhiloxGenerator(seed: 1707)
    var outcomes: [String: Int] = [:]
    var located = 0
    for _ in 0..<Self.count {
      let file = Int.random(in: 0..<3, using: &generator)
      var place: String?
      let data = Self.damaged(sources[file], trees[file], &place, using: &generator)
      do throws(PoseError) {
        let truth = file == 0 ? try KeypointAnnotations(json: data) : annotations
        let found = try KeypointDetections(json: file == 0 ? sources[1] : data, for: truth)
        let evaluation = KeypointEvaluation(found, against: truth)
        #expect(evaluation.scores.values.allSatisfy { $0 == -1 || (0...1).contains($0) })
        outcomes["accepted", default: 0] += 1
      } catch {
        outcomes[error.kind.rawValue, default: 0] += 1
        #expect(!error.message.isEmpty && !error.description.contains("\n"))
        #expect(error.description.count < 400, "\(error)")
        // A value that was replaced has a place.
        #expect(error.kind == .malformedFile || error.path != nil, "\(error)")
        // Two places disagree where an id comes twice or an image is gone.
        if let place, let path = error.path, !place.hasPrefix("images"),
          !error.message.contains("twice")
        {
          #expect(path.hasPrefix(place) || place.hasPrefix(path), "\(place): \(error)")
          located += 1
        }
      }
    }
    #expect(outcomes.values.reduce(0, +) == Self.count)
    #expect(Set(outcomes.keys).isSubset(of: ["accepted", "malformedFile", "invalidData"]))
    // A check that refused everything, or nothing, would say little.
    #expect(located > 200, "\(located)")
    #expect(outcomes.count == 3 && outcomes.values.allSatisfy { $0 > 25 }, "\(outcomes)")
  }

  private static func damaged(
    _ source: Data, _ tree: JSONTree, _ place: inout String?,
    using generator: inout PhiloxGenerator
  ) -> Data {
    switch Int.random(in: 0..<8, using: &generator) {
    case 0:
      return source.prefix(Int.random(in: 0..<source.count, using: &generator))
    case 1, 2:
      var data = source
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        data[Int.random(in: data.indices, using: &generator)] ^=
          1 << UInt8.random(in: 0..<8, using: &generator)
      }
      return data
    default:
      var (path, text) = ("", "")
      tree.damaged(&path, using: &generator).write(to: &text)
      place = path
      return Data(text.utf8)
    }
  }
}
