import Flows

/// A residual network: images `[n, height, width, channels]` → features `[n, features]`.
///
/// Names and layout are torchvision's without the classifier: `conv1`, `bn1`, `layer1.0.conv1`, …
///
/// ```swift
/// let network = ResNet<Float>(.resNet18, using: &generator)
/// let features = network(images)              // running averages
/// let fast = network.folded                   // the same map without normalisations
/// ```
///
/// Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016.
public struct ResNet<Scalar: TensorScalar>: Parameterized {
  /// All that defines the network but its weights.
  public let configuration: ResNetConfiguration
  /// The first convolution.
  public var stem: ConvolutionUnit<Scalar>
  /// The blocks of each stage.
  public var stages: [[ResidualBlock<Scalar>]]

  /// A network with fresh weights.
  public init(_ configuration: ResNetConfiguration, using generator: inout PhiloxGenerator) {
    if let problem = configuration.problem { preconditionFailure(problem) }
    let start: Convolution<Scalar>.Start = configuration.start == .pyTorch ? .pyTorch : .heNormal
    self.configuration = configuration
    let isStandard = configuration.stem == .standard
    stem = ConvolutionUnit(
      configuration.channels, configuration.width, kernel: isStandard ? 7 : 3, stride: 2,
      start: start, using: &generator)
    var inputs = configuration.width
    stages = []
    for (index, count) in configuration.stages.enumerated() {
      let width = configuration.width << index
      var blocks: [ResidualBlock<Scalar>] = []
      for place in 0..<count {
        let shrinks = place == 0 && (index > 0 || !isStandard)
        blocks.append(
          ResidualBlock(
            configuration.block, inputs: inputs, width: width, stride: shrinks ? 2 : 1,
            start: start, using: &generator))
        inputs = width * configuration.block.expansion
      }
      stages.append(blocks)
    }
  }

  /// The features of images `[n, height, width, channels]`: the mean of ``map(_:statistics:)`` over all
  /// places, `[n, features]`.
  ///
  /// - Parameters:
  ///   - images: as ``ImageInput`` makes them.
  ///   - statistics: in training, where the normalisations' means and variances are collected; nil for
  ///     their running averages.
  public func callAsFunction(
    _ images: Tensor<Scalar>, statistics: BatchStatistics<Scalar>? = nil
  ) -> Tensor<Scalar> {
    map(images, statistics: statistics).globallyAveraged()
  }

  /// What the last stage makes of images, `[n, height / reduction, width / reduction, features]`.
  public func map(_ images: Tensor<Scalar>, statistics: BatchStatistics<Scalar>? = nil) -> Tensor<
    Scalar
  > {
    precondition(
      images.rank == 4 && images.shape[3] == configuration.channels,
      "this network takes images [n, height, width, \(configuration.channels)]; got the shape "
        + "\(images.shape)")
    var x = stem(images, statistics: statistics)
    if configuration.stem == .standard {
      x = x.maxPooled(ConvolutionGeometry(kernel: 3, stride: 2, padding: 1))
    }
    for block in stages.joined() { x = block(x, statistics: statistics) }
    return x
  }

  /// The same map outside of training, with normalisations folded into convolutions; not to be trained.
  public var folded: ResNet {
    var copy = self
    copy.stem = stem.folded
    copy.stages = stages.map { $0.map(\.folded) }
    return copy
  }

  /// Shows all layers under torchvision's names.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    stem.visit(&visitor, "conv1", "bn1")
    for stage in stages.indices {
      visitor.enter("layer\(stage + 1)")
      for block in stages[stage].indices { visitor.visit("\(block)", &stages[stage][block]) }
      visitor.leave()
    }
  }
}
