internal import CImageKernels
import Dispatch
import Flows

/// Samples of a source as batches of augmented crops with their labels.
///
/// ```swift
/// let input = ImageInput.gray(CropSize(width: 64, height: 64))
/// let pipeline = CropPipeline(source, input: input, augmentation: .lspet, seed: 1)
/// let order = EpochOrder(count: source.count, batchSize: 64, seed: 1)
/// let batch = try pipeline.batch(order.indices(ofStep: 0), draw: 0)
/// ```
///
/// A sample's draw is a function of the seed, the number of the draw and the sample's index, so
/// that batches depend neither on threads nor on what was loaded before.
public struct CropPipeline: Sendable {
  /// Where images and labels come from.
  public let source: any KeypointSource
  /// What the network takes.
  public let input: ImageInput
  /// How samples are varied.
  public let augmentation: Augmentation
  /// What the weights of joints outside of their crop are multiplied by: 0 in mmpose, 1 in the
  /// released code.
  public let outOfCropWeight: Double
  /// The weight of joints that are labelled but cannot be seen; visible ones have 1.
  public let hiddenWeight: Double
  /// Seeds all draws.
  public let seed: UInt64
  private let mirrored: [Int]
  private let upperJoints: [Bool]?

  /// A pipeline.
  ///
  /// - Parameters:
  ///   - source: images and labels.
  ///   - input: what the network takes.
  ///   - augmentation: how samples are varied.
  ///   - outOfCropWeight: what the weights of joints outside of their crop are multiplied by.
  ///   - hiddenWeight: the weight of joints that are labelled but cannot be seen.
  ///   - seed: seeds all draws.
  /// - Precondition: weights are finite and not negative, and ``Augmentation/problem(for:)`` finds
  ///   nothing.
  public init(
    _ source: any KeypointSource, input: ImageInput, augmentation: Augmentation = .none,
    outOfCropWeight: Double = 0, hiddenWeight: Double = 1, seed: UInt64
  ) {
    precondition(
      [outOfCropWeight, hiddenWeight].allSatisfy { $0 >= 0 && Float($0).isFinite },
      "weights of joints are finite and not negative; got \(outOfCropWeight) and \(hiddenWeight)")
    if let problem = augmentation.problem(for: source.skeleton) { preconditionFailure(problem) }
    self.source = source
    self.input = input
    self.augmentation = augmentation
    self.outOfCropWeight = outOfCropWeight
    self.hiddenWeight = hiddenWeight
    self.seed = seed
    mirrored = source.skeleton.mirrored
    upperJoints = augmentation.halfBody.flatMap { halfBody in
      let upper = Set(halfBody.upperJoints ?? source.skeleton.upperBody)
      let flags = source.skeleton.names.indices.map(upper.contains)
      return Set(flags).count == 2 ? flags : nil
    }
  }

  /// The crops of some samples.
  ///
  /// - Parameters:
  ///   - indices: the samples, in `0 ..< source.count`.
  ///   - draw: the number of the draw, such as that of the training step; a sample that occurs
  ///     twice in one draw is varied the same way.
  ///   - threads: how many threads load at most; the result does not depend on it.
  /// - Throws: the first sample's ``PoseError`` that cannot be used, with its file or name.
  public func batch(_ indices: [Int], draw: UInt64 = 0, threads: Int = 1) throws -> KeypointBatch {
    precondition(threads > 0, "a batch is loaded by at least one thread; got \(threads)")
    for index in indices {
      precondition(
        index >= 0 && index < source.count,
        "the source has \(source.count) samples; there is no sample \(index)")
    }
    let generator = PhiloxGenerator(seed: seed).forked(draw)
    let (size, joints) = (input.size, source.skeleton.count)
    let pixels = size.width * size.height * input.channels
    var images = Tensor<Float>.zeros([indices.count, size.height, size.width, input.channels])
    var outcomes = [Result<PreparedSample, any Error>?](repeating: nil, count: indices.count)

    images.withMutableScalars { scalars in
      outcomes.withUnsafeMutableBufferPointer { buffer in
        guard let base = scalars.baseAddress else { return }
        nonisolated(unsafe) let (target, results) = (base, buffer)
        let workers = min(threads, indices.count)
        @Sendable func work(_ worker: Int) {
          var scratch = ik_scratch()
          defer { ik_release(&scratch) }
          for place in stride(from: worker, to: indices.count, by: workers) {
            let index = indices[place]
            let own = generator.forked(UInt64(index))
            results[place] = Result {
              try prepare(
                index, AugmentationDraw(augmentation, using: own), &scratch,
                into: target + place * pixels)
            }
          }
        }
        if workers == 1 {
          work(0)
        } else if workers > 1 {
          DispatchQueue.concurrentPerform(iterations: workers, execute: work)
        }
      }
    }

    let samples = try outcomes.compactMap { try $0?.get() }
    var counts = KeypointBatch.Counts()
    for sample in samples { counts += sample.counts }
    return KeypointBatch(
      images: images,
      labels: KeypointLabels(
        positions: Tensor(
          shape: [indices.count, joints, 2], scalars: samples.flatMap(\.positions)),
        weights: Tensor(shape: [indices.count, joints], scalars: samples.flatMap(\.weights))),
      isVisible: samples.flatMap(\.isVisible), crops: samples.map(\.crop),
      isMirrored: samples.map(\.isMirrored), indices: indices, counts: counts)
  }

  /// All of a batch's sample but its pixels.
  private struct PreparedSample {
    let crop: Crop
    let isMirrored: Bool
    var positions: [Float]
    var weights: [Float]
    var isVisible: [Bool]
    var counts = KeypointBatch.Counts()
  }

  private func prepare(
    _ index: Int, _ draw: AugmentationDraw, _ scratch: inout ik_scratch,
    into out: UnsafeMutablePointer<Float>
  ) throws -> PreparedSample {
    let sample = try read(index)
    let crop: Crop
    do {
      crop = try self.crop(of: sample, draw)
    } catch let error as PoseError {
      throw error.inFile(sample.name)
    }
    let colors = ColorMap(
      input, gain: draw.gain, contrast: draw.contrast, brightness: draw.brightness)
    sample.image.warp(crop, to: input, colors, isMirrored: draw.isMirrored, &scratch, into: out)
    let (width, height) = (input.size.width, input.size.height)
    if draw.blur > 0 {
      let isDone = ik_blur(
        out, Int64(width), Int64(height), Int64(input.channels), draw.blur, &scratch)
      precondition(isDone, "there is not enough memory to blur a crop")
    }
    if let (center, extent) = draw.erased {
      let size = SIMD2(Double(width), Double(height))
      let lower = ((center - extent / 2) * size).rounded(.toNearestOrAwayFromZero)
        .clamped(lowerBound: .zero, upperBound: size)
      let upper = ((center + extent / 2) * size).rounded(.toNearestOrAwayFromZero)
        .clamped(lowerBound: lower, upperBound: size)
      let count = Int(upper.x - lower.x) * input.channels
      for row in Int(lower.y)..<Int(upper.y) {
        (out + (row * width + Int(lower.x)) * input.channels).update(repeating: 0, count: count)
      }
    }
    return labels(of: sample, in: crop, isMirrored: draw.isMirrored)
  }

  private func read(_ index: Int) throws -> KeypointSample {
    let sample: KeypointSample
    do {
      sample = try source.sample(index)
    } catch let error as PoseError {
      guard error.file == nil, error.path == nil else { throw error }
      throw PoseError(error.kind, error.message, path: "sample \(index)")
    } catch {
      throw PoseError(.invalidData, "\(error)", path: "sample \(index)")
    }
    guard sample.keypoints.count == source.skeleton.count,
      sample.visibility.count == source.skeleton.count
    else {
      throw PoseError(
        .invalidData,
        "expected the \(source.skeleton.count) joints of the skeleton, found "
          + "\(sample.keypoints.count)", file: sample.name)
    }
    return sample
  }

  private func crop(of sample: KeypointSample, _ draw: AugmentationDraw) throws -> Crop {
    var (box, padding) = (sample.box, source.boxPadding)
    if let halfBody = augmentation.halfBody, let prefersUpper = draw.prefersUpper,
      let half = halfBox(of: sample, halfBody, prefersUpper: prefersUpper)
    {
      (box, padding) = (half, halfBody.padding)
    }
    let upright = try Crop(
      x: box.x, y: box.y, width: box.z, height: box.w, size: input.size, padding: padding)
    return try Crop(
      center: upright.center + draw.shift * SIMD2(box.z, box.w) * padding,
      width: upright.extent.x * draw.widthFactor, size: input.size, rotation: draw.rotation)
  }

  /// The box of the joints of one half of the body; nil where too few of them are labelled.
  private func halfBox(
    of sample: KeypointSample, _ halfBody: Augmentation.HalfBody, prefersUpper: Bool
  ) -> SIMD4<Double>? {
    guard let upperJoints else { return nil }
    let labelled = sample.keypoints.indices.filter {
      sample.visibility[$0] != .unlabelled && sample.keypoints[$0].isFinite
    }
    guard labelled.count >= halfBody.minimumJoints else { return nil }
    let upper = labelled.filter { upperJoints[$0] }
    let lower = labelled.filter { !upperJoints[$0] }
    let halves = [upper.count >= 2 ? upper : nil, lower.count >= 3 ? lower : nil]
    guard let half = prefersUpper ? halves[0] ?? halves[1] : halves[1] ?? halves[0]
    else { return nil }
    var (least, greatest) = (sample.keypoints[half[0]], sample.keypoints[half[0]])
    for joint in half {
      least = pointwiseMin(least, sample.keypoints[joint])
      greatest = pointwiseMax(greatest, sample.keypoints[joint])
    }
    let extent = greatest - least
    return extent.x + extent.y > 0 ? SIMD4(lowHalf: least, highHalf: extent) : nil
  }

  private func labels(
    of sample: KeypointSample, in crop: Crop, isMirrored: Bool
  ) -> PreparedSample {
    let joints = sample.keypoints.count
    var result = PreparedSample(
      crop: crop, isMirrored: isMirrored, positions: Array(repeating: 0, count: 2 * joints),
      weights: Array(repeating: 0, count: joints),
      isVisible: Array(repeating: false, count: joints))
    result.counts.decoderWarnings = sample.decoderWarnings
    let size = SIMD2(Double(input.size.width), Double(input.size.height))
    for joint in 0..<joints {
      let from = isMirrored ? mirrored[joint] : joint
      guard sample.visibility[from] != .unlabelled else { continue }
      var place = crop.toCrop(sample.keypoints[from]) / size - 0.5
      if isMirrored { place.x = -place.x }
      let (x, y) = (Float(place.x), Float(place.y))
      guard x.isFinite, y.isFinite else {
        result.counts.nonFiniteJoints += 1
        continue
      }
      var weight = sample.visibility[from] == .hidden ? hiddenWeight : 1
      if !(abs(place.x) < 0.5 && abs(place.y) < 0.5) {
        result.counts.outOfCropJoints += 1
        weight *= outOfCropWeight
      }
      result.positions[2 * joint] = x
      result.positions[2 * joint + 1] = y
      result.weights[joint] = Float(weight)
      result.isVisible[joint] = sample.visibility[from] == .visible
    }
    if !result.weights.contains(where: { $0 > 0 }) { result.counts.imagesWithoutJoints = 1 }
    return result
  }
}

extension SIMD2<Double> {
  fileprivate var isFinite: Bool { x.isFinite && y.isFinite }
}
