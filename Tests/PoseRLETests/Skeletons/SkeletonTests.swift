import PoseRLE
import Testing

@Suite("Skeletons")
struct SkeletonTests {
  static let all: [Skeleton] = [.coco17, .human17, .mpii16]

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
