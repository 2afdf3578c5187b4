import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Augmentation")
struct AugmentationTests {
  static let presets: [Augmentation] = [.none, .lspet, .released, .mmpose, .standard]

  private func crops(
    _ augmentation: Augmentation, _ skeleton: Skeleton = MemorySource.four,
    visibility: [KeypointSample.Visibility]? = nil, count: Int = 2_000
  ) throws -> KeypointBatch {
    let image = PixelImage.constant(0, width: 8, height: 8)
    let places = (0..<skeleton.count).map { SIMD2(Double($0 % 4), Double($0)) }
    let source = MemorySource(skeleton, count: count) { _ in .whole(image, places, visibility) }
    return try CropPipeline(source, input: .plain(4, 4), augmentation: augmentation, seed: 9)
      .batch(Array(0..<count))
  }

  private func share(_ values: [Bool]) -> Double {
    Double(values.filter { $0 }.count) / Double(values.count)
  }

  @Test("presets are valid, and come back from JSON")
  func presets() throws {
    for preset in Self.presets {
      #expect(preset.problem == nil && preset.problem(for: .coco17) == nil)
      let data = try JSONEncoder().encode(preset)
      #expect(try JSONDecoder().decode(Augmentation.self, from: data) == preset)
    }
    #expect(Set(Self.presets).count == 5)
  }

  @Test("the recipe for cut crops: how often, and how far")
  func lspet() throws {
    let batch = try crops(.lspet)
    let angles = batch.crops.map(\.rotation)
    let scales = batch.crops.map { 8 / $0.extent.x }
    #expect(abs(share(batch.isMirrored) - 0.5) < 0.04)
    #expect(abs(share(angles.map { $0 != 0 }) - 0.6) < 0.04)
    #expect(angles.allSatisfy { abs($0) <= 40 } && angles.contains { $0 > 36 })
    #expect(angles.contains { $0 < -36 })
    #expect(scales.allSatisfy { $0 > 0.7499 && $0 < 1.2501 })
    let meanScale = scales.reduce(0, +) / 2_000
    #expect(abs(meanScale - 1) < 0.015)
    #expect(batch.crops.allSatisfy { $0.center == SIMD2(4, 4) })
  }

  @Test("truncated normal draws have their variance, scales of the crop their direction")
  func truncatedNormal() throws {
    let batch = try crops(
      Augmentation {
        $0.scale = .truncatedNormal(0.5...1.5)
        $0.scaledPart = .crop
        $0.shift = .truncatedNormal(-0.2...0.2, probability: 0.3)
        $0.rotation = .truncatedNormal(-10...30)
      })
    let widths = batch.crops.map { $0.extent.x / 8 }
    let mean = widths.reduce(0, +) / 2_000
    let variance = widths.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / 2_000
    #expect(abs(mean - 1) < 0.03 && widths.allSatisfy { $0 >= 0.5 && $0 <= 1.5 })
    // 1 − 2 φ(1) / (2 Φ(1) − 1) = 0.2911 times the squared half width.
    #expect(abs(variance - 0.0728) < 0.006, "\(variance)")
    let meanRotation = batch.crops.map(\.rotation).reduce(0, +) / 2_000
    #expect(abs(meanRotation - 10) < 1)
    let shifts = batch.crops.map { ($0.center - SIMD2(4, 4)) / 8 }
    #expect(abs(share(shifts.map { $0 != .zero }) - 0.3) < 0.04)
    #expect(shifts.allSatisfy { abs($0.x) <= 0.2 && abs($0.y) <= 0.2 })
    #expect(shifts.contains { $0.x != 0 && $0.y != 0 && $0.x != $0.y })
  }

  @Test("each part draws from a stream of its own")
  func streams() throws {
    let all = try crops(.standard, count: 50)
    var fewer = Augmentation.standard
    fewer.scale = nil
    fewer.flipProbability = 0
    let some = try crops(fewer, count: 50)
    #expect(some.crops.map(\.rotation) == all.crops.map(\.rotation))
  }

  @Test("names tell the upper half of a body")
  func upperBody() {
    #expect(Skeleton.coco17.upperBody == Array(0...10))
    #expect(MemorySource.lsp14.upperBody == Array(6...13))
    #expect(Skeleton.mpii16.upperBody == Array(7...15))
    let other = Skeleton(
      names: ["left forearm", "Left-Ear", "handle"], parents: [nil, nil, nil], flipPairs: [])
    #expect(other.upperBody == [1])
  }

  @Test("half bodies: the box of the half's joints, widened; the whole where too few are labelled")
  func halfBody() throws {
    let upper = Augmentation { $0.halfBody = .init(probability: 1, upperProbability: 1) }
    let lower = Augmentation { $0.halfBody = .init(probability: 1, upperProbability: 0) }
    // Joints stand at (index % 4, index): the upper half reaches over y = 0 … 10, x = 0 … 3.
    let above = try crops(upper, .coco17, count: 1).crops[0]
    #expect(above.center == SIMD2(1.5, 5) && above.extent == SIMD2(15, 15))
    let below = try crops(lower, .coco17, count: 1).crops[0]
    #expect(below.center == SIMD2(1.5, 13.5) && below.extent == SIMD2(7.5, 7.5))

    var visibility = [KeypointSample.Visibility](repeating: .visible, count: 17)
    for joint in 0..<9 { visibility[joint] = .unlabelled }
    let few = try crops(lower, .coco17, visibility: visibility, count: 1).crops[0]
    #expect(few.center == SIMD2(1.5, 13.5))
    for joint in 13..<17 { visibility[joint] = .unlabelled }
    let tooFew = try crops(lower, .coco17, visibility: visibility, count: 1).crops[0]
    #expect(tooFew.center == SIMD2(4, 4) && tooFew.extent == SIMD2(8, 8))
    // Enough joints, though too few of the preferred half.
    visibility = [KeypointSample.Visibility](repeating: .visible, count: 17)
    for joint in 13..<17 { visibility[joint] = .unlabelled }
    let other = try crops(lower, .coco17, visibility: visibility, count: 1).crops[0]
    #expect(other.center == SIMD2(1.5, 5))

    let often = try crops(Augmentation { $0.halfBody = .init() }, .coco17).crops.map(\.center.y)
    #expect(abs(share(often.map { $0 == 5 }) - 0.21) < 0.04)
    #expect(abs(share(often.map { $0 == 13.5 }) - 0.09) < 0.03)
    let face = Skeleton(
      names: (0..<20).map { "\($0)" }, parents: Array(repeating: nil, count: 20), flipPairs: [])
    #expect(try crops(upper, face, count: 1).crops[0].extent == SIMD2(8, 8))
  }

  @Test("settings that make no sense are named")
  func problems() {
    func problem(_ change: (inout Augmentation) -> Void) -> String {
      Augmentation(change).problem(for: .coco17) ?? "none"
    }
    #expect(problem { $0.flipProbability = 1.5 }.contains("flip"))
    #expect(problem { $0.flipProbability = .nan }.contains("flip"))
    #expect(problem { $0.rotation = .uniform(-40...40, probability: -1) }.contains("rotation"))
    #expect(problem { $0.rotation = .uniform(-.infinity...40) }.contains("rotation"))
    #expect(problem { $0.scale = .uniform(0...1) }.contains("scale"))
    #expect(problem { $0.shift = .uniform(-1...1e9) }.contains("shift"))
    #expect(problem { $0.blur = .uniform(-1...1) }.contains("blur"))
    #expect(problem { $0.brightness = -0.1 }.contains("brightness"))
    #expect(problem { $0.contrast = 2 }.contains("contrast"))
    #expect(problem { $0.channelGain = .nan }.contains("channel gain"))
    #expect(problem { $0.halfBody = .init(padding: 0) }.contains("padding"))
    #expect(problem { $0.halfBody = .init(probability: 7) }.contains("half"))
    #expect(problem { $0.halfBody = .init(upperJoints: [17]) }.contains("17"))
    #expect(problem { $0.halfBody = .init(upperJoints: [1, 1]) }.contains("different"))
    #expect(problem { $0.erasing = .init(probability: 0.5, area: 0...3) }.contains("erased"))
  }
}
