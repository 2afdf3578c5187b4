/// All that defines a residual network but its weights.
public struct ResNetConfiguration: Hashable, Sendable, Codable {
  /// What a block is made of.
  public enum Block: String, Hashable, Sendable, Codable {
    /// Two 3 × 3 convolutions.
    case basic
    /// 1 × 1, 3 × 3, 1 × 1; the last makes four times as many channels.
    case bottleneck

    /// Channels that a block of width 1 makes.
    var expansion: Int { self == .basic ? 1 : 4 }
  }

  /// How images get smaller before the first stage.
  public enum Stem: String, Hashable, Sendable, Codable {
    /// A 7 × 7 convolution of stride 2 and max pooling of stride 2, for images of some 200 pixels.
    case standard
    /// A 3 × 3 convolution of stride 2, for crops of some 64 pixels; the first stage then has stride
    /// 2 as all others.
    case compact
  }

  /// How weights start.
  public enum Start: String, Hashable, Sendable, Codable {
    /// As torchvision's residual networks.
    case heNormal
    /// PyTorch's default of a convolution.
    case pyTorch
  }

  /// The channels of the images: 1 or 3.
  public var channels: Int
  /// The channels of the first stage, doubled from stage to stage.
  public var width: Int
  /// What a block is made of.
  public var block: Block
  /// The number of blocks in each stage.
  public var stages: [Int]
  /// How images get smaller before the first stage.
  public var stem: Stem
  /// How weights start.
  public var start: Start

  /// A network from its parts.
  public init(
    channels: Int = 3, width: Int = 64, block: Block, stages: [Int], stem: Stem = .standard,
    start: Start = .heNormal
  ) {
    self.channels = channels
    self.width = width
    self.block = block
    self.stages = stages
    self.stem = stem
    self.start = start
    if let problem { preconditionFailure(problem) }
  }

  /// What does not fit together; nil where all does.
  public var problem: String? {
    guard channels == 1 || channels == 3 else {
      return "a network takes images of 1 or 3 channels, not \(channels)"
    }
    guard (1...4_096).contains(width), (1...8).contains(stages.count),
      stages.allSatisfy({ (1...1_000).contains($0) })
    else {
      return "a network has a width of 1 to 4096 and 1 to 8 stages of 1 to 1000 blocks"
    }
    return nil
  }

  /// The number of features, that is of channels of the last stage.
  public var features: Int { (width << (stages.count - 1)) * block.expansion }

  /// By how much images get smaller: a multiple of it is used up to the last pixel.
  public var reduction: Int {
    stem == .standard ? 4 << (stages.count - 1) : 2 << stages.count
  }

  /// ResNet-18: 11.2 million weights.
  public static let resNet18 = ResNetConfiguration(block: .basic, stages: [2, 2, 2, 2])
  /// ResNet-34: 21.3 million weights.
  public static let resNet34 = ResNetConfiguration(block: .basic, stages: [3, 4, 6, 3])
  /// ResNet-50: 23.5 million weights.
  public static let resNet50 = ResNetConfiguration(block: .bottleneck, stages: [3, 4, 6, 3])
  /// ResNet-101: 42.5 million weights.
  public static let resNet101 = ResNetConfiguration(block: .bottleneck, stages: [3, 4, 23, 3])
  /// ResNet-152: 58.1 million weights.
  public static let resNet152 = ResNetConfiguration(block: .bottleneck, stages: [3, 8, 36, 3])
  /// A network for crops of some 64 grey pixels: 2.8 million weights at width 32.
  public static let compact = ResNetConfiguration(
    channels: 1, width: 32, block: .basic, stages: [2, 2, 2, 2], stem: .compact, start: .pyTorch)

  /// The networks by the names that the command line takes.
  public static let presets: [(name: String, configuration: ResNetConfiguration)] = [
    ("compact", .compact), ("resnet18", .resNet18), ("resnet34", .resNet34),
    ("resnet50", .resNet50), ("resnet101", .resNet101), ("resnet152", .resNet152),
  ]
}
