import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Poses of generated persons")
struct PersonPoseTests {
  static func random(_ index: Int) -> PersonRandom {
    PersonRandom(PhiloxGenerator(seed: 11).forked(UInt64(index)))
  }

  static let upright = BodyFrame(
    origin: SIMD3(0, 0, 4), x: SIMD3(1, 0, 0), y: SIMD3(0, -1, 0), z: SIMD3(0, 0, -1))

  @Test("stay within the joints' ranges", arguments: PersonAction.allCases)
  func limits(action: PersonAction) {
    for index in 0..<500 {
      var random = Self.random(index)
      let body = PersonBody(&random)
      let pose = action.pose(of: body, &random)
      for spine in [(pose.trunk, 80.0, 25.0, 35.0, 45.0), (pose.neck, 45, 45, 40, 60)] {
        #expect((-spine.2...spine.1).contains(spine.0.flexion))
        #expect(abs(spine.0.bend) <= spine.3 && abs(spine.0.turn) <= spine.4)
      }
      for arm in [pose.arms.left, pose.arms.right] {
        #expect((-60.0...178).contains(arm.flexion) && (-30.0...100).contains(arm.abduction))
        #expect((-80.0...70).contains(arm.turn) && (0.0...145).contains(arm.elbow))
        // Hanging arms do not pass through the trunk.
        #expect(arm.flexion > 15 || arm.abduction >= 2)
      }
      for leg in [pose.legs.left, pose.legs.right] {
        #expect((-28.0...120).contains(leg.flexion) && (-22.0...45).contains(leg.abduction))
        #expect((-40.0...45).contains(leg.turn) && (0.0...135).contains(leg.knee))
        #expect((-50.0...20).contains(leg.ankle))
      }
    }
  }

  @Test("bend elbows forward and knees backward only", arguments: PersonAction.allCases)
  func bends(action: PersonAction) {
    for index in 0..<200 {
      var random = Self.random(index)
      let body = PersonBody(&random)
      let figure = PersonFigure(body, action.pose(of: body, &random), in: Self.upright)
      for (upper, lower) in [
        (figure.upperArms.left, figure.hands.left.origin - figure.forearms.left.origin),
        (figure.upperArms.right, figure.hands.right.origin - figure.forearms.right.origin),
      ] { #expect(dot(upper.z, lower) > -1e-9) }
      for (upper, lower) in [
        (figure.thighs.left, figure.feet.left.origin - figure.shanks.left.origin),
        (figure.thighs.right, figure.feet.right.origin - figure.shanks.right.origin),
      ] { #expect(dot(upper.z, lower) < 1e-9) }
    }
  }

  @Test("keep the lengths of segments, the same on both sides")
  func lengths() {
    for index in 0..<100 {
      var random = Self.random(index)
      let body = PersonBody(&random)
      for action in PersonAction.allCases {
        let joints = PersonFigure(body, action.pose(of: body, &random), in: Self.upright).joints
        for (a, b, length) in [
          (0, 1, body.shank), (4, 5, body.shank), (1, 2, body.thigh), (3, 4, body.thigh),
          (6, 7, body.forearm), (10, 11, body.forearm), (7, 8, body.upperArm),
          (9, 10, body.upperArm), (2, 3, 2 * body.hips), (8, 9, 2 * body.shoulders),
        ] {
          let bone = joints[a] - joints[b]
          #expect(abs(dot(bone, bone).squareRoot() - length) < 1e-9)
        }
      }
    }
  }

  @Test("stand upright with the heights of the table")
  func standing() {
    var random = Self.random(0)
    let body = PersonBody(&random)
    let joints = PersonFigure(body, PersonPose(), in: Self.upright).joints
    // Left is the viewer's right where the person faces the camera.
    #expect(joints[3].x > joints[2].x && joints[9].x > joints[8].x)
    #expect(joints[0].y > joints[1].y && joints[1].y > joints[2].y && joints[2].y > joints[12].y)
    let height = (joints[0].y - joints[13].y) / body.stature
    #expect(abs(height - (1 - 0.039)) < 0.06)
  }

  @Test("show every action about as often as stated, in all directions")
  func shares() {
    let source = PersonGenerator(count: 4_000, seed: 3, side: 8)
    var counts: [PersonAction: Int] = [:]
    var away = 0
    for index in 0..<4_000 {
      let scene = source.scene(index)
      counts[scene.action, default: 0] += 1
      away += scene.facesAway ? 1 : 0
    }
    #expect(abs(PersonAction.allCases.map(\.share).reduce(0, +) - 1) < 1e-12)
    for action in PersonAction.allCases {
      #expect(abs(Double(counts[action] ?? 0) / 4_000 - action.share) < 0.025)
    }
    #expect((0.35...0.47).contains(Double(away) / 4_000))
  }

  @Test("use sines and logarithms of their own that are right")
  func mathematics() {
    for step in -2_000...2_000 {
      let x = Double(step) * 0.0173
      let (sine, cosine) = PortableMath.sineAndCosine(x)
      #expect(abs(sine - sin(x)) < 1e-14 && abs(cosine - cos(x)) < 1e-14)
      let y = exp(x)
      #expect(abs(PortableMath.log(y) - log(y)) <= 1e-15 * max(1, abs(x)) * 2)
    }
  }
}
