internal import CFlowKernels

/// Student's t density with independent columns: tails that fall like a power of x.
///
/// log p(x) = Σ_d [log Γ((ν_d + 1)/2) − log Γ(ν_d/2) − ½ log(π ν_d) − log s_d
/// − ½(ν_d + 1) log(1 + z_d²/ν_d)] with z = (x − μ)/s. A column has a mean where ν > 1 and a variance,
/// s²ν/(ν − 2), where ν > 2; ν = 1 is the Cauchy density.
public struct StudentT<Scalar: TensorScalar>: ColumnwiseDistribution {
  /// All that defines the density but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// Whether location and scale are trained.
    public var isLearnable: Bool
    /// Whether the degrees of freedom are trained as well.
    public var learnsDegreesOfFreedom: Bool
  }

  private var parameters: LocationScale<Scalar>
  private var logDegreesOfFreedom: Tensor<Scalar>
  private let learnsDegreesOfFreedom: Bool

  /// A density from its parameters, `[dimension]` each.
  ///
  /// - Parameters:
  ///   - location: the medians μ.
  ///   - scale: the scales s, all positive.
  ///   - degreesOfFreedom: the powers ν of the tails, all positive.
  ///   - isLearnable: whether the parameters are trained; scale and degrees of freedom are by their
  ///     logarithms.
  ///   - learnsDegreesOfFreedom: whether ν is trained; as `isLearnable` where nil. Where it is,
  ///     draws are constants, through which no derivative flows.
  public init(
    location: Tensor<Scalar>, scale: Tensor<Scalar>, degreesOfFreedom: Tensor<Scalar>,
    isLearnable: Bool = false, learnsDegreesOfFreedom: Bool? = nil
  ) {
    ColumnDensity.check([
      ("location", location), ("scale", scale), ("degrees of freedom", degreesOfFreedom),
    ])
    parameters = LocationScale(location: location, scale: scale, isLearnable: isLearnable)
    logDegreesOfFreedom = ColumnDensity.logarithm("number of degrees of freedom", degreesOfFreedom)
    self.learnsDegreesOfFreedom = learnsDegreesOfFreedom ?? isLearnable
  }

  /// Location 0, scale 1 and the same degrees of freedom in every column.
  public init(
    dimension: Int, degreesOfFreedom: Scalar, isLearnable: Bool = false,
    learnsDegreesOfFreedom: Bool? = nil
  ) {
    self.init(
      location: .zeros([dimension]), scale: .ones([dimension]),
      degreesOfFreedom: Tensor(repeating: degreesOfFreedom, shape: [dimension]),
      isLearnable: isLearnable, learnsDegreesOfFreedom: learnsDegreesOfFreedom)
  }

  /// The number of columns.
  public var dimension: Int { parameters.location.count }
  /// The medians μ, `[dimension]`.
  public var location: Tensor<Scalar> { parameters.location }
  /// The scales s, `[dimension]`.
  public var scale: Tensor<Scalar> { exp(parameters.logScale) }
  /// The degrees of freedom ν, `[dimension]`.
  public var degreesOfFreedom: Tensor<Scalar> { exp(logDegreesOfFreedom) }
  /// All that defines the density but its tensors.
  public var configuration: Configuration {
    Configuration(
      dimension: dimension, isLearnable: parameters.isLearnable,
      learnsDegreesOfFreedom: learnsDegreesOfFreedom)
  }

  /// False where the degrees of freedom are trained.
  public var isReparameterized: Bool { !learnsDegreesOfFreedom }

  /// The log-density at the medians.
  public var logDensityBound: Double? {
    zip(degreesOfFreedom.scalars, parameters.logScale.scalars).reduce(0) {
      $0 + fk_student_constant(Double($1.0)) - Double($1.1)
    }
  }

  private var columns: ColumnDensity<Scalar> {
    ColumnDensity(
      FK_STUDENT_T, [parameters.location, parameters.logScale, logDegreesOfFreedom])
  }

  /// log p(x) of each row, in nats.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    return columns.logDensity(of: x)
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let noise = Tensor.studentT(
      [count, dimension], degreesOfFreedom: degreesOfFreedom, using: &generator)
    let moved = parameters.moved(noise)
    let samples = isReparameterized ? moved : moved.detached
    return (samples, logDensity(of: samples, context: nil))
  }

  /// F_d(x_d) of each scalar.
  public func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    columns.cumulativeProbability(of: x)
  }

  /// The place below which a share p of each column lies.
  public func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar> {
    columns.quantile(of: probability)
  }

  /// Shows location, log-scale and log degrees of freedom, as state where they are fixed.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    parameters.visitParameters(&visitor)
    visitor.visit(
      "logDegreesOfFreedom", &logDegreesOfFreedom, isLearnable: learnsDegreesOfFreedom)
  }
}
