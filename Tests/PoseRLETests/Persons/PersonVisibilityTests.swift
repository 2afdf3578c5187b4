import Flows
import Testing

@testable import PoseRLE

@Suite("What is seen of generated persons")
struct PersonVisibilityTests {
  static let source = PersonGenerator(count: 600, seed: 21, annotationNoise: .none)

  /// A scene without occluders, its map of parts, and which joints are seen.
  static func bare(_ index: Int) -> (
    scene: PersonScene, parts: [PersonPart?], visibility: [KeypointSample.Visibility]
  ) {
    var scene = source.scene(index)
    scene.removeOccluders()
    var map = [UInt8](repeating: 255, count: 128 * 128)
    let drawn = map.withUnsafeMutableBufferPointer { scene.drawn(parts: $0.baseAddress) }
    return (scene, map.map { PersonPart(rawValue: Int32($0)) }, drawn.visibility)
  }

  static func part(_ parts: [PersonPart?], at place: SIMD2<Double>) -> PersonPart? {
    parts[Int(place.y * 2) * 128 + Int(place.x * 2)]
  }

  static func isInside(_ place: SIMD2<Double>) -> Bool {
    place.x >= 0 && place.y >= 0 && place.x < 64 && place.y < 64
  }

  @Test("at joints that are visible is the part that they belong to")
  func parts() {
    // Right joints, and the parts that meet there.
    let own: [Int: Set<PersonPart>] = [
      0: [.rightShank, .rightFoot], 1: [.rightThigh, .rightShank, .skirt],
      6: [.rightForearm, .rightHand], 7: [.rightUpperArm, .rightForearm],
      5: [.leftShank, .leftFoot], 4: [.leftThigh, .leftShank, .skirt],
      11: [.leftForearm, .leftHand], 10: [.leftUpperArm, .leftForearm],
    ]
    var (right, all, hidden) = (0, 0, 0)
    for index in 0..<400 {
      let (scene, parts, visibility) = Self.bare(index)
      for (joint, belongs) in own {
        let place = scene.keypoints[joint]
        guard Self.isInside(place) else {
          #expect(visibility[joint] == .hidden)
          continue
        }
        let part = Self.part(parts, at: place)
        // Joints are within the body: something of a person is always seen there.
        #expect(part != nil)
        guard visibility[joint] == .visible else {
          hidden += 1
          continue
        }
        all += 1
        if let part, belongs.contains(part) { right += 1 }
      }
    }
    #expect(all > 1_800 && hidden > 200)
    #expect(Double(right) > 0.95 * Double(all), "\(right) of \(all)")
  }

  @Test("agrees with the depth of the bones on the line of sight")
  func depth() {
    // Bones between joints, and a radius that is certainly flesh, a ray's width subtracted.
    let bones: [(Int, Int, Double)] = [
      (0, 1, 0.010), (4, 5, 0.010), (1, 2, 0.020), (3, 4, 0.020), (6, 7, 0.007), (10, 11, 0.007),
      (7, 8, 0.012), (9, 10, 0.012), (2, 3, 0.03), (12, 13, 0.018),
    ]
    var (checked, wrong, covered) = (0, 0, 0)
    for index in 0..<250 {
      let (scene, _, visibility) = Self.bare(index)
      let joints = scene.figure.joints
      for joint in joints.indices where Self.isInside(scene.keypoints[joint]) {
        let height = scene.body.stature
        let distance = dot(joints[joint], joints[joint]).squareRoot()
        // In front of the joint by more than its own flesh.
        let end = distance - 1.5 * PersonScene.jointRadii[joint] * height - 0.1
        var isCovered = false
        for step in 0..<20 {
          let point = joints[joint] * ((end - Double(step) * 0.05) / distance)
          for (a, b, radius) in bones where a != joint && b != joint {
            let along = joints[b] - joints[a]
            let t = max(0, min(1, dot(point - joints[a], along) / dot(along, along)))
            let away = point - (joints[a] + along * t)
            if dot(away, away) < radius * radius * height * height { isCovered = true }
          }
        }
        checked += 1
        covered += isCovered ? 1 : 0
        if isCovered && visibility[joint] == .visible { wrong += 1 }
      }
    }
    #expect(checked > 2_900 && covered > 50)
    #expect(50 * wrong <= covered, "\(wrong) of \(covered)")
  }

  @Test("is less with occluders than without, never more")
  func occluders() {
    var newly = 0
    for index in 0..<300 {
      let bare = Self.bare(index).visibility
      let real = Self.source.scene(index).drawn().visibility
      for (a, b) in zip(bare, real) {
        #expect(!(a == .hidden && b == .visible))
        if a == .visible && b == .hidden { newly += 1 }
      }
    }
    #expect((100...1_200).contains(newly))
  }

  @Test("is part of the body, cut in some pictures")
  func truncation() {
    var cut = 0
    var seen = 0
    for index in 0..<600 {
      let truth = Self.source.truth(index)
      if !truth.keypoints.allSatisfy(Self.isInside) { cut += 1 }
      seen += truth.visibility.filter { $0 == .visible }.count
    }
    #expect((0.06...0.2).contains(Double(cut) / 600))
    #expect((0.6...0.8).contains(Double(seen) / 8_400))
  }
}
