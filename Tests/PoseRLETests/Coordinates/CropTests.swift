import FlowChecks
import Flows
import PoseRLE
import Testing

@Suite("Crops")
struct CropTests {
  private func isClose(_ a: SIMD2<Double>, _ b: SIMD2<Double>, _ tolerance: Double = 1e-12) -> Bool
  {
    deviation("", found: [a.x, a.y], expected: [b.x, b.y], tolerance: tolerance) == nil
  }

  @Test("a box of the input's aspect")
  func upright() throws {
    let crop = try Crop(x: 100, y: 200, width: 96, height: 128, padding: 1)
    #expect(crop.center == SIMD2(148, 264))
    #expect(crop.extent == SIMD2(96, 128))
    #expect(crop.toCrop(SIMD2(100, 200)) == SIMD2(0, 0))
    #expect(crop.toCrop(SIMD2(196, 328)) == SIMD2(192, 256))
    #expect(crop.toImage(SIMD2(96, 128)) == crop.center)
  }

  @Test("boxes are widened to the aspect, then padded")
  func aspect() throws {
    let wide = try Crop(x: 0, y: 0, width: 90, height: 40)
    #expect(wide.extent == SIMD2(90 * 1.25, 120 * 1.25))
    #expect(wide.center == SIMD2(45, 20))
    let tall = try Crop(x: 0, y: 0, width: 10, height: 40)
    #expect(tall.extent == SIMD2(30 * 1.25, 40 * 1.25))
    let line = try Crop(x: 5, y: 5, width: 0, height: 40, padding: 2)
    #expect(line.extent == SIMD2(60, 80))
  }

  @Test("rotation turns the crop from x towards y")
  func rotation() throws {
    let crop = try Crop(
      center: SIMD2(50, 60), width: 100, size: .init(width: 100, height: 100), rotation: 90)
    // The crop's x axis points down in the image, its y axis left.
    #expect(crop.toImage.linear(SIMD2(1, 0)) == SIMD2(0, 1))
    #expect(crop.toImage.linear(SIMD2(0, 1)) == SIMD2(-1, 0))
    #expect(crop.toCrop(SIMD2(50, 60)) == SIMD2(50, 50))
    #expect(crop.toCrop(SIMD2(50, 70)) == SIMD2(60, 50))
    let half = try Crop(
      center: SIMD2(50, 60), width: 100, size: .init(width: 100, height: 100), rotation: -180)
    #expect(half.toCrop(SIMD2(60, 60)) == SIMD2(40, 50))
  }

  @Test("the map back", arguments: [0, 17.5, -90, 133, 360, 1e4])
  func inverse(rotation: Double) throws {
    let crop = try Crop(x: -30, y: 12, width: 77, height: 130, rotation: rotation)
    for point in [SIMD2(0.0, 0), SIMD2(33.25, 400), SIMD2(-7, 1e4)] {
      #expect(isClose(crop.toImage(crop.toCrop(point)), point, 1e-11))
      #expect(isClose(crop.toCrop.inverse(crop.toCrop(point)), point, 1e-11))
    }
    let factor = 192 / crop.extent.x
    #expect(abs(crop.toCrop.determinant - factor * factor) < 1e-12)
  }

  @Test(
    "boxes that are none",
    arguments: [
      [0, 0, 0, 0], [0, 0, -1, 5], [0, 0, 5, -1], [.nan, 0, 1, 1], [0, .infinity, 1, 1],
      [0, 0, 1, .nan], [0, 0, .leastNonzeroMagnitude, 0], [0, 0, 1e308, 1e308],
    ] as [[Double]])
  func invalid(box: [Double]) throws {
    let error = try #require(throws: PoseError.self) {
      try Crop(x: box[0], y: box[1], width: box[2], height: box[3])
    }
    #expect(error.kind == .invalidData)
    #expect(error.message.contains("found"))
    #expect(throws: PoseError.self) {
      try Crop(center: .zero, width: 10, rotation: .infinity)
    }
  }
}
