/// A fixed rotation, saved but not trained: x = z · Q with QQᵀ = I, log |det J| = 0.
///
/// It mixes all columns between layers that see only some, as a permutation does for two at a time.
/// The trained form is a ``Householder`` of as many reflections as there are columns.
public struct Orthogonal<Scalar: TensorScalar>: Flow {
  /// All that defines the flow but its matrix.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
  }

  /// Q, `[dimension, dimension]`.
  public private(set) var matrix: Tensor<Scalar>

  /// A rotation by an orthogonal matrix `[dimension, dimension]`.
  public init(_ matrix: Tensor<Scalar>) {
    precondition(
      matrix.rank == 2 && matrix.count > 0 && matrix.shape[0] == matrix.shape[1],
      "a rotation has a square matrix; got the shape \(matrix.shape)")
    let wide = Tensor<Double>(matrix)
    let defect = abs(wide.matmul(wide.transposed()) - .identity(matrix.shape[0])).flattened()
      .max(axis: 0).scalar
    precondition(
      defect < 1e-4,
      "the matrix of a rotation times its transpose is the identity; it differs by \(defect)")
    self.matrix = matrix
  }

  /// A rotation or reflection drawn uniformly: the Q of a matrix of normal draws, of which the R has a
  /// positive diagonal (Mezzadri, Notices of the AMS 54, 2007).
  public static func random(dimension: Int, using generator: inout PhiloxGenerator) -> Orthogonal {
    precondition(dimension > 0, "a rotation maps at least one column; got \(dimension)")
    let drawn = Tensor<Double>.normal([dimension, dimension], using: &generator)
    var rows: [[Double]] = []
    for index in 0..<dimension {
      var row = drawn[rows: index..<index + 1].scalars
      // Gram and Schmidt's method; once again takes away what rounding left.
      for _ in 0..<2 {
        for other in rows {
          let product = zip(row, other).reduce(0) { $0 + $1.0 * $1.1 }
          for column in row.indices { row[column] -= product * other[column] }
        }
      }
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      rows.append(row.map { $0 / length })
    }
    return Orthogonal(Tensor<Scalar>(Tensor<Double>(rows)))
  }

  /// The number of columns.
  public var dimension: Int { matrix.storage.shape[0] }
  /// All that defines the flow but its matrix.
  public var configuration: Configuration { Configuration(dimension: dimension) }
  /// Always: it is 0.
  public var hasConstantLogDet: Bool { true }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    return Transformed(value: z.matmul(matrix), logDet: .zeros([z.storage.shape[0]]))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    return Transformed(value: x.matmul(matrix.transposed()), logDet: .zeros([x.storage.shape[0]]))
  }

  /// Shows the matrix as state.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("matrix", state: &matrix)
  }
}

extension Orthogonal.Configuration: CheckedConfiguration {
  func validate() throws { try validateColumns(dimension) }
  var scalarCount: Int { dimension * dimension }
}

extension Orthogonal: StorableFlow {
  /// `Orthogonal`.
  public static var identifier: String { "Orthogonal" }

  /// The identity.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(.identity(configuration.dimension))
  }
}
