import FlowChecks
import Flows
import Testing

@testable import PoseRLE

@Suite("Crops of pixels")
struct PixelWarpTests {
  private func crop(
    _ center: SIMD2<Double>, width: Double, _ input: ImageInput, rotation: Double = 0
  ) throws -> Crop {
    try Crop(center: center, width: width, size: input.size, rotation: rotation)
  }

  @Test("the whole image comes out as it is, for all kinds of channels")
  func identity() throws {
    let bytes = (0..<5 * 4 * 3).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
    let color = PixelImage(width: 5, height: 4, channels: 3, bytes: bytes)
    let gray = PixelImage(width: 5, height: 4, channels: 1, bytes: Array(bytes[..<20]))
    let size = CropSize(width: 5, height: 4)
    let input = ImageInput(
      size: size, channels: 3, mean: [0.1, 0.2, 0.3], deviation: [0.5, 1, 2])
    let whole = try crop(SIMD2(2.5, 2), width: 5, input)
    let normalised = bytes.enumerated().map { index, byte in
      (Double(byte) / 255 - input.mean[index % 3]) / input.deviation[index % 3]
    }
    func check(_ what: String, _ found: Tensor<Float>, _ expected: [Double]) {
      #expect(
        deviation(
          what, found: found.scalars.map(Double.init), expected: expected, tolerance: 2e-6) == nil)
    }
    check("colour", color.cropped([whole], to: input), normalised)
    check(
      "grey for colour", gray.cropped([whole], to: input),
      gray.bytes.flatMap { byte in
        (0..<3).map { (Double(byte) / 255 - input.mean[$0]) / input.deviation[$0] }
      })
    check(
      "colour for grey", color.cropped([whole], to: .plain(5, 4)),
      (0..<20).map { pixel in
        let rgb = bytes[3 * pixel..<3 * pixel + 3].map(Double.init)
        return (0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]) / 255
      })
    check("grey", gray.cropped([whole], to: .plain(5, 4)), gray.bytes.map { Double($0) / 255 })
    let turned = try crop(SIMD2(2.5, 2), width: 4, .plain(4, 5), rotation: 90)
    // Turned from x towards y: the crop's x runs down, its y to the left.
    check(
      "a quarter turn", gray.cropped([turned], to: .plain(4, 5)),
      (0..<20).map { Double(gray.bytes[$0 % 4 * 5 + 4 - $0 / 4]) / 255 })
    #expect(gray.cropped([], to: .plain(5, 4)).shape == [0, 4, 5, 1])
  }

  @Test("beyond the image is the mean, and half a pixel around its edge blends")
  func border() throws {
    let image = PixelImage.constant(255, width: 8, height: 8, channels: 3)
    let input = ImageInput(
      size: CropSize(width: 16, height: 16), channels: 3, mean: [0.5, 0.25, 0],
      deviation: [0.25, 1, 1])
    // Pixels of the crop lie at 0.25 more than those of the image.
    let found = image.cropped([try crop(SIMD2(4.25, 4.25), width: 16, input)], to: input)
    let white: [Float] = [2, 0.75, 1]
    for channel in 0..<3 {
      #expect(found[0, 2, 8, channel] == 0 && found[0, 8, 12, channel] == 0)
      #expect(abs(found[0, 8, 8, channel] - white[channel]) < 1e-6)
      #expect(abs(found[0, 8, 3, channel] - 0.25 * white[channel]) < 1e-6)
      #expect(abs(found[0, 8, 11, channel] - 0.75 * white[channel]) < 1e-6)
      #expect(abs(found[0, 3, 11, channel] - 0.1875 * white[channel]) < 1e-6)
    }
    for center in [SIMD2(-100.0, 4), SIMD2(4, 1e12), SIMD2(1e300, -1e300)] {
      let outside = image.cropped([try crop(center, width: 16, input)], to: input)
      #expect(outside.scalars.allSatisfy { $0 == 0 })
    }
    for width in [1e-9, 1e7, 1e15, 1e200] {
      let extreme = image.cropped(
        [try crop(SIMD2(4, 4), width: width, input, rotation: 30)], to: input)
      #expect(extreme.scalars.allSatisfy { $0 >= 0 && $0 <= 2.000_001 })
      #expect(width > 1 || extreme.scalars.contains { $0 > 1.9 })
    }
  }

  @Test(
    "reducing averages: nothing aliases, and brightness is kept", arguments: [1.6, 2, 3.7, 9, 30])
  func reduction(factor: Double) throws {
    let side = 400
    let board = PixelImage(
      width: side, height: side, channels: 1,
      bytes: (0..<side * side).map { ($0 % side + $0 / side) % 2 == 0 ? 255 : 0 })
    let input = ImageInput.plain(8, 8)
    for rotation in [0.0, 30] {
      let found = board.cropped(
        [try crop(SIMD2(200, 200), width: 8 * factor, input, rotation: rotation)], to: input)
      let worst = found.scalars.map { abs($0 - 0.5) }.max() ?? 1
      // A block of k × k pixels, k odd, is off by one pixel's half at most.
      let block = factor.rounded()
      let bound = 0.5 / (block * block) + 1e-5
      #expect(Double(worst) <= bound, "\(rotation)°")
    }
    // An image within a larger crop keeps its sum, whatever part of a block its edge cuts.
    let size = 80
    let white = PixelImage.constant(255, width: size, height: size - 3)
    let large = ImageInput.plain(Int(160 / factor) + 8, Int(160 / factor) + 8)
    let width = factor * Double(large.size.width)
    let found = white.cropped([try crop(SIMD2(40, 38), width: width, large)], to: large)
    let area = Double(found.scalars.reduce(0, +)) * factor * factor
    let ratio = area / Double(size * (size - 3))
    #expect(abs(ratio - 1) < 0.06, "\(ratio)")
  }

  @Test("a mirrored crop is the crop with its rows reversed")
  func mirror() throws {
    let image = PixelImage(
      width: 20, height: 14, channels: 3,
      bytes: (0..<20 * 14 * 3).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) })
    for channels in [1, 3] {
      let source = MemorySource(count: 1) { _ in
        .whole(image, Array(repeating: .zero, count: 4))
      }
      func batch(_ flip: Double) throws -> Tensor<Float> {
        try CropPipeline(
          source, input: .plain(12, 9, channels: channels),
          augmentation: Augmentation {
            $0.flipProbability = flip
            $0.rotation = .uniform(-50...50)
            $0.scale = .uniform(0.5...2)
          }, seed: 3
        ).batch([0]).images
      }
      let (plain, mirrored) = (try batch(0), try batch(1))
      #expect(plain.scalars.contains { $0 > 0 })
      for y in 0..<9 {
        for x in 0..<12 {
          for channel in 0..<channels {
            #expect(mirrored[0, y, x, channel] == plain[0, y, 11 - x, channel])
          }
        }
      }
    }
  }

  @Test("colours change as stated, blur keeps the sum, a rectangle is erased")
  func looks() throws {
    let source = MemorySource(count: 40) { _ in
      .whole(.constant(200, width: 16, height: 16, channels: 3), Array(repeating: .zero, count: 4))
    }
    let input = ImageInput.imageNet(CropSize(width: 16, height: 16))
    func images(_ change: (inout Augmentation) -> Void) throws -> Tensor<Float> {
      try CropPipeline(source, input: input, augmentation: Augmentation(change), seed: 2)
        .batch(Array(0..<40)).images
    }
    func byte(_ value: Float, _ channel: Int) -> Double {
      (Double(value) * input.deviation[channel] + input.mean[channel]) * 255
    }
    func range(_ images: Tensor<Float>, _ channel: Int) -> (Double, Double) {
      let values = (0..<40).map { byte(images[$0, 8, 8, channel], channel) }
      return (values.min() ?? 0, values.max() ?? 0)
    }
    func check(
      _ values: (Double, Double), within bounds: ClosedRange<Double>,
      beyond middle: (Double, Double)
    ) {
      #expect(values.0 >= bounds.lowerBound && values.0 < middle.0)
      #expect(values.1 <= bounds.upperBound && values.1 > middle.1)
    }
    let bright = range(try images { $0.brightness = 0.1 }, 1)
    check(bright, within: 174.4...225.6, beyond: (182, 218))
    let gain = range(try images { $0.channelGain = 0.2 }, 0)
    check(gain, within: 159.9...240.1, beyond: (175, 225))
    // 255 · 0.406 is left where it is, and 200 moves by half of its distance from there.
    let contrast = range(try images { $0.contrast = 0.5 }, 2)
    check(contrast, within: 151.7...248.3, beyond: (170, 230))

    let erased = try images { $0.erasing = .init(probability: 0.5, area: 0.1...0.3) }
    var shares: [Double] = []
    for row in 0..<40 {
      let zeros = erased[rows: row..<row + 1].scalars.filter { $0 == 0 }.count
      if zeros > 0 { shares.append(Double(zeros) / (16 * 16 * 3)) }
    }
    #expect(shares.count > 10 && shares.count < 30)
    #expect(shares.allSatisfy { $0 < 0.37 } && shares.contains { $0 > 0.1 })

    let dot = PixelImage.dot(at: SIMD2(20.5, 15.5), deviation: 1, width: 40, height: 30)
    let pipeline = CropPipeline(
      MemorySource(count: 1) { _ in .whole(dot, Array(repeating: .zero, count: 4)) },
      input: .plain(40, 30), augmentation: Augmentation { $0.blur = .uniform(2...2) }, seed: 0)
    let blurred = try pipeline.batch([0]).images
    let sharp = dot.cropped(
      [try crop(SIMD2(20, 15), width: 40, .plain(40, 30))], to: .plain(40, 30))
    let sums = blurred.sum().scalar / sharp.sum().scalar
    #expect(abs(sums - 1) < 1e-4)
    // Variances add: 1 + 4.
    let ratio = (blurred.scalars.max() ?? 0) / (sharp.scalars.max() ?? 1)
    #expect(abs(ratio - 0.2) < 0.02, "\(ratio)")
  }
}
