import Flows

/// Some convolutions and a way around them: relu(F(x) + x), or relu(F(x) + P(x)) where the shape changes.
///
/// F is two 3 × 3 convolutions, or 1 × 1, 3 × 3, 1 × 1 with the stride on the 3 × 3, as in torchvision
/// ("ResNet v1.5"). P is a 1 × 1 convolution.
///
/// Source: He et al., Deep Residual Learning for Image Recognition, CVPR 2016.
public struct ResidualBlock<Scalar: TensorScalar>: Parameterized {
  /// F; the last unit adds the way around and then activates.
  public var units: [ConvolutionUnit<Scalar>]
  /// P; nil where the way around is x itself.
  public var projection: ConvolutionUnit<Scalar>?

  init(
    _ kind: ResNetConfiguration.Block, inputs: Int, width: Int, stride: Int,
    start: Convolution<Scalar>.Start, using generator: inout PhiloxGenerator
  ) {
    let outputs = width * kind.expansion
    switch kind {
    case .basic:
      units = [
        ConvolutionUnit(inputs, width, kernel: 3, stride: stride, start: start, using: &generator),
        ConvolutionUnit(width, outputs, kernel: 3, start: start, using: &generator),
      ]
    case .bottleneck:
      units = [
        ConvolutionUnit(inputs, width, kernel: 1, start: start, using: &generator),
        ConvolutionUnit(width, width, kernel: 3, stride: stride, start: start, using: &generator),
        ConvolutionUnit(width, outputs, kernel: 1, start: start, using: &generator),
      ]
    }
    projection =
      stride != 1 || inputs != outputs
      ? ConvolutionUnit(
        inputs, outputs, kernel: 1, stride: stride, activation: .identity, start: start,
        using: &generator) : nil
  }

  /// Images → images.
  public func callAsFunction(_ x: Tensor<Scalar>, statistics: BatchStatistics<Scalar>? = nil)
    -> Tensor<Scalar>
  {
    var y = x
    for unit in units.dropLast() { y = unit(y, statistics: statistics) }
    let around = projection?(x, statistics: statistics) ?? x
    return units.last.map { $0(y, residual: around, statistics: statistics) } ?? around
  }

  /// The same map outside of training, with normalisations folded into convolutions.
  public var folded: ResidualBlock {
    var copy = self
    copy.units = units.map(\.folded)
    copy.projection = projection?.folded
    return copy
  }

  /// Shows the convolutions and normalisations under torchvision's names.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    for index in units.indices {
      units[index].visit(&visitor, "conv\(index + 1)", "bn\(index + 1)")
    }
    if var unit = projection {
      projection = nil
      visitor.enter("downsample")
      unit.visit(&visitor, "0", "1")
      visitor.leave()
      projection = unit
    }
  }
}
