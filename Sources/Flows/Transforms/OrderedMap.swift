/// Columns in increasing order: x₀ = z₀ and xₖ = xₖ₋₁ + log(1 + e^zₖ).
///
/// log |det ∂x/∂z| = Σₖ log σ(zₖ) over k ≥ 1. Increments are softplus rather than eᶻ, which is finite
/// far out and of bounded slope. They are no less than what can be told from xₖ₋₁, so that rows increase
/// strictly in floating point too; where a row does not increase the inverse has log |det J| = −∞ with
/// a gradient of zero. To use other units than 1 for the increments, put a ``Standardization`` with one
/// positive scale behind it.
public struct OrderedMap<Scalar: TensorScalar>: DataSideMap, RowConstrained {
  /// All that defines the map.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
  }

  /// The number of columns.
  public let dimension: Int

  /// A map onto increasing columns.
  public init(dimension: Int) {
    precondition(dimension > 0, "an ordered map has at least one column; got \(dimension)")
    self.dimension = dimension
  }

  /// All that defines the map.
  public var configuration: Configuration { Configuration(dimension: dimension) }
  /// Where there is but one column.
  public var hasConstantLogDet: Bool { dimension == 1 }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    var columns = [z.slice(0..<1, axis: 1)]
    for k in 1..<Swift.max(1, dimension) {
      let last = columns[k - 1]
      // Twice the distance of neighbours there, so that the sum cannot round to `last`.
      let least = Tensor.maximum(abs(last.detached) * (2 * Scalar.ulpOfOne), Tensor(Self.least))
      columns.append(last + Tensor.maximum(least, softplus(z.slice(k..<k + 1, axis: 1))))
    }
    let logDet =
      dimension == 1
      ? Tensor<Scalar>.zeros([z.storage.shape[0]])
      : logSigmoid(z.slice(1..<dimension, axis: 1)).sum(axis: 1)
    return Transformed(value: .concatenated(columns, axis: 1), logDet: logDet)
  }

  private static var least: Scalar { 4 * Scalar.leastNormalMagnitude }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    guard dimension > 1 else {
      return Transformed(value: x, logDet: .zeros([x.storage.shape[0]]))
    }
    let first = x.slice(0..<1, axis: 1)
    let steps = x.slice(1..<dimension, axis: 1) - x.slice(0..<dimension - 1, axis: 1)
    let (z, slope, mask) = SupportMap<Scalar>.inverseSoftplus(steps, unit: .ones([dimension - 1]))
    let logDet = slope.map { $0.sum(axis: 1) } ?? .zeros([x.storage.shape[0]])
    return Transformed(
      value: .concatenated([first, z], axis: 1), logDet: mask.map { outside($0, logDet) } ?? logDet)
  }

  func violation(in x: Tensor<Scalar>) -> RowViolation? {
    firstRow(of: x) { row in
      for k in row.indices.dropFirst() where !(row[k] > row[k - 1]) {
        return (k, "expected columns that increase, got \(row[k]) after \(row[k - 1])")
      }
      return nil
    }
  }

  /// Has no tensors.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {}
}

extension OrderedMap.Configuration: CheckedConfiguration {
  func validate() throws { try validateColumns(dimension) }
  var scalarCount: Int { 0 }
}

extension OrderedMap: StorableFlow {
  /// `OrderedMap`.
  public static var identifier: String { "OrderedMap" }

  /// The map of a configuration.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(dimension: configuration.dimension)
  }
}
