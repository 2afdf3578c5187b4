import Flows
import PoseRLE

/// A residual network that is timed, and the images that it sees.
struct ImageNetwork: Sendable {
  let name: String
  let configuration: ResNetConfiguration
  let size: CropSize
  let batch: Int
  let skeleton: Skeleton

  static let all = [
    ImageNetwork(
      name: "ResNet-18", configuration: .resNet18, size: .standard, batch: 8, skeleton: .coco17),
    ImageNetwork(
      name: "ResNet-50", configuration: .resNet50, size: .standard, batch: 8, skeleton: .coco17),
    compact,
  ]

  static let compact = ImageNetwork(
    name: "compact", configuration: .compact, size: CropSize(width: 64, height: 64), batch: 64,
    skeleton: .lsp14)

  /// Mean and scale of each joint along each axis.
  var outputs: Int { 4 * skeleton.count }

  /// Noise, which costs what pictures cost.
  func images(using generator: inout PhiloxGenerator) -> Tensor<Float> {
    .normal([batch, size.height, size.width, configuration.channels], using: &generator)
  }

  /// Floating-point operations of a forward pass for one image, as published: those of convolutions and
  /// of the last layer, a multiply-add being two.
  var forwardOperations: Double {
    var (height, width) = (size.height, size.width)
    var operations = 0.0
    func shrink(_ stride: Int) {
      height = (height - 1) / stride + 1
      width = (width - 1) / stride + 1
    }
    func add(_ inputs: Int, _ outputs: Int, kernel: Int) {
      operations += 2 * Double(height * width) * Double(kernel * kernel * inputs * outputs)
    }
    let isStandard = configuration.stem == .standard
    shrink(2)
    add(configuration.channels, configuration.width, kernel: isStandard ? 7 : 3)
    if isStandard { shrink(2) }
    var inputs = configuration.width
    for (stage, blocks) in configuration.stages.enumerated() {
      let channels = configuration.width << stage
      for block in 0..<blocks {
        let stride = block == 0 && (stage > 0 || !isStandard) ? 2 : 1
        let isBottleneck = configuration.block == .bottleneck
        let features = isBottleneck ? 4 * channels : channels
        if isBottleneck { add(inputs, channels, kernel: 1) }
        shrink(stride)
        add(isBottleneck ? channels : inputs, channels, kernel: 3)
        add(channels, features, kernel: isBottleneck ? 1 : 3)
        if stride > 1 || inputs != features { add(inputs, features, kernel: 1) }
        inputs = features
      }
    }
    return operations + 2 * Double(inputs * outputs)
  }
}

/// A residual network and one linear layer.
struct ImageRegressor: Parameterized {
  typealias Scalar = Float
  var backbone: ResNet<Float>
  var head: Linear<Float>

  init(_ network: ImageNetwork, using generator: inout PhiloxGenerator) {
    backbone = ResNet(network.configuration, using: &generator)
    head = Linear(
      inputs: network.configuration.features, outputs: network.outputs, using: &generator)
  }

  func callAsFunction(_ images: Tensor<Float>, statistics: BatchStatistics<Float>? = nil)
    -> Tensor<Float>
  {
    head(backbone(images, statistics: statistics))
  }

  mutating func visitParameters<V: ParameterVisitor<Float>>(_ visitor: inout V) {
    visitor.visit("backbone", &backbone)
    visitor.visit("head", &head)
  }
}
