/// The logit of dequantised levels: z = logit(α + (1 − 2α) x / levels), for x in [0, levels).
///
/// As in RealNVP (Dinh et al., ICLR 2017, section 4.1) and MAF (Papamakarios et al., 2017, appendix
/// D), where α keeps the logit bounded: 0.05 and 1e-6. Its log |det J| is that of the whole map with x
/// in levels, so that log p(x) + 0 is already the density per level; see ``bitsPerDimension(logDensity:dimension:levelsPerUnit:)``.
/// As a map onto ℝ its data side is a little wider than [0, levels]: by levels · α / (1 − 2α) at each
/// end.
public struct LogitMap<Scalar: TensorScalar>: DataSideMap {
  /// All that defines the map.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// What the first level is kept from 0 by.
    public var alpha: Double
    /// The number of levels.
    public var levels: Int
  }

  /// All that defines the map.
  public let configuration: Configuration
  private let low: Tensor<Scalar>
  private let high: Tensor<Scalar>

  /// A map of columns with values in [0, levels).
  ///
  /// - Parameters:
  ///   - dimension: the number of columns.
  ///   - alpha: what the first level is kept from 0 by, in (0, ½).
  ///   - levels: the number of levels: 2ᵇ for b bits.
  public init(dimension: Int, alpha: Double = 0.05, levels: Int = 256) {
    let configuration = Configuration(dimension: dimension, alpha: alpha, levels: levels)
    let problem = configuration.problem
    precondition(problem == nil, problem?.message ?? "")
    self.configuration = configuration
    let (reach, count) = (alpha / (1 - 2 * alpha), Double(levels))
    low = Tensor(repeating: Scalar(-reach * count), shape: [dimension])
    high = Tensor(repeating: Scalar((1 + reach) * count), shape: [dimension])
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The interval that α widens [0, levels] to.
  public var support: [Support] {
    Array(repeating: .interval(Double(low[0]), Double(high[0])), count: dimension)
  }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    let (x, slope, _) = SupportMap<Scalar>.logistic(z, low, high)
    return Transformed(value: x, logDet: slope.map { $0.sum(axis: 1) } ?? .zeros([z.shape[0]]))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    let (z, slope, mask) = SupportMap<Scalar>.logit(x, low, high)
    let logDet = slope.map { $0.sum(axis: 1) } ?? .zeros([x.shape[0]])
    return Transformed(value: z, logDet: mask.map { outside($0, logDet) } ?? logDet)
  }

  /// Has no tensors.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {}
}

/// Bits for each dimension of discrete data, −log₂ P / D, from a log-density in nats.
///
/// The probability of a cell is the density times its volume, so that
/// bits = −(log p − D log L) / (D log 2), where L is the number of levels in a unit of the data: 1
/// where data are levels 0, 1, 2, …, and 256 where levels were divided by 256. A uniform density over
/// 256 levels has 8 bits. Map data through a ``LogitMap`` *inside* of the flow, so that log p is the
/// density of the data and contains the map's log |det J|.
///
/// - Parameters:
///   - logDensity: log p of rows, or their mean, in nats; of dequantised data, or a bound.
///   - dimension: the number of columns.
///   - levelsPerUnit: L.
public func bitsPerDimension(logDensity: Double, dimension: Int, levelsPerUnit: Double = 1)
  -> Double
{
  precondition(
    dimension > 0 && levelsPerUnit > 0 && levelsPerUnit.isFinite,
    "bits per dimension need columns and levels; got \(dimension) and \(levelsPerUnit)")
  let total = logDensity - Double(dimension) * logarithm(levelsPerUnit)
  return -total / (Double(dimension) * logarithm(2))
}

extension LogitMap.Configuration: CheckedConfiguration {
  fileprivate var problem: (message: String, field: String)? {
    if dimension < 1 { return ("expected at least 1 column, got \(dimension)", "dimension") }
    if !(alpha > 0 && alpha < 0.5) {
      return ("expected a number between 0 and 0.5, got \(alpha)", "alpha")
    }
    if !(2...1 << 24).contains(levels) {
      return ("expected 2 to 16777216 levels, got \(levels)", "levels")
    }
    return nil
  }

  func validate() throws {
    try validateColumns(dimension)
    if let problem { try requireConfiguration(false, problem.message, field: problem.field) }
  }
  var scalarCount: Int { dimension }
}

extension LogitMap: StorableFlow {
  /// `LogitMap`.
  public static var identifier: String { "LogitMap" }

  /// The map of a configuration.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(
      dimension: configuration.dimension, alpha: configuration.alpha, levels: configuration.levels)
  }
}
