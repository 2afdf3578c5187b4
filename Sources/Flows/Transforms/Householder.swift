/// A rotation, trained, as a product of K reflections; log |det J| = 0.
///
/// Toward latent z = x · H₁ · H₂ ⋯ H_K with H = I − 2vvᵀ / |v|² for rows, one vector v `[dimension]` for
/// each reflection; toward data the transpose, which is the inverse to rounding. K = `dimension`
/// reflections come to any orthogonal matrix whose determinant has their sign (−1)ᴷ.
///
/// The product is worked out as I − AᵀTA, with the unit vectors as rows of A and the upper triangle T
/// given by T⁻¹ = ½I + the part of AAᵀ above the diagonal (Joffrain et al., Accumulating Householder
/// Transformations, Revisited, ACM TOMS 2006), so that a batch takes two products whatever K is.
///
/// Source: Tomczak and Welling, Improving Variational Auto-Encoders using Householder Flow, 2016. The
/// vectors and the direction are those of nflows' `HouseholderSequence`.
public struct Householder<Scalar: TensorScalar>: Flow {
  /// All that defines the flow but its vectors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// The number of reflections.
    public var reflections: Int
  }

  /// One vector for each reflection, `[reflections, dimension]`; their lengths do not matter.
  public var vectors: Tensor<Scalar>
  private let triangle: StrictTriangle<Scalar>

  /// A product of reflections of these vectors `[reflections, dimension]`.
  public init(vectors: Tensor<Scalar>) {
    precondition(
      vectors.rank == 2 && vectors.count > 0,
      "reflections have vectors of the shape [reflections, dimension]; got \(vectors.shape)")
    self.vectors = vectors
    triangle = StrictTriangle(vectors.shape[0])
  }

  /// A product of reflections at random planes.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns.
  ///   - reflections: K; `dimension` where nil.
  ///   - startsAsIdentity: true for pairs of equal vectors, whose reflections cancel until they are
  ///     trained; one that is left over reflects. False for a random rotation.
  ///   - generator: the source of the vectors.
  public init(
    dimension: Int, reflections: Int? = nil, startsAsIdentity: Bool = true,
    using generator: inout PhiloxGenerator
  ) {
    let count = reflections ?? dimension
    precondition(
      dimension > 0 && count > 0,
      "reflections map at least one column, and there is one; got \(dimension) columns and "
        + "\(count) reflections")
    let drawn = Tensor<Scalar>.normal([count, dimension], using: &generator)
    self.init(vectors: startsAsIdentity ? drawn.rows((0..<count).map { $0 / 2 * 2 }) : drawn)
  }

  /// The number of columns.
  public var dimension: Int { vectors.storage.shape[1] }
  /// All that defines the flow but its vectors.
  public var configuration: Configuration {
    Configuration(dimension: dimension, reflections: vectors.storage.shape[0])
  }
  /// Always: it is 0.
  public var hasConstantLogDet: Bool { true }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    return Transformed(
      value: Reflections(vectors, triangle).undone(on: z), logDet: .zeros([z.storage.shape[0]]))
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    return Transformed(
      value: Reflections(vectors, triangle).applied(to: x), logDet: .zeros([x.storage.shape[0]]))
  }

  /// Shows the vectors, as state in one column, where a reflection is x → −x whatever its vector.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("vectors", &vectors, isLearnable: dimension > 1)
  }
}

/// Ones below the diagonal, `[n, n]`, and ½ on it.
struct StrictTriangle<Scalar: TensorScalar>: Sendable {
  let below: Tensor<Scalar>
  let halfIdentity: Tensor<Scalar>

  init(_ n: Int) {
    let ones = (0..<n * n).map { Scalar($0 % n < $0 / n ? 1 : 0) }
    below = Tensor(shape: [n, n], scalars: ones)
    halfIdentity = Tensor.identity(n) * 0.5
  }
}

/// A product of reflections as I − AᵀTA.
struct Reflections<Scalar: TensorScalar> {
  /// A, unit rows.
  private let unit: Tensor<Scalar>
  /// Tᵀ, a lower triangle.
  private let factor: Tensor<Scalar>

  init(_ vectors: Tensor<Scalar>, _ triangle: StrictTriangle<Scalar>) {
    let squares = vectors.squared().sum(axis: 1, keepingAxis: true)
    unit = vectors / sqrt(Tensor.maximum(squares, Tensor(1e-30)))
    let products = unit.matmul(unit.transposed())
    factor = (products * triangle.below + triangle.halfIdentity).inverseOfLowerTriangle()
  }

  /// x · H₁ ⋯ H_K.
  func applied(to x: Tensor<Scalar>) -> Tensor<Scalar> {
    x - x.matmul(unit.transposed()).matmul(factor.transposed().matmul(unit))
  }

  /// x · H_K ⋯ H₁.
  func undone(on x: Tensor<Scalar>) -> Tensor<Scalar> {
    x - x.matmul(unit.transposed()).matmul(factor.matmul(unit))
  }
}

extension Householder.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try requireConfiguration(
      (1...1 << 20).contains(reflections), "expected at least 1 reflection, got \(reflections)",
      field: "reflections")
  }
  var scalarCount: Int { reflections * Swift.max(dimension, reflections) }
}

extension Householder: StorableFlow {
  /// `Householder`.
  public static var identifier: String { "Householder" }

  /// A flow whose vectors those of a file will replace.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(vectors: .ones([configuration.reflections, configuration.dimension]))
  }
}
