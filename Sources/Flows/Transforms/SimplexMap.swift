/// Proportions by breaking a stick: the columns are the first D of D + 1 positive numbers whose sum
/// is 1; the last, 1 − Σ x, is left out.
///
/// With aₖ = zₖ − log(D − k), k = 0 … D − 1: xₖ = rₖ σ(aₖ), rₖ₊₁ = rₖ σ(−aₖ), r₀ = 1, so that z = 0 is
/// the point of equal proportions, and log |det ∂x/∂z| = Σₖ log xₖ + log r_D (Stan's reference
/// manual, *Unit simplex*). All of it is worked out in logarithms. Rows on the boundary count as lying
/// the least distance within; outside, the inverse has log |det J| = −∞ with a gradient of zero.
public struct SimplexMap<Scalar: TensorScalar>: DataSideMap, RowConstrained {
  /// All that defines the map.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns, one fewer than there are proportions.
    public var dimension: Int
  }

  /// The number of columns, one fewer than there are proportions.
  public let dimension: Int
  /// log(D − k).
  private let offset: Tensor<Scalar>
  /// Sums over the columns before each, as a product of matrices.
  private let before: Tensor<Scalar>

  /// A map onto the first `dimension` of `dimension` + 1 proportions.
  public init(dimension: Int) {
    precondition(dimension > 0, "a simplex map has at least one column; got \(dimension)")
    self.dimension = dimension
    offset = Tensor((0..<dimension).map { Scalar(logarithm(Double(dimension - $0))) })
    before = strictlyUpperOnes(dimension)
  }

  /// All that defines the map.
  public var configuration: Configuration { Configuration(dimension: dimension) }
  /// [0, 1] in each column, a box around the simplex.
  public var support: [Support] { Array(repeating: .interval(0, 1), count: dimension) }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    let a = z - offset
    let (logTaken, logLeft) = (logSigmoid(a), logSigmoid(-a))
    let logX = logLeft.matmul(before) + logTaken
    return Transformed(
      value: Tensor.maximum(Tensor(.leastNormalMagnitude), exp(logX)),
      logDet: logX.sum(axis: 1) + logLeft.sum(axis: 1))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    let isNegative = x .< Tensor(0)
    let total = x.sum(axis: 1, keepingAxis: true)
    let isTooMuch = total .> Tensor(1 + Self.tolerance(dimension))
    let mask = isNegative.sum(axis: 1, keepingAxis: true) + isTooMuch
    let equal = Tensor(repeating: 1 / Scalar(dimension + 1), shape: [dimension])
    let inner = Tensor.select(where: mask .> Tensor(0), equal, else: x)
    // What is left after each column.
    let left = 1 - inner.matmul(before) - inner
    let logLeft = log(Tensor.maximum(Tensor(Scalar.ulpOfOne / 2), left))
    let logX = log(Tensor.maximum(Tensor(leastDistanceToZero()), inner))
    let last = logLeft.slice(dimension - 1..<dimension, axis: 1).squeezed(axis: 1)
    return Transformed(
      value: logX - logLeft + offset, logDet: outside(mask, -logX.sum(axis: 1) - last))
  }

  /// Rounded proportions may add up to a little more than 1.
  private static func tolerance(_ dimension: Int) -> Scalar {
    4 * Scalar(dimension) * Scalar.ulpOfOne
  }

  func violation(in x: Tensor<Scalar>) -> RowViolation? {
    firstRow(of: x) { row in
      let total = row.reduce(0, +)
      if total <= 1 + Double(Self.tolerance(dimension)) { return nil }
      return (
        dimension - 1,
        "expected the first \(dimension) of \(dimension + 1) proportions, whose sum is at most 1; "
          + "got the sum \(total)"
      )
    }
  }

  /// Has no tensors.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {}
}

/// The first row in which a function of its numbers finds something wrong.
func firstRow<Scalar>(
  of x: Tensor<Scalar>, _ body: ([Double]) -> (column: Int, message: String)?
) -> RowViolation? {
  let (rows, columns) = x.storage.shape.matrix("the rows to look at")
  return x.withScalars { values in
    for row in 0..<rows {
      let numbers = (0..<columns).map { Double(values[row * columns + $0]) }
      if let found = body(numbers) {
        return RowViolation(row: row, column: found.column, message: found.message)
      }
    }
    return nil
  }
}

/// The matrix that is 1 above the diagonal.
func strictlyUpperOnes<Scalar>(_ size: Int) -> Tensor<Scalar> {
  var scalars = [Scalar](repeating: 0, count: size * size)
  for row in 0..<size {
    for column in row + 1..<Swift.max(size, row + 1) { scalars[row * size + column] = 1 }
  }
  return Tensor(shape: [size, size], scalars: scalars)
}

extension SimplexMap.Configuration: CheckedConfiguration {
  func validate() throws {
    // The sums are taken by a matrix of dimension².
    try requireConfiguration(
      (1...4_096).contains(dimension), "expected 1 to 4096 columns, got \(dimension)",
      field: "dimension")
  }
  var scalarCount: Int { dimension * dimension }
}

extension SimplexMap: StorableFlow {
  /// `SimplexMap`.
  public static var identifier: String { "SimplexMap" }

  /// The map of a configuration.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(dimension: configuration.dimension)
  }
}
