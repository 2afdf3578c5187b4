/// How training images are varied: what a crop shows and how its pixels look.
///
/// Everything is drawn anew for each sample, each part from a stream of its own, so that switching
/// one off leaves the others as they were.
public struct Augmentation: Hashable, Sendable, Codable {
  /// The law of a drawn number.
  public enum Distribution: String, Hashable, Sendable, Codable {
    /// All numbers within the bounds alike.
    case uniform
    /// Normal around the middle of the bounds, with half their distance as standard deviation,
    /// without what lies beyond them: mmpose's `truncnorm(-1, 1)`.
    case truncatedNormal
  }

  /// A number that is drawn with a probability, and else is what changes nothing.
  public struct Variation: Hashable, Sendable, Codable {
    /// The least and the greatest number.
    public var bounds: ClosedRange<Double>
    /// The law within the bounds.
    public var distribution: Distribution
    /// How often anything is changed at all.
    public var probability: Double

    /// A variation from its parts.
    public init(
      _ bounds: ClosedRange<Double>, _ distribution: Distribution = .uniform,
      probability: Double = 1
    ) {
      self.bounds = bounds
      self.distribution = distribution
      self.probability = probability
    }

    /// All numbers within the bounds alike.
    public static func uniform(
      _ bounds: ClosedRange<Double>, probability: Double = 1
    ) -> Variation {
      Variation(bounds, .uniform, probability: probability)
    }

    /// Normal around the middle, cut at one standard deviation.
    public static func truncatedNormal(
      _ bounds: ClosedRange<Double>, probability: Double = 1
    ) -> Variation {
      Variation(bounds, .truncatedNormal, probability: probability)
    }
  }

  /// What a scale is a factor of.
  public enum ScaledPart: String, Hashable, Sendable, Codable {
    /// The person within the crop: a factor above 1 shows it larger.
    case content
    /// The crop's width in the image, as published code has it: a factor above 1 shows the person
    /// smaller.
    case crop
  }

  /// Crops around the upper or the lower half of a body (Wang et al., arXiv 1812.00324).
  ///
  /// The crop is that around the labelled joints of one half: of the preferred one if at least two
  /// joints of the upper or three of the lower body are labelled, else of the other if it has as
  /// many, else of the whole box.
  public struct HalfBody: Hashable, Sendable, Codable {
    /// How often half of a body is shown.
    public var probability: Double
    /// Labelled joints that a pose has at least for it.
    public var minimumJoints: Int
    /// How often the upper half is preferred.
    public var upperProbability: Double
    /// What the box of the joints is widened by.
    public var padding: Double
    /// The joints of the upper half; nil for those that the skeleton's names tell.
    ///
    /// Told are shoulders, elbows, wrists and hands, and all parts of head and neck. A skeleton
    /// with all its joints in one half is never halved.
    public var upperJoints: [Int]?

    /// Half bodies from their parts.
    public init(
      probability: Double = 0.3, minimumJoints: Int = 8, upperProbability: Double = 0.7,
      padding: Double = 1.5, upperJoints: [Int]? = nil
    ) {
      self.probability = probability
      self.minimumJoints = minimumJoints
      self.upperProbability = upperProbability
      self.padding = padding
      self.upperJoints = upperJoints
    }
  }

  /// A rectangle that is made the mean colour (Zhong et al., arXiv 1708.04896).
  public struct Erasing: Hashable, Sendable, Codable {
    /// How often something is erased.
    public var probability: Double
    /// The rectangle's share of the crop; its sides relate as 1 : 2 to 2 : 1, and parts of it may
    /// lie outside of the crop.
    public var area: ClosedRange<Double>

    /// Erasing from its parts.
    public init(probability: Double, area: ClosedRange<Double> = 0.02...0.2) {
      self.probability = probability
      self.area = area
    }
  }

  /// How often a crop is mirrored, and left and right joints with it.
  public var flipProbability = 0.0
  /// Degrees of ``Crop/rotation``.
  public var rotation: Variation?
  /// A factor of ``scaledPart``.
  public var scale: Variation?
  /// What ``scale`` is a factor of.
  public var scaledPart = ScaledPart.content
  /// How far the crop's centre moves, in x and y, as a share of the padded box.
  public var shift: Variation?
  /// Crops around half of a body.
  public var halfBody: HalfBody?
  /// What is added to all channels: uniform within ± this share of white.
  public var brightness = 0.0
  /// What distances from the input's mean are multiplied by: 1 ± this share.
  public var contrast = 0.0
  /// What each channel is multiplied by: 1 ± this share.
  public var channelGain = 0.0
  /// The standard deviation of a Gaussian blur in pixels of the crop.
  public var blur: Variation?
  /// A rectangle that is made the mean colour.
  public var erasing: Erasing?

  /// No variation.
  public init() {}

  /// Some variations: `Augmentation { $0.flipProbability = 0.5 }`.
  public init(_ change: (inout Augmentation) -> Void) {
    change(&self)
  }

  /// What makes no sense; nil where all does.
  public var problem: String? {
    func isShare(_ value: Double) -> Bool { value >= 0 && value <= 1 }
    let variations = [
      ("rotation", rotation, -1e6...1e6), ("scale", scale, 0.01...100),
      ("shift", shift, -100...100),
      ("blur", blur, 0...100),
    ]
    for (name, variation, limits) in variations {
      guard let variation else { continue }
      guard isShare(variation.probability) else {
        return "the probability of \(name) is in 0 ... 1, not \(variation.probability)"
      }
      guard limits.contains(variation.bounds.lowerBound),
        limits.contains(variation.bounds.upperBound)
      else { return "the bounds of \(name) are in \(limits), not \(variation.bounds)" }
    }
    let shares = [
      ("the probability of a flip", flipProbability), ("brightness", brightness),
      ("contrast", contrast), ("channel gain", channelGain),
      ("the probability of half a body", halfBody?.probability ?? 0),
      ("the probability of the upper half", halfBody?.upperProbability ?? 0),
      ("the probability of erasing", erasing?.probability ?? 0),
      ("the least share that is erased", erasing?.area.lowerBound ?? 0),
      ("the greatest share that is erased", erasing?.area.upperBound ?? 0),
    ]
    for (name, value) in shares where !isShare(value) {
      return "\(name) is in 0 ... 1, not \(value)"
    }
    if let padding = halfBody?.padding, !(padding > 0 && padding <= 100) {
      return "the padding of half a body is positive and at most 100, not \(padding)"
    }
    return nil
  }

  /// What makes no sense for poses of a skeleton; nil where all does.
  public func problem(for skeleton: Skeleton) -> String? {
    if let problem { return problem }
    guard let upper = halfBody?.upperJoints else { return nil }
    guard upper.allSatisfy(skeleton.names.indices.contains), Set(upper).count == upper.count
    else { return "upper joints are different ones of the \(skeleton.count) joints, not \(upper)" }
    return nil
  }
}

extension Augmentation {
  /// Nothing is varied.
  public static let none = Augmentation()

  /// Mirrored, turned and scaled, for crops that were cut before: flip ½; ±40° with probability
  /// 0.6; content × 0.75 … 1.25; all uniform.
  public static let lspet = Augmentation {
    $0.flipProbability = 0.5
    $0.rotation = .uniform(-40...40, probability: 0.6)
    $0.scale = .uniform(0.75...1.25)
  }

  /// As in the code released with the paper for COCO: flip ½; ±45° with probability ½; crop ×
  /// 0.75 … 1.25; half of the body with probability 0.3 where at least four joints are labelled.
  ///
  /// The box of half a body is centred on the middle of its joints.
  public static let released = Augmentation {
    $0.flipProbability = 0.5
    $0.rotation = .uniform(-45...45, probability: 0.5)
    $0.scale = .uniform(0.75...1.25)
    $0.scaledPart = .crop
    // The released code compares a normal draw with ½: P(N(0, 1) < ½) = 0.69.
    $0.halfBody = HalfBody(probability: 0.3, minimumJoints: 4, upperProbability: 0.69)
  }

  /// As in mmpose's configurations for COCO: flip ½; half of the body with probability 0.3 from
  /// nine labelled joints on; crop × 0.5 … 1.5, ±80° with probability 0.6 and ±16 % shift with
  /// probability 0.3, these three truncated normal.
  public static let mmpose = Augmentation {
    $0.flipProbability = 0.5
    $0.rotation = .truncatedNormal(-80...80, probability: 0.6)
    $0.scale = .truncatedNormal(0.5...1.5)
    $0.scaledPart = .crop
    $0.shift = .truncatedNormal(-0.16...0.16, probability: 0.3)
    $0.halfBody = HalfBody(minimumJoints: 9)
  }

  /// A default for photographs of people: flip ½, turned, scaled, shifted, half bodies, colours,
  /// and now and then a rectangle erased.
  public static let standard = Augmentation {
    $0.flipProbability = 0.5
    $0.rotation = .truncatedNormal(-60...60, probability: 0.6)
    $0.scale = .truncatedNormal(0.65...1.35)
    $0.scaledPart = .crop
    $0.shift = .truncatedNormal(-0.1...0.1, probability: 0.5)
    $0.halfBody = HalfBody(minimumJoints: 9)
    $0.brightness = 0.15
    $0.contrast = 0.2
    $0.channelGain = 0.1
    $0.erasing = Erasing(probability: 0.25)
  }
}

extension Skeleton {
  /// Joints of the upper body by the words of their names.
  var upperBody: [Int] {
    let words: Set = [
      "head", "neck", "nose", "eye", "ear", "mouth", "chin", "jaw", "face", "thorax", "shoulder",
      "elbow", "wrist", "hand",
    ]
    return names.indices.filter { index in
      names[index].lowercased().split { !$0.isLetter }.contains { words.contains(String($0)) }
    }
  }
}
