/// An invertible matrix, trained by its triangular factors, and a shift (Kingma and Dhariwal, Glow,
/// NeurIPS 2018, section 3.2; Oliva et al., Transformation Autoregressive Networks, ICML 2018).
///
/// Toward latent z = L · U · P · x + b, with L a unit lower triangle, U an upper triangle with a positive
/// diagonal and P a fixed order of the columns; log |det J| toward data is −Σ log U_ii, the same for every row. The
/// direction of likelihoods needs only the product of the factors; draws use the inverses of the two
/// triangles, found by substitution. Either is one product for a batch, and matrices are worked out
/// once for each tile.
///
/// A new layer is the identity, or its permutation. The four tensors are named, packed and
/// directed as those of nflows' `LULinear`, whose numbers it gives with the diagonal
/// ``Diagonal/softplus(epsilon:)``.
public struct LULinear<Scalar: TensorScalar>: Flow {
  /// How the diagonal of U is kept positive.
  public enum Diagonal: Hashable, Sendable, Codable {
    /// eᵃ of a free number a.
    case exp
    /// log(1 + eᵃ) + epsilon, so that the inverse stays bounded; nflows' form with its default.
    case softplus(epsilon: Double = 1e-3)

    fileprivate var start: Double {
      switch self {
      case .exp: 0
      case .softplus(let epsilon): log(expMinusOne(Tensor<Double>(1 - epsilon))).scalar
      }
    }
  }

  /// All that defines the layer but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// How the diagonal of U is kept positive.
    public var diagonal: Diagonal
    /// P: column i of P · x is column `permutation[i]` of the data; nil for none.
    public var permutation: [Int]?
  }

  /// All that defines the layer but its tensors.
  public let configuration: Configuration
  /// What is below the diagonal of L, row by row, `[dimension · (dimension − 1) / 2]`.
  public var lower: Tensor<Scalar>
  /// What is above the diagonal of U, row by row, of the same shape.
  public var upper: Tensor<Scalar>
  /// The diagonal of U before it is made positive, `[dimension]`.
  public var diagonal: Tensor<Scalar>
  /// b, `[dimension]`.
  public var bias: Tensor<Scalar>
  /// Where the scalars of L and of Uᵀ stand among their entries, their diagonal and a zero.
  private let lowerPlaces: IndexList
  private let upperPlaces: IndexList
  /// For each column of the data its place in P · x.
  private let order: IndexList?

  /// A layer that starts as the identity, or as a permutation.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, at least 1.
  ///   - diagonal: how the diagonal of U is kept positive.
  ///   - permutation: column i of P · x is column `permutation[i]` of the data; nil for none.
  public init(dimension: Int, diagonal: Diagonal = .softplus(), permutation: [Int]? = nil) {
    self.init(
      Configuration(dimension: dimension, diagonal: diagonal, permutation: permutation))
  }

  /// A layer that starts as a random permutation of the columns.
  public static func permuting(
    dimension: Int, diagonal: Diagonal = .softplus(), using generator: inout PhiloxGenerator
  ) -> LULinear {
    LULinear(
      dimension: dimension, diagonal: diagonal,
      permutation: Array(0..<dimension).shuffled(using: &generator))
  }

  private init(_ configuration: Configuration) {
    let n = configuration.dimension
    precondition(n > 0, "an LU layer maps at least one column; got \(n)")
    if case .softplus(let epsilon) = configuration.diagonal {
      precondition(
        (0..<1).contains(epsilon), "the least diagonal of U is from 0 to below 1; got \(epsilon)")
    }
    self.configuration = configuration
    let count = n * (n - 1) / 2
    lower = .zeros([count])
    upper = .zeros([count])
    diagonal = Tensor(repeating: Scalar(configuration.diagonal.start), shape: [n])
    bias = .zeros([n])
    // First the entries, then the diagonal, then the zero.
    var (lowerPlaces, upperPlaces) = (
      [Int](repeating: count + n, count: n * n), [Int](repeating: count + n, count: n * n)
    )
    var next = 0
    for i in 0..<n {
      lowerPlaces[i * n + i] = count + i
      upperPlaces[i * n + i] = count + i
      for j in 0..<i {
        lowerPlaces[i * n + j] = i * (i - 1) / 2 + j
      }
      for j in i..<n where j > i {
        upperPlaces[j * n + i] = next
        next += 1
      }
    }
    self.lowerPlaces = IndexList(lowerPlaces)
    self.upperPlaces = IndexList(upperPlaces)
    order = configuration.permutation.map { permutation in
      precondition(
        permutation.sorted() == Array(0..<n),
        "a permutation of \(n) columns names each once; got \(permutation)")
      var inverse = permutation
      for (place, column) in permutation.enumerated() { inverse[column] = place }
      return IndexList(inverse)
    }
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// Always: it is −Σ log U_ii.
  public var hasConstantLogDet: Bool { true }

  /// The diagonal of U and its logarithm.
  private var positive: (value: Tensor<Scalar>, log: Tensor<Scalar>) {
    switch configuration.diagonal {
    case .exp: return (exp(diagonal), diagonal)
    case .softplus(let epsilon):
      let value = softplus(diagonal) + Scalar(epsilon)
      return (value, Flows.log(value))
    }
  }

  /// A lower triangle from its packed entries.
  private func triangle(
    _ entries: Tensor<Scalar>, _ diagonal: Tensor<Scalar>, _ places: IndexList
  ) -> Tensor<Scalar> {
    let parts = [entries, diagonal, .zeros([1])].filter { $0.count > 0 }
    return Tensor.concatenated(parts).gathering(places, axis: 0)
      .reshaped(to: [dimension, dimension])
  }

  private var lowerTriangle: Tensor<Scalar> { triangle(lower, .ones([dimension]), lowerPlaces) }

  private func upperTransposed(_ diagonal: Tensor<Scalar>) -> Tensor<Scalar> {
    triangle(upper, diagonal, upperPlaces)
  }

  /// W = L · U · P, `[dimension, dimension]`: toward latent z = W · x + b.
  public var weight: Tensor<Scalar> {
    let product = upperTransposed(positive.value).matmul(lowerTriangle.transposed())
    return (order.map { product.gathering($0, axis: 0) } ?? product).transposed()
  }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    let diagonal = positive
    let inverse = lowerTriangle.inverseOfLowerTriangle().transposed()
      .matmul(upperTransposed(diagonal.value).inverseOfLowerTriangle())
    return Transformed(
      value: (z - bias).matmul(order.map { inverse.gathering($0, axis: 1) } ?? inverse),
      logDet: (-diagonal.log.sum()).broadcast(to: Shape(z.storage.shape[0])))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    let diagonal = positive
    let product = upperTransposed(diagonal.value).matmul(lowerTriangle.transposed())
    return Transformed(
      value: linear(x, weight: order.map { product.gathering($0, axis: 0) } ?? product, bias: bias),
      logDet: diagonal.log.sum().broadcast(to: Shape(x.storage.shape[0])))
  }

  /// Shows the entries of both triangles, where there are any, the diagonal and the shift.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    if dimension > 1 {
      visitor.visit("lower", &lower)
      visitor.visit("upper", &upper)
    }
    visitor.visit("diagonal", &diagonal)
    visitor.visit("bias", &bias)
  }
}

extension LULinear.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    if case .softplus(let epsilon) = diagonal {
      try requireConfiguration(
        (0..<1).contains(epsilon), "expected a number from 0 to below 1, got \(epsilon)",
        field: "diagonal")
    }
    if let permutation {
      try requireConfiguration(
        permutation.sorted() == Array(0..<dimension),
        "expected each column once, got \(excerpt(permutation))", field: "permutation")
    }
  }
  var scalarCount: Int { dimension * (dimension + 1) }
}

extension LULinear: StorableFlow {
  /// `LULinear`.
  public static var identifier: String { "LULinear" }

  /// The identity, or the permutation.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(configuration)
  }
}
