import FlowChecks
import Flows
import PoseRLE
import Testing

// That conventions do not mix is a matter of types: none of these compiles.
//   KeypointPositions<Centered, Float>(x).planarDistances(to: KeypointPositions<CornerOrigin, Float>(x))
//   KeypointPositions<CropPixels, Float>(x).inPixels(of: .standard)
//   let positions: KeypointPositions<ImagePixels, Float> = KeypointPositions<CropPixels, Float>(x)

@Suite("Coordinates")
struct CoordinateTests {
  private let size = CropSize(width: 192, height: 256)

  @Test("the corners of a crop")
  func corners() {
    let corners = Tensor<Double>([[0, 0], [192, 256], [96, 64]]).expanded(axis: 0)
    let pixels = KeypointPositions<CropPixels, Double>(corners)
    let centered = pixels.normalized(by: size, to: Centered.self)
    #expect(centered.values.scalars == [-0.5, -0.5, 0.5, 0.5, 0, -0.25])
    let corner: KeypointPositions<CornerOrigin, Double> = pixels.normalized(by: size)
    #expect(corner.values.scalars == [0, 0, 1, 1, 0.5, 0.25])
    #expect(centered.converted() == corner)
    #expect(corner.converted(to: Centered.self) == centered)
    #expect(centered.inPixels(of: size) == pixels)
    #expect(corner.inPixels(of: size) == pixels)
    #expect(pixels.planarDistances(to: pixels).scalars == [0, 0, 0])
  }

  @Test("depth is a share of its own and keeps its origin")
  func depth() throws {
    let centered = KeypointPositions<Centered, Double>(
      Tensor([[0, 0, 0.25]]).expanded(axis: 0))
    #expect(centered.converted(to: CornerOrigin.self).values.scalars == [0.5, 0.5, 0.25])
    #expect(centered.inPixels(of: size).values.scalars == [96, 128, 500])
    let shallow = CropSize(width: 192, height: 256, depth: 1000)
    #expect(centered.inPixels(of: shallow).values.scalars == [96, 128, 250])
    let crop = try Crop(center: SIMD2(10, 20), width: 96, size: shallow, rotation: 90)
    #expect(centered.inImage([crop]).values.scalars == [10, 20, 250])
    let spreads = KeypointSpreads<Centered, Double>(
      scale: Tensor([[0.5, 0.25, 0.125]]).expanded(axis: 0))
    // Turned by 90°: x of the crop is y of the image.
    #expect(spreads.inImage([crop]).scale.scalars == [32, 48, 125])
  }

  @Test("scales take the factor and no shift")
  func scales() {
    let scale = Tensor<Double>([[0.5, 0.25]]).expanded(axis: 0)
    let spreads = KeypointSpreads<Centered, Double>(scale: scale)
    #expect(spreads.scale == scale)
    #expect(spreads.converted(to: CornerOrigin.self).scale == scale)
    let pixels = spreads.inPixels(of: size)
    #expect(pixels.scale.scalars == [96, 64])
    #expect(pixels.normalized(by: size, to: CornerOrigin.self).scale == scale)
  }

  @Test("a rotated crop mixes the axes of a spread")
  func rotatedSpread() throws {
    let spreads = KeypointSpreads<CropPixels, Double>(
      scale: Tensor([[2, 1]]).expanded(axis: 0),
      unitFactor: Tensor([[1, 0], [0.5, 1]]).reshaped(to: [1, 1, 2, 2]))
    #expect(spreads.factor.scalars == [2, 0, 0.5, 1])
    #expect(spreads.covariance.scalars == [4, 1, 1, 1.25])
    let crop = try Crop(
      center: .zero, width: 100, size: .init(width: 100, height: 100), rotation: 45)
    let turned = spreads.inImage([crop])
    // R Σ Rᵀ at 45°: ½ ((a − 2b + d, a − d), (a − d, a + 2b + d)) for Σ = ((a, b), (b, d)).
    #expect(
      deviation(
        "covariance", found: turned.covariance.scalars, expected: [1.625, 1.375, 1.375, 3.625],
        tolerance: 1e-14) == nil)
    #expect(
      deviation(
        "back", found: turned.inCrops([crop]).factor, expected: spreads.factor, tolerance: 1e-14)
        == nil)
  }

  @Test("derivatives pass through conversions")
  func derivatives() throws {
    let crop = try Crop(x: 10, y: 20, width: 60, height: 90, rotation: 30)
    let x = Tensor<Double>([[0.1, -0.2]]).expanded(axis: 0)
    let byX = gradient(at: x) { x in
      KeypointPositions<Centered, Double>(x).inImage([crop]).values.sum()
    }
    let map = crop.toImage
    #expect(
      deviation(
        "gradient", found: byX.scalars,
        expected: [192 * (map.xx + map.yx), 256 * (map.xy + map.yy)], tolerance: 1e-12) == nil)
  }

  @Test("mirrors")
  func mirrors() {
    let skeleton = HeadGolden.skeleton
    let x = Tensor<Double>([[0, 0], [0.25, 0.125], [-0.25, 0.25], [0.5, 0.375], [-0.5, 0.5]])
      .expanded(axis: 0)
    let positions = KeypointPositions<Centered, Double>(x)
    let mirrored = positions.mirrored(skeleton)
    #expect(
      mirrored.values.scalars == [0, 0, 0.25, 0.25, -0.25, 0.125, 0.5, 0.5, -0.5, 0.375])
    #expect(mirrored.mirrored(skeleton) == positions)
    #expect(positions.averaged(withFlipped: mirrored, skeleton) == positions)
    // The same place by the other convention.
    let corner = positions.converted(to: CornerOrigin.self).mirrored(skeleton)
    #expect(corner.converted(to: Centered.self) == mirrored)
    // Published: one pixel less, in either convention, and its own inverse.
    let rule = FlipRule.released(cropWidth: 64)
    #expect(rule == .mmpose(inputWidth: 64))
    let shifted = positions.mirrored(skeleton, rule: rule)
    #expect(
      shifted.inPixels(of: .init(width: 64, height: 64)).values[columns: 0..<1].scalars
        == [31, 47, 15, 63, -1])
    #expect(shifted.mirrored(skeleton, rule: rule) == positions)
    // Pixel i of a row of 64 becomes pixel 63 − i.
    let pixel = KeypointPositions<CropPixels, Double>(
      Tensor(shape: [1, 5, 2], scalars: [0, 0, 10, 0, 10, 0, 63, 0, 63, 0]))
    let flipped = pixel.normalized(by: .init(width: 64, height: 64), to: CornerOrigin.self)
      .mirrored(skeleton, rule: .mmpose(inputWidth: 64)).inPixels(of: .init(width: 64, height: 64))
    #expect(flipped.values[columns: 0..<1].scalars == [63, 53, 53, 0, 0])
  }

  @Test("spreads in a mirror")
  func mirroredSpreads() {
    let skeleton = Skeleton(
      names: ["left_hand", "right_hand"], parents: [nil, 0], flipPairs: [[0, 1]])
    let factor = Tensor<Double>(
      shape: [1, 2, 3, 3],
      scalars: [1, 0, 0, 2, 3, 0, 4, 5, 6, 10, 0, 0, 20, 30, 0, 40, 50, 60])
    let spreads = KeypointSpreads<Centered, Double>(factor: factor)
    let mirrored = spreads.mirrored(skeleton)
    #expect(
      mirrored.factor.scalars == [
        10, 0, 0, -20, 30, 0, -40, 50, 60, 1, 0, 0, -2, 3, 0, -4, 5, 6,
      ])
    #expect(mirrored.mirrored(skeleton) == spreads)
    #expect(spreads.averaged(withFlipped: mirrored, skeleton) == spreads)
    // Draws of the factor, mirrored, have the covariance of the mirrored factor.
    let signs = Tensor<Double>([-1, 1, 1])
    let expected =
      spreads.covariance.gathering([1, 0], axis: 1) * signs * signs.expanded(axis: 1)
    #expect(mirrored.covariance == expected)
  }
}
