/// Normalises each column by running statistics, then scales and shifts it, invertibly.
///
/// Toward latent z = (x − m) / √(v + ε) · exp(logScale) + shift, log |det J| = Σ (logScale − ½ log(v + ε)),
/// with a running mean m and variance v of the rows at the data side (Dinh et al., RealNVP, ICLR 2017,
/// section 3.7; Papamakarios et al., MAF, NeurIPS 2017, appendix).
///
/// Unlike batch normalisation in networks, m and v are constants within a step, in both directions: the
/// inverse is exact, a row's density does not depend on other rows, and training equals evaluation.
/// They are set by the first data, and between the steps of a fit by maximum likelihood they follow
/// the rows of the batch: m += momentum · (mean − m), v likewise. They are saved with the layer. Within an
/// ``Inverted`` flow, a mixture or a product, and in fits by reverse KL, they stay as the first data set them.
public struct BatchNormalizationFlow<Scalar: TensorScalar>: Flow {
  /// All that defines the layer but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// ε, what is added to the variance.
    public var epsilon: Double
    /// The share of the newest batch in the running statistics.
    public var momentum: Double
  }

  /// All that defines the layer but its tensors.
  public let configuration: Configuration
  /// log of the scale, `[dimension]`.
  public var logScale: Tensor<Scalar>
  /// The shift, `[dimension]`.
  public var shift: Tensor<Scalar>
  /// m, `[dimension]`.
  public private(set) var runningMean: Tensor<Scalar>
  /// v, `[dimension]`.
  public private(set) var runningVariance: Tensor<Scalar>
  private var initialized: Tensor<Scalar>

  /// A layer with mean 0 and variance 1, until it sees data.
  public init(dimension: Int, epsilon: Double = 1e-5, momentum: Double = 0.1) {
    self.init(Configuration(dimension: dimension, epsilon: epsilon, momentum: momentum))
  }

  private init(_ configuration: Configuration) {
    precondition(
      configuration.dimension > 0,
      "a normalisation maps at least one column; got \(configuration.dimension)")
    precondition(
      configuration.epsilon > 0 && configuration.epsilon.isFinite,
      "what is added to the variance is positive; got \(configuration.epsilon)")
    precondition(
      (0...1).contains(configuration.momentum),
      "the share of the newest batch is from 0 to 1; got \(configuration.momentum)")
    self.configuration = configuration
    logScale = .zeros([configuration.dimension])
    shift = .zeros([configuration.dimension])
    runningMean = .zeros([configuration.dimension])
    runningVariance = .ones([configuration.dimension])
    initialized = .zeros([1])
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// Always: within a step the statistics are constants.
  public var hasConstantLogDet: Bool { true }
  /// Always.
  public var hasRunningStatistics: Bool { true }
  /// True once data have set the statistics.
  public var isInitialized: Bool { initialized.scalar != 0 }

  /// log of exp(logScale) / √(v + ε).
  private var logFactor: Tensor<Scalar> {
    logScale - log(runningVariance + Scalar(configuration.epsilon)) * 0.5
  }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    let logFactor = logFactor
    return Transformed(
      value: (z - shift) * exp(-logFactor) + runningMean,
      logDet: (-logFactor.sum()).broadcast(to: Shape(z.storage.shape[0])))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    let logFactor = logFactor
    return Transformed(
      value: (x - runningMean) * exp(logFactor) + shift,
      logDet: logFactor.sum().broadcast(to: Shape(x.storage.shape[0])))
  }

  /// Sets the statistics from the first data seen; later calls change nothing.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    guard !isInitialized, let (mean, variance) = moments(of: x) else { return }
    (runningMean, runningVariance, initialized) = (mean, variance, .ones([1]))
  }

  /// The same from latent rows, so that those at the data side have mean 0 and variance 1.
  public mutating func prepareInverted(with z: Tensor<Scalar>, context: Tensor<Scalar>?) {
    guard !isInitialized, let (mean, variance) = moments(of: (z - shift) * exp(-logScale)) else {
      return
    }
    let epsilon = Tensor(Scalar(configuration.epsilon))
    runningVariance = .maximum(1 / (variance + epsilon) - epsilon, Tensor(0))
    runningMean = -mean * sqrt(runningVariance + epsilon)
    initialized = .ones([1])
  }

  /// Lets the statistics follow rows of the data side; the first ones set them.
  public mutating func updateStatistics(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    guard isInitialized else { return prepare(with: x, context: context) }
    guard let (mean, variance) = moments(of: x) else { return }
    let share = Scalar(configuration.momentum)
    runningMean += (mean - runningMean) * share
    runningVariance += (variance - runningVariance) * share
  }

  /// Mean and variance of the columns; nil for a single row, which has no variance, and for rows that
  /// are not finite.
  private func moments(of rows: Tensor<Scalar>) -> (mean: Tensor<Scalar>, variance: Tensor<Scalar>)?
  {
    guard rows.storage.shape[0] > 1 else { return nil }
    let (mean, variance) = (rows.mean(axis: 0).detached, rows.variance(axis: 0).detached)
    return mean.isFinite && variance.isFinite ? (mean, variance) : nil
  }

  /// Shows scale and shift, and as state the statistics and whether data have set them.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("logScale", &logScale)
    visitor.visit("shift", &shift)
    visitor.visit("runningMean", state: &runningMean)
    visitor.visit("runningVariance", state: &runningVariance)
    visitor.visit("initialized", state: &initialized)
  }
}

extension BatchNormalizationFlow.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try requireConfiguration(
      epsilon > 0 && epsilon.isFinite, "expected a positive number, got \(epsilon)",
      field: "epsilon")
    try requireConfiguration(
      (0...1).contains(momentum), "expected a share from 0 to 1, got \(momentum)",
      field: "momentum")
  }
  var scalarCount: Int { 4 * dimension + 1 }
}

extension BatchNormalizationFlow: StorableFlow {
  /// `BatchNormalizationFlow`.
  public static var identifier: String { "BatchNormalizationFlow" }

  /// A layer with mean 0 and variance 1.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(configuration)
  }
}
