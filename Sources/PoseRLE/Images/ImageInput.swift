/// What a network for images takes: the size of its crops, and how bytes become numbers.
///
/// A channel of value b becomes (b / 255 − mean) / deviation. Where an image has other channels than
/// the network, grey is repeated, and colour becomes 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).
public struct ImageInput: Hashable, Sendable, Codable {
  /// Width and height of the crop.
  public var size: CropSize
  /// 1 for grey, 3 for red, green, blue.
  public var channels: Int
  /// What is subtracted from each channel, of 0 … 1.
  public var mean: [Double]
  /// What each channel is then divided by.
  public var deviation: [Double]

  /// An input from its parts.
  ///
  /// - Precondition: there are 1 or 3 channels, with a mean and a positive deviation for each.
  public init(size: CropSize, channels: Int, mean: [Double], deviation: [Double]) {
    self.size = size
    self.channels = channels
    self.mean = mean
    self.deviation = deviation
    if let problem { preconditionFailure(problem) }
  }

  /// What does not fit together; nil where all does.
  var problem: String? {
    guard channels == 1 || channels == 3 else { return "an image has 1 or 3 channels" }
    guard mean.count == channels, deviation.count == channels,
      mean.allSatisfy(\.isFinite), deviation.allSatisfy({ $0.isFinite && $0 > 0 })
    else { return "each channel has a finite mean and a positive deviation" }
    return nil
  }

  /// Grey, (b / 255 − 0.45) / 0.25.
  public static func gray(_ size: CropSize) -> ImageInput {
    ImageInput(size: size, channels: 1, mean: [0.45], deviation: [0.25])
  }

  /// Colour with the mean and deviation of ImageNet, as torchvision's and mmpose's models expect.
  public static func imageNet(_ size: CropSize = .standard) -> ImageInput {
    ImageInput(
      size: size, channels: 3, mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])
  }

  /// Colour as in the code released with the paper: ImageNet's means in the order blue, green, red
  /// on channels in the order red, green, blue, and no deviation.
  public static func released(_ size: CropSize = .standard) -> ImageInput {
    ImageInput(size: size, channels: 3, mean: [0.406, 0.457, 0.480], deviation: [1, 1, 1])
  }
}
