import FlowChecks
import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Scores")
struct PoseScoreTests {
  @Test("by hand")
  func byHand() {
    let scale = Tensor<Double>([[0.1, 0.3, 0.5, 0.7]]).reshaped(to: [1, 2, 2])
    let joints = PoseScore.joints(scale: scale)
    func close(_ a: Tensor<Double>, _ b: [Double]) -> Bool {
      deviation("", found: a.scalars, expected: b, tolerance: 1e-15) == nil
    }
    #expect(close(joints, [0.8, 0.4]))
    #expect(close(PoseScore.poses(scale: scale), [0.6]))
    #expect(close(PoseScore.ranking(joints: joints), [1.4]))
    #expect(close(PoseScore.ranking(joints: joints, boxes: Tensor([0.25])), [1.65]))
  }

  @Test("expected similarity of Gaussian densities")
  func expectedSimilarity() {
    // For d ~ N(b, s²) in each axis, E exp(−d²/2v) = v/(v + s²) · exp(−|b|² / 2(v + s²)).
    let skeleton = HeadGolden.skeleton
    let (count, joints, area) = (200_000, 5, 5_000.0)
    var generator = PhiloxGenerator(seed: 9)
    let spread = Tensor<Double>([1, 3, 5, 8, 13]).expanded(axis: 1)
    let bias = Tensor<Double>([[0, 0], [1, 2], [-3, 0], [0, 4], [10, 10]])
    let reported = Tensor<Double>([[10, 20], [30, 40], [50, 60], [70, 80], [90, 99]])
    let noise = Tensor<Double>.normal([count, joints, 2], using: &generator)
    let found = PoseScore.expectedSimilarity(
      draws: .init(noise * spread + bias + reported), reported: .init(reported.expanded(axis: 0)),
      area: area, skeleton: skeleton)
    for joint in 0..<joints {
      let sigma = skeleton.similaritySigmas?[joint] ?? .nan
      let v = 4 * sigma * sigma * area
      let total = v + spread[joint, 0] * spread[joint, 0]
      let square = bias[joint, 0] * bias[joint, 0] + bias[joint, 1] * bias[joint, 1]
      let expected = v / total * exp(-square / (2 * total))
      // Similarities lie in [0, 1], so their mean has a standard error below 0.5 / √count.
      #expect(abs(found[joint] - expected) < 2.5 / Double(count).squareRoot())
    }
    let exact = PoseScore.expectedSimilarity(
      draws: .init(reported.expanded(axis: 0)), reported: .init(reported.expanded(axis: 0)),
      area: 1, skeleton: skeleton)
    #expect(exact == [1, 1, 1, 1, 1])
  }
}
