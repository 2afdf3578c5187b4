internal import CFlowKernels

/// The Laplace density with independent columns.
///
/// log p(x) = −Σ_d [|x_d − μ_d|/b_d + log 2b_d]; the standard deviation of a column is √2·b_d.
public struct Laplace<Scalar: TensorScalar>: Distribution {
  private var parameters: LocationScale<Scalar>

  /// A density from its medians and scales b, `[dimension]` each.
  ///
  /// - Parameters:
  ///   - location: the medians.
  ///   - scale: the scales b, all positive.
  ///   - isLearnable: whether both are trained; the scale is trained by its logarithm.
  public init(location: Tensor<Scalar>, scale: Tensor<Scalar>, isLearnable: Bool = false) {
    parameters = LocationScale(location: location, scale: scale, isLearnable: isLearnable)
  }

  /// The standard density: location 0 and scale 1 in every column.
  public init(dimension: Int, isLearnable: Bool = false) {
    self.init(
      location: .zeros([dimension]), scale: .ones([dimension]), isLearnable: isLearnable)
  }

  /// The number of columns.
  public var dimension: Int { parameters.location.count }
  /// The medians, `[dimension]`.
  public var location: Tensor<Scalar> { parameters.location }
  /// The scales b, `[dimension]`.
  public var scale: Tensor<Scalar> { exp(parameters.logScale) }
  /// All that defines the density but its tensors.
  public var configuration: LocationScaleConfiguration {
    LocationScaleConfiguration(dimension: dimension, isLearnable: parameters.isLearnable)
  }

  /// log p(x) of each row, in nats.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    return locationScaleLogDensity(
      FK_LAPLACE, x, location: parameters.location, logScale: parameters.logScale)
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let samples = parameters.moved(.laplace([count, dimension], using: &generator))
    return (samples, logDensity(of: samples, context: nil))
  }

  /// Shows location and log-scale, as state where they are fixed.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    parameters.visit(&visitor)
  }
}
