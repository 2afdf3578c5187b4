import FlowChecks
import Flows
import Foundation
import Testing

@testable import PoseRLE

@Suite("Crop pipeline")
struct CropPipelineTests {
  /// A sample for each joint: all are labelled, one is drawn.
  static func dots(width: Int, height: Int, deviation: Double) -> MemorySource {
    let size = SIMD2(Double(width), Double(height))
    let places = [SIMD2(0.45, 0.3), SIMD2(0.62, 0.55), SIMD2(0.3, 0.6), SIMD2(0.52, 0.71)].map {
      $0 * size
    }
    let images = places.map {
      PixelImage.dot(at: $0, deviation: deviation, width: width, height: height)
    }
    // The box reaches beyond the image on the right and below.
    let box = SIMD4(0.15 * size.x, 0.2 * size.y, 0.95 * size.x, 0.9 * size.y)
    return MemorySource(count: 4) { index in
      KeypointSample(
        image: images[index], box: box, keypoints: places,
        visibility: Array(repeating: .visible, count: 4), name: "dot \(index)")
    }
  }

  /// Mass and first moments of crops `[n, H, W, 1]`, in pixels of the crop.
  static func moments(_ images: Tensor<Float>) -> Tensor<Float> {
    let (height, width) = (images.shape[1], images.shape[2])
    let columns = (0..<height * width).flatMap { (index: Int) -> [Float] in
      [1, Float(index % width) + 0.5, Float(index / width) + 0.5]
    }
    return images.reshaped(to: [images.shape[0], height * width])
      .matmul(Tensor(shape: [height * width, 3], scalars: columns))
  }

  static let augmentations: [(String, Augmentation)] = [
    ("none", .none), ("lspet", .lspet), ("released", .released), ("mmpose", .mmpose),
    ("flip", Augmentation { $0.flipProbability = 1 }),
    ("quarter turn", Augmentation { $0.rotation = .uniform(90...90) }),
    ("turn", Augmentation { $0.rotation = .uniform(-180...180) }),
    ("larger", Augmentation { $0.scale = .uniform(1.2...1.6) }),
    ("shift", Augmentation { $0.shift = .uniform(-0.2...0.2) }),
    (
      "half body",
      Augmentation {
        $0.halfBody = .init(probability: 1, minimumJoints: 2, upperProbability: 1, padding: 3)
      }
    ),
    (
      "all",
      Augmentation {
        $0.flipProbability = 0.5
        $0.rotation = .truncatedNormal(-60...60)
        $0.scale = .uniform(0.7...1.3)
        $0.scaledPart = .crop
        $0.shift = .truncatedNormal(-0.1...0.1)
        $0.contrast = 0.3
        $0.channelGain = 0.2
        $0.blur = .uniform(0.5...1.5)
      }
    ),
  ]

  @Test(
    "labels move with pixels",
    arguments: [(120, 90, 64, 48, 2.0), (400, 300, 64, 48, 8.0), (40, 60, 48, 64, 1.5)])
  func labelsMoveWithPixels(
    width: Int, height: Int, cropWidth: Int, cropHeight: Int, deviation: Double
  ) throws {
    let source = Self.dots(width: width, height: height, deviation: deviation)
    for (name, augmentation) in Self.augmentations {
      let pipeline = CropPipeline(
        source, input: .plain(cropWidth, cropHeight), augmentation: augmentation, seed: 5)
      var seen = 0
      for draw in 0..<12 {
        let batch = try pipeline.batch([0, 1, 2, 3], draw: UInt64(draw))
        let moments = Self.moments(batch.images)
        for row in 0..<4 {
          let joint = batch.isMirrored[row] ? source.skeleton.mirrored[row] : row
          let place = SIMD2(
            (Double(batch.labels.positions[row, joint, 0]) + 0.5) * Double(cropWidth),
            (Double(batch.labels.positions[row, joint, 1]) + 0.5) * Double(cropHeight))
          // The dot and what blur adds to it lie within the crop.
          let reach = 4.5 * deviation * batch.crops[row].toCrop.determinant.squareRoot() + 6
          guard place.x > reach, place.x < Double(cropWidth) - reach, place.y > reach,
            place.y < Double(cropHeight) - reach
          else { continue }
          seen += 1
          let x = Double(moments[row, 1] / moments[row, 0]) - place.x
          let y = Double(moments[row, 2] / moments[row, 0]) - place.y
          #expect(
            (x * x + y * y).squareRoot() < 0.1, "\(name), draw \(draw), dot \(row): \(x), \(y)")
        }
      }
      #expect(seen >= 4, "\(name): too few dots lie within their crops")
    }
  }

  @Test("PyTorch's grid_sample with the same angles, scales and mirrors gives the same")
  func agreesWithPyTorch() throws {
    let url = try #require(
      Bundle.module.url(
        forResource: "crops", withExtension: "safetensors", subdirectory: "Fixtures/Data"))
    let file = try SafetensorsFile(contentsOf: url.path)
    func tensor(_ name: String) throws -> Tensor<Double> { try file.tensor(name) }
    let (images, keypoints) = (try tensor("images"), try tensor("keypoints"))
    let (changes, crops) = (try tensor("changes"), try tensor("crops"))
    let (labels, weights) = (try tensor("labels"), try tensor("weights"))
    let side = images.shape[1]
    for row in 0..<images.shape[0] {
      let range = row..<row + 1
      let bytes = images[rows: range].scalars.map { UInt8($0) }
      let sample = KeypointSample.whole(
        PixelImage(width: side, height: side, channels: 1, bytes: bytes),
        (0..<14).map { SIMD2(keypoints[row, $0, 0], keypoints[row, $0, 1]) },
        (0..<14).map { keypoints[row, $0, 2] > 0 ? .visible : .unlabelled })
      let augmentation = Augmentation {
        // PyTorch's recipe counts angles the other way.
        $0.rotation = .uniform(-changes[row, 0] ... -changes[row, 0])
        $0.scale = .uniform(changes[row, 1]...changes[row, 1])
        $0.flipProbability = changes[row, 2]
      }
      let pipeline = CropPipeline(
        MemorySource(MemorySource.lsp14, count: 1) { _ in sample },
        input: .gray(CropSize(width: side, height: side)), augmentation: augmentation, seed: 0)
      let batch = try pipeline.batch([0])
      #expect(
        deviation(
          "crop \(row)", found: batch.images.scalars.map(Double.init),
          expected: crops[rows: range].scalars, tolerance: 4e-6) == nil)
      #expect(batch.labels.weights?.scalars.map(Double.init) == weights[rows: range].scalars)
      for joint in 0..<14 {
        let from = changes[row, 2] > 0 ? MemorySource.lsp14.mirrored[joint] : joint
        guard keypoints[row, from, 2] > 0 else {
          #expect(batch.labels.positions[0, joint, 0] == 0)
          continue
        }
        for axis in 0..<2 {
          let found = Double(batch.labels.positions[0, joint, axis])
          #expect(abs(found - labels[row, joint, axis]) < 1e-6)
        }
      }
    }
  }

  @Test("a batch depends on seed, draw and sample alone")
  func isDeterministic() throws {
    let source = Self.dots(width: 60, height: 50, deviation: 2)
    func batch(_ indices: [Int], seed: UInt64 = 1, draw: UInt64 = 3, threads: Int = 1) throws
      -> KeypointBatch
    {
      try CropPipeline(source, input: .plain(24, 20), augmentation: .standard, seed: seed)
        .batch(indices, draw: draw, threads: threads)
    }
    let indices = [3, 0, 1, 2, 1]
    let one = try batch(indices)
    for threads in [2, 3, 16] {
      let other = try batch(indices, threads: threads)
      #expect(other.images == one.images)
      #expect(other.labels.positions == one.labels.positions)
      #expect(other.crops == one.crops && other.isMirrored == one.isMirrored)
    }
    let alone = try batch([1])
    #expect(alone.images == one.images[rows: 2..<3] && alone.images == one.images[rows: 4..<5])
    #expect(try batch(indices, seed: 2).images != one.images)
    #expect(try batch(indices, draw: 4).images != one.images)
    let empty = try batch([])
    #expect(empty.count == 0 && empty.images.shape == [0, 20, 24, 1] && empty.labels.count == 0)
  }

  @Test("labels that are missing or not finite have weight 0 at 0, joints outside what was asked")
  func weights() throws {
    let places = [SIMD2(5.0, .nan), SIMD2(11, 5), SIMD2(.infinity, 5), SIMD2(2, 3)]
    let source = MemorySource(count: 2) { index in
      var sample = KeypointSample.whole(
        .constant(0, width: 10, height: 10), places,
        index == 0
          ? [.visible, .hidden, .visible, .hidden] : Array(repeating: .unlabelled, count: 4))
      sample.decoderWarnings = 2 * index
      return sample
    }
    for (outside, hidden) in [(0.0, 1.0), (0.1, 0.5), (1, 1)] {
      let batch = try CropPipeline(
        source, input: .plain(10, 10), outOfCropWeight: outside, hiddenWeight: hidden, seed: 0
      ).batch([0, 1])
      let weights = batch.labels.weights?.scalars
      #expect(weights == [0, Float(outside * hidden), 0, Float(hidden), 0, 0, 0, 0])
      #expect(batch.labels.positions.isFinite)
      #expect(batch.labels.positions[0, 0, 1] == 0 && batch.labels.positions[0, 2, 0] == 0)
      #expect(abs(batch.labels.positions[0, 1, 0] - 0.6) < 1e-6)
      #expect(batch.counts.nonFiniteJoints == 2 && batch.counts.outOfCropJoints == 1)
      #expect(batch.counts.imagesWithoutJoints == 1 && batch.counts.decoderWarnings == 2)
    }
  }

  @Test("mirrored labels swap joints and weights")
  func mirror() throws {
    let source = MemorySource(count: 1) { _ in
      .whole(
        .constant(0, width: 10, height: 10),
        [SIMD2(5, 1), SIMD2(2, 4), SIMD2(9, 6), SIMD2(1, 9)],
        [.visible, .hidden, .visible, .unlabelled])
    }
    let batch = try CropPipeline(
      source, input: .plain(10, 10), augmentation: Augmentation { $0.flipProbability = 1 },
      hiddenWeight: 0.5, seed: 0
    ).batch([0])
    #expect(batch.isMirrored == [true])
    #expect(batch.labels.weights?.scalars == [1, 1, 0.5, 0])
    let expected = [0, -0.4, -0.4, 0.1, 0.3, -0.1, 0, 0]
    #expect(
      deviation(
        "positions", found: batch.labels.positions.scalars.map(Double.init), expected: expected,
        tolerance: 1e-6) == nil)
  }

  @Test("failures name the sample, the first one's for any number of threads")
  func failures() {
    struct Broken: Error {}
    let source = MemorySource(count: 6) { index in
      var sample = KeypointSample.whole(
        .constant(0, width: 4, height: 4), Array(repeating: .zero, count: 4), name: "\(index).jpg")
      switch index {
      case 1: sample.box.z = .nan
      case 2: throw PoseError(.malformedFile, "expected a JPEG", file: "2.jpg")
      case 3: throw Broken()
      case 4: throw PoseError(.invalidData, "no image")
      case 5: sample = .whole(sample.image, [.zero], name: "5.jpg")
      default: break
      }
      return sample
    }
    let pipeline = CropPipeline(source, input: .plain(4, 4), seed: 0)
    func failure(_ indices: [Int], threads: Int = 1) -> PoseError? {
      #expect(throws: PoseError.self) { try pipeline.batch(indices, threads: threads) }
    }
    for threads in 1...3 {
      #expect(failure([0, 0, 1, 2], threads: threads)?.file == "1.jpg")
      #expect(failure([0, 2, 1, 0], threads: threads)?.file == "2.jpg")
    }
    #expect(failure([3])?.description.contains("sample 3") == true)
    #expect(failure([4])?.description == "sample 4: no image")
    #expect(failure([5])?.description.contains("5.jpg: expected the 4 joints") == true)
  }
}
