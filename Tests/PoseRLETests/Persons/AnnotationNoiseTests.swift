import Flows
import Testing

@testable import PoseRLE

@Suite("Annotation noise")
struct AnnotationNoiseTests {
  /// Errors relative to τ s, of visible and of hidden joints.
  static func errors(_ noise: AnnotationNoise) -> (visible: [Double], hidden: [Double]) {
    let source = PersonGenerator(count: 300, seed: 4)
    var (visible, hidden): ([Double], [Double]) = ([], [])
    for index in 0..<300 {
      let truth = source.truth(index)
      for draw in 0..<8 {
        var random = PersonRandom(PhiloxGenerator(seed: 77).forked(UInt64(8 * index + draw)))
        let labels = noise.labels(of: truth, &random).keypoints
        for joint in labels.indices {
          let error = labels[joint] - truth.keypoints[joint]
          let size =
            (error.x * error.x + error.y * error.y).squareRoot()
            / (AnnotationNoise.spreads[joint] * truth.stature)
          if truth.visibility[joint] == .visible {
            visible.append(size)
          } else {
            hidden.append(size)
          }
        }
      }
    }
    return (visible.sorted(), hidden.sorted())
  }

  static func share(_ errors: [Double], above bound: Double) -> Double {
    Double(errors.count - (errors.firstIndex { $0 > bound } ?? errors.count))
      / Double(errors.count)
  }

  @Test("has the median and the tail of a t distribution with 3 degrees of freedom")
  func distribution() {
    let (visible, hidden) = Self.errors(
      AnnotationNoise(outlierShare: 0, swapShare: 0, backSwapShare: 0))
    #expect(visible.count > 20_000 && hidden.count > 7_000)
    #expect(abs(visible[visible.count / 2] - 1.3275) < 0.04)
    #expect(abs(hidden[hidden.count / 2] / 2.5 - 1.3275) < 0.06)
    for (bound, share) in [(1.0, 0.6495), (4.0, 0.0627), (10.0, 0.00498)] {
      #expect(abs(Self.share(visible, above: bound) - share) < 0.012 * share.squareRoot() + 0.001)
    }
  }

  @Test("has the stated share of outliers, within their reach")
  func outliers() {
    let source = PersonGenerator(count: 1, seed: 4)
    let truth = source.truth(0)
    let noise = AnnotationNoise(outlierShare: 1, swapShare: 0, backSwapShare: 0)
    var inner = 0
    for draw in 0..<1_000 {
      var random = PersonRandom(PhiloxGenerator(seed: 78).forked(UInt64(draw)))
      for (label, place) in zip(noise.labels(of: truth, &random).keypoints, truth.keypoints) {
        let error = label - place
        let size = (error.x * error.x + error.y * error.y).squareRoot() / truth.stature
        #expect(size <= 0.25 + 1e-9)
        if size < 0.125 { inner += 1 }
      }
    }
    // Uniform in the disc: a quarter within half of its radius.
    #expect(abs(Double(inner) / 14_000 - 0.25) < 0.015)
    // With 2 % of them the tail beyond 8 is theirs and that of the t distribution.
    let (visible, _) = Self.errors(AnnotationNoise(swapShare: 0, backSwapShare: 0))
    let (pure, _) = Self.errors(AnnotationNoise(outlierShare: 0, swapShare: 0, backSwapShare: 0))
    let added = Self.share(visible, above: 8) - Self.share(pure, above: 8)
    #expect((0.010...0.020).contains(added))
  }

  @Test("exchanges left and right as often as stated, whole limbs at a time")
  func swaps() {
    let source = PersonGenerator(count: 400, seed: 8)
    let noise = AnnotationNoise(scale: 0, swapShare: 0.1, backSwapShare: 0.3)
    let mirrored = Skeleton.lsp14.mirrored
    var (front, back, swappedFront, swappedBack) = (0, 0, 0, 0)
    for index in 0..<400 {
      let truth = source.truth(index)
      for draw in 0..<10 {
        var random = PersonRandom(PhiloxGenerator(seed: 79).forked(UInt64(10 * index + draw)))
        let labels = noise.labels(of: truth, &random)
        let moved = Set(
          (0..<14).filter { labels.keypoints[$0] != truth.keypoints[$0] })
        for joint in moved {
          #expect(labels.keypoints[joint] == truth.keypoints[mirrored[joint]])
          #expect(labels.visibility[joint] == truth.visibility[mirrored[joint]])
        }
        let legs: Set = [0, 1, 2, 3, 4, 5]
        let arms: Set = [6, 7, 8, 9, 10, 11]
        #expect(moved.isEmpty || moved == legs || moved == arms || moved == legs.union(arms))
        if truth.facesAway {
          back += 1
          swappedBack += moved.isEmpty ? 0 : 1
        } else {
          front += 1
          swappedFront += moved.isEmpty ? 0 : 1
        }
      }
    }
    #expect(abs(Double(swappedFront) / Double(front) - 0.1) < 0.02)
    #expect(abs(Double(swappedBack) / Double(back) - 0.3) < 0.04)
  }

  @Test("swaps about 2 % of the samples by default")
  func standard() {
    let noise = AnnotationNoise.standard
    let source = PersonGenerator(count: 1_000, seed: 12, side: 8)
    let away = Double((0..<1_000).filter { source.scene($0).facesAway }.count) / 1_000
    let share = away * noise.backSwapShare + (1 - away) * noise.swapShare
    #expect((0.018...0.024).contains(share))
  }
}
