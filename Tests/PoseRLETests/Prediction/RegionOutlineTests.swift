import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Outlines of regions")
struct RegionOutlineTests {
  @Test("a Gaussian region is a disc")
  func disc() {
    let errors = ErrorDistribution(Gaussian<Double>(dimension: 2))
    let outline = errors.outline(level: 0.8)
    let squared = -2 * (errors.logDensityThreshold(level: 0.8) + log(2 * Double.pi))
    #expect(outline.curves.count == 1)
    #expect(abs(outline.area / (Double.pi * squared) - 1) < 1e-3)
    for point in outline.curves[0] {
      #expect(abs((point * point).sum() / squared - 1) < 2e-3)
    }
    #expect(errors.outline(level: 0).curves.isEmpty)
    #expect(errors.outline(level: 1).curves.isEmpty)
  }

  @Test("two hills have two outlines, and together one region")
  func hills() {
    let hill = { (x: Double) in
      Gaussian<Double>(location: Tensor([x, 0]), scale: Tensor([0.5, 1]))
    }
    let errors = ErrorDistribution(Mixture([hill(-3), hill(3)], weights: [1, 2]))
    let outline = errors.outline(level: 0.9, resolution: 200)
    #expect(outline.curves.count == 2)
    let volume = errors.volume(level: 0.9)
    #expect(abs(outline.area - volume.value) < 4 * volume.standardError + 5e-3)
    #expect(outline.contains([3, 0]) && outline.contains([-3, 0]))
    #expect(!outline.contains([0, 0]) && !outline.contains([30, 0]))
  }

  @Test("a ring has a hole, and a saddle is settled by its middle")
  func ring() {
    let size = 81
    let values = (0..<(size * size)).map { index -> Double in
      let (x, y) = (Double(index % size) - 40, Double(index / size) - 40)
      return -abs((x * x + y * y).squareRoot() - 25)
    }
    let grid = ContourGrid(columns: size, rows: size, values: values, threshold: -5)
    let outline = RegionOutline(curves: grid.curves())
    #expect(outline.curves.count == 2)
    #expect(abs(outline.area / (Double.pi * (900 - 400)) - 1) < 5e-3)
    #expect(!outline.contains([40, 40]) && outline.contains([65, 40]))

    let apart = ContourGrid(columns: 2, rows: 2, values: [1, -2, -2, 1], threshold: 0)
    let joined = ContourGrid(columns: 2, rows: 2, values: [2, -1, -1, 2], threshold: 0)
    #expect(apart.curves().count == 2)
    #expect(joined.curves().count == 1)
  }

  @Test("outlines in positions hold the nominal share of the density")
  func mass() {
    var generator = PhiloxGenerator(seed: 12)
    let flow = NormalizingFlow<Double>.rle(using: &generator)
    let errors = ErrorDistribution(flow)
    let density = KeypointDensity(
      errors: errors, mean: [3, -2], scale: [0.5, 2], shear: [0.8])
    let draws = density.sample(20_000, using: &generator).scalars
    for level in [0.5, 0.95] {
      let outline = density.outline(level: level)
      let held = share(
        (0..<20_000).map { outline.contains(SIMD2(draws[2 * $0], draws[2 * $0 + 1])) })
      #expect(abs(held - level) < 4 * (level * (1 - level) / 20_000).squareRoot() + 2e-3)
      #expect(abs(outline.area / density.volume(level: level) - 1) < 0.02)
    }
  }

  @Test("the ellipse of the covariance")
  func ellipse() {
    let errors = ErrorDistribution(Gaussian<Double>(dimension: 2), sampleCount: 1_000)
    let density = KeypointDensity(errors: errors, mean: [1, 2], scale: [0.5, 3], shear: [0.7])
    let ellipse = density.covarianceEllipse(level: 0.9)
    // All its points have one density: that of the region at the level.
    let points = ellipse.points(count: 16)
    let values = points.map { density.logDensity(at: [$0.x, $0.y]) }
    let peak = density.logDensity(at: [1, 2])
    for value in values { #expect(abs(value - (peak + log(0.1))) < 1e-9) }
    #expect(ellipse.semiAxes.x > ellipse.semiAxes.y)
    #expect(RegionOutline(curves: [points]).area > 0)
  }
}
