/// The Gaussian density with a full covariance matrix Σ = L·Lᵀ.
///
/// log p(x) = −½ |L⁻¹(x − μ)|² − Σ_d log L_dd − ½ D log 2π, with L the lower Cholesky factor. L is
/// inverted once for a batch, which then is one matrix product.
public struct MultivariateGaussian<Scalar: TensorScalar>: Distribution {
  /// All that defines the density but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// Whether mean and factor are trained.
    public var isLearnable: Bool
  }

  /// The means, `[dimension]`.
  public private(set) var mean: Tensor<Scalar>
  /// The logarithms of the diagonal of L, then what is below it, row by row.
  private var packedFactor: Tensor<Scalar>
  private let isLearnable: Bool
  /// Where the scalars of the packed factor stand in L.
  private let places: [Int]

  /// A density from its means and the lower Cholesky factor of its covariance.
  ///
  /// - Parameters:
  ///   - mean: the means μ, `[dimension]`.
  ///   - factor: L `[dimension, dimension]`, with a positive diagonal and zeros above it.
  ///   - isLearnable: whether both are trained; the diagonal of L is by its logarithm.
  public init(mean: Tensor<Scalar>, factor: Tensor<Scalar>, isLearnable: Bool = false) {
    let n = mean.count
    precondition(
      mean.rank == 1 && n > 0 && factor.shape == [n, n],
      "a Gaussian of \(n) columns has the means [\(n)] and the factor [\(n), \(n)]; got the shapes "
        + "\(mean.shape), \(factor.shape)")
    let below = (0..<n).flatMap { row in (0..<row).map { row * n + $0 } }
    places = (0..<n).map { $0 * n + $0 } + below
    let diagonal = places.prefix(n).map { factor.scalars[$0] }
    precondition(
      factor.isFinite && diagonal.allSatisfy { $0 > 0 },
      "the factor of a Gaussian is finite, with a positive diagonal; got the diagonal \(diagonal)")
    let scalars = factor.scalars
    precondition(
      scalars.indices.allSatisfy { $0 % n <= $0 / n || scalars[$0] == 0 },
      "the factor of a Gaussian is lower triangular: zero above its diagonal")
    self.mean = mean
    self.isLearnable = isLearnable
    packedFactor = .concatenated([log(Tensor(diagonal)), Tensor(below.map { scalars[$0] })])
  }

  /// A density from its means and its covariance.
  ///
  /// - Parameters:
  ///   - mean: the means μ, `[dimension]`.
  ///   - covariance: Σ `[dimension, dimension]`, symmetric and positive definite.
  ///   - isLearnable: whether both are trained.
  /// - Throws: ``FlowsError`` where the covariance is not symmetric or not positive definite.
  public init(mean: Tensor<Scalar>, covariance: Tensor<Scalar>, isLearnable: Bool = false) throws {
    let n = mean.count
    func require(_ condition: Bool, _ message: @autoclosure () -> String) throws {
      if !condition {
        throw FlowsError(.invalidConfiguration, message(), field: "covariance")
      }
    }
    try require(
      mean.rank == 1 && n > 0 && covariance.shape == [n, n],
      "a Gaussian of \(n) columns has the means [\(n)] and the covariance [\(n), \(n)]; got the "
        + "shapes \(mean.shape), \(covariance.shape)")
    try require(covariance.isFinite && mean.isFinite, "means and covariances are finite numbers")
    let largest = Scalar(abs(covariance).flattened().max(axis: 0).scalar)
    let asymmetry = abs(covariance - covariance.transposed()).flattened().max(axis: 0).scalar
    try require(
      asymmetry <= largest * Scalar.ulpOfOne.squareRoot(),
      "a covariance is symmetric; entries that ought to be equal differ by \(asymmetry)")
    guard let factor = covariance.choleskyFactor() else {
      throw FlowsError(
        .invalidConfiguration, "the covariance is not positive definite", field: "covariance")
    }
    self.init(mean: mean, factor: factor, isLearnable: isLearnable)
  }

  /// The standard density: means 0 and the unit matrix as covariance.
  public init(dimension: Int, isLearnable: Bool = false) {
    self.init(mean: .zeros([dimension]), factor: .identity(dimension), isLearnable: isLearnable)
  }

  /// The number of columns.
  public var dimension: Int { mean.count }
  /// All that defines the density but its tensors.
  public var configuration: Configuration {
    Configuration(dimension: dimension, isLearnable: isLearnable)
  }
  /// The lower Cholesky factor L of the covariance, `[dimension, dimension]`.
  public var factor: Tensor<Scalar> {
    let (n, all) = (dimension, packedFactor.count)
    let unpacked = Tensor.concatenated([exp(logDiagonal), packedFactor[rows: n..<all]])
    return unpacked.scattering(places, axis: 0, count: n * n).reshaped(to: [n, n])
  }
  /// The covariance Σ = L·Lᵀ, `[dimension, dimension]`.
  public var covariance: Tensor<Scalar> { factor.matmul(factor.transposed()) }

  private var logDiagonal: Tensor<Scalar> { packedFactor[rows: 0..<dimension] }

  /// The log-density at the means.
  public var logDensityBound: Double? {
    logDiagonal.scalars.reduce(0) { $0 + LocationScaleFamily.gaussian.logPeak - Double($1) }
  }

  /// log p(x) of each row, in nats.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    let whitened = (x - mean).matmul(factor.inverseOfLowerTriangle().transposed())
    let peak = Scalar(LocationScaleFamily.gaussian.logPeak * Double(dimension))
    return whitened.squared().sum(axis: 1) * -0.5 - (logDiagonal.sum() - peak)
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let noise = Tensor<Scalar>.normal([count, dimension], using: &generator)
    let samples = noise.matmul(factor.transposed()) + mean
    return (samples, logDensity(of: samples, context: nil))
  }

  /// Shows means and packed factor, as state where they are fixed.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("mean", &mean, isLearnable: isLearnable)
    visitor.visit("packedFactor", &packedFactor, isLearnable: isLearnable)
  }
}
