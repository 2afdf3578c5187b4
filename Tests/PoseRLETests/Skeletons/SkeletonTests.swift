import Foundation
import PoseRLE
import Testing

@Suite("Skeletons")
struct SkeletonTests {
  static let all: [Skeleton] = [.coco17, .human17, .mpii16, .lsp14]

  @Test("mirror left to right", arguments: all)
  func mirror(skeleton: Skeleton) {
    let order = skeleton.mirrored
    for (index, name) in skeleton.names.enumerated() {
      let swapped =
        name.hasPrefix("left_")
        ? "right_" + name.dropFirst(5)
        : name.hasPrefix("right_") ? "left_" + name.dropFirst(6) : name
      #expect(skeleton.names[order[index]] == swapped)
      #expect(order[order[index]] == index)
    }
  }

  @Test("are the same after coding", arguments: all)
  func coding(skeleton: Skeleton) throws {
    let data = try JSONEncoder().encode(skeleton)
    #expect(try JSONDecoder().decode(Skeleton.self, from: data) == skeleton)
  }

  @Test(
    "are refused in a file where their parts do not fit",
    arguments: [
      ("one parent", #"{"names": ["a", "b"], "parents": [null], "flipPairs": []}"#),
      ("one parent", #"{"names": ["a", "b"], "parents": [null, 2], "flipPairs": []}"#),
      ("pairs", #"{"names": ["a", "b"], "parents": [null, 0], "flipPairs": [[0]]}"#),
      ("pairs", #"{"names": ["a", "b"], "parents": [null, 0], "flipPairs": [[0, -1]]}"#),
      ("pairs", #"{"names": ["a", "b"], "parents": [null, 0], "flipPairs": [[0, 1], [1, 0]]}"#),
      (
        "positive",
        #"{"names": ["a"], "parents": [null], "flipPairs": [], "similaritySigmas": [0]}"#
      ),
    ])
  func misfits(part: String, text: String) {
    #expect {
      try JSONDecoder().decode(Skeleton.self, from: Data(text.utf8))
    } throws: { error in
      guard case DecodingError.dataCorrupted(let context) = error else { return false }
      return context.debugDescription.contains(part)
    }
  }

  @Test("are trees", arguments: all)
  func trees(skeleton: Skeleton) {
    #expect(skeleton.parents.filter { $0 == nil }.count == 1)
    for start in skeleton.names.indices {
      var (joint, steps) = (start, 0)
      while let parent = skeleton.parents[joint], steps <= skeleton.count {
        (joint, steps) = (parent, steps + 1)
      }
      #expect(steps < skeleton.count)
    }
  }
}
