internal import CImageKernels
import Flows

/// Pictures of articulated persons with labelled joints, made by a program: no files are needed.
///
/// A sample is a function of seed and index alone, the same bytes on every platform and thread. It
/// shows one person in the middle, with the joints of ``Skeleton/lsp14``:
///
/// * a body with segment lengths after Drillis and Contini, individual factors, hair and clothes;
/// * a pose of one of the actions ``PersonAction``, within the ranges of motion of the AAOS;
/// * a perspective camera 2.5 … 8 m away in any direction, and one light;
/// * a background of gradients, fractal noise, shapes and limb-like distractors, sometimes with
///   another person; things in front of a third of the persons;
/// * defocus, motion blur, contrast, noise.
///
/// The picture is the crop itself: a square around the joints, 1.4 times their longer side up to some
/// scale and shift. One in eight is smaller, so that joints lie outside of it. Joints are `visible`
/// where the camera sees the surface around them, and `hidden` behind a thing or the person's own
/// body, or outside of the picture. Labels err as ``AnnotationNoise`` says; ``truth(_:)`` does not.
public struct PersonGenerator: KeypointSource {
  /// The number of samples.
  public let count: Int
  /// Selects the sequence of samples.
  public let seed: UInt64
  /// Width and height of the pictures, in pixels.
  public let side: Int
  /// 1 for grey, 3 for red, green, blue.
  public let channels: Int
  /// How labels err.
  public let annotationNoise: AnnotationNoise

  /// A sequence of samples.
  ///
  /// - Parameters:
  ///   - count: of samples.
  ///   - seed: selects the sequence. Samples of one index are the same scene at any size, in grey
  ///     and in colour.
  ///   - side: width and height of the pictures, in pixels.
  ///   - channels: 1 for grey, 3 for red, green, blue.
  ///   - annotationNoise: how labels err.
  /// - Precondition: the count is not negative, the side is in 8 ... 1024, there are 1 or 3 channels.
  public init(
    count: Int, seed: UInt64, side: Int = 64, channels: Int = 1,
    annotationNoise: AnnotationNoise = .standard
  ) {
    precondition(count >= 0, "the number of samples is not negative; got \(count)")
    precondition(
      (8...1_024).contains(side), "the side of a picture is in 8 ... 1024; got \(side)")
    precondition(channels == 1 || channels == 3, "an image has 1 or 3 channels; got \(channels)")
    self.count = count
    self.seed = seed
    self.side = side
    self.channels = channels
    self.annotationNoise = annotationNoise
  }

  /// The 14 joints of Leeds Sports Pose.
  public var skeleton: Skeleton { .lsp14 }

  /// 1: the picture is the crop.
  public var boxPadding: Double { 1 }

  /// Differs with every parameter, and between versions that draw other pictures.
  public var fingerprint: UInt64 {
    var hash = FNVHash()
    // The version of what is drawn.
    hash.add(1)
    for number in [count, side, channels] { hash.add(UInt64(number)) }
    hash.add(seed)
    let noise = annotationNoise
    for number in [
      noise.scale, noise.hiddenFactor, noise.outlierShare, noise.outlierReach, noise.swapShare,
      noise.backSwapShare,
    ] { hash.add(number.bitPattern) }
    return hash.value
  }

  /// The sample of an index: the box is the whole picture.
  ///
  /// - Precondition: the index is in `0 ..< count`.
  public func sample(_ index: Int) -> KeypointSample {
    let scene = scene(index)
    let (image, visibility) = scene.drawn()
    let truth = PersonTruth(scene, visibility)
    var random = PersonRandom(root(index).forked(8))
    let labels = annotationNoise.labels(of: truth, &random)
    return KeypointSample(
      image: image, box: SIMD4(0, 0, Double(side), Double(side)), keypoints: labels.keypoints,
      visibility: labels.visibility, name: "person \(index) of seed \(seed)")
  }

  /// Where the joints of a sample are, without annotation noise.
  ///
  /// - Precondition: the index is in `0 ..< count`.
  public func truth(_ index: Int) -> PersonTruth {
    let scene = scene(index)
    return PersonTruth(scene, scene.drawn().visibility)
  }

  /// The scene of an index.
  func scene(_ index: Int) -> PersonScene {
    PersonScene(root(index), side: side, channels: channels)
  }

  private func root(_ index: Int) -> PhiloxGenerator {
    precondition(
      (0..<count).contains(index), "the index is in 0 ..< \(count); got \(index)")
    return PhiloxGenerator(seed: seed, stream: 0x7065_7273_6f6e).forked(UInt64(index))
  }
}

/// What is true of a generated person, whatever its labels say.
public struct PersonTruth: Sendable, Hashable {
  /// Where the joints of ``Skeleton/lsp14`` are, in pixels; also outside of the picture.
  public let keypoints: [SIMD2<Double>]
  /// Which of them are seen.
  public let visibility: [KeypointSample.Visibility]
  /// What the person does.
  public let action: PersonAction
  /// What the person would measure upright at its distance, in pixels.
  public let stature: Double
  /// Whether it is seen from behind.
  public let facesAway: Bool

  init(_ scene: PersonScene, _ visibility: [KeypointSample.Visibility]) {
    keypoints = scene.keypoints
    self.visibility = visibility
    action = scene.action
    stature = scene.stature
    facesAway = scene.facesAway
  }
}

/// FNV-1a of 64 bits, over the bytes of numbers from the lowest.
struct FNVHash {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ number: UInt64) {
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      value = (value ^ (number >> shift & 0xff)) &* 0x0000_0100_0000_01b3
    }
  }
}
