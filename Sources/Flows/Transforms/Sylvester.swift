/// A Sylvester flow: a planar flow with `rank` hidden units, which move rows within a subspace.
///
/// x = z + Q · R · tanh(R̃ · Qᵀz + b), with orthonormal columns Q `[dimension, rank]`, the first ones of a
/// product of reflections, and upper triangles R and R̃ `[rank, rank]`. Their diagonals are 0.999 tanh
/// of free numbers, so that every R_ii · R̃_ii > −1 and the map is invertible, and
///
/// log |det J| = Σ_i log(1 + R_ii · R̃_ii · (1 − tanh²)).
///
/// ``forward(_:context:)`` is that formula. ``inverse(_:context:)`` solves the triangular system for
/// y = Qᵀz from its last row to the first, each by the root of one increasing function, in `Double`, with
/// the derivatives of the implicit function. For maximum likelihood, which runs from data to latent,
/// take `.inverted`.
///
/// With context R, R̃ and b come from a network of it; Q does not depend on it. A new flow is the
/// identity.
///
/// Source: van den Berg et al., Sylvester Normalizing Flows for Variational Inference, UAI 2018, with
/// the reflections and the bounded diagonals of its Householder form.
public struct Sylvester<Scalar: TensorScalar>: Flow {
  /// All that defines the flow but its weights.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The number of columns.
    public var dimension: Int
    /// The number of hidden units, at most `dimension`.
    public var rank: Int
    /// The number of context columns that the triangles and b depend on.
    public var contextDimension: Int
    /// Widths of the hidden layers of the network of the context.
    public var hidden: [Int]
    /// Between its layers.
    public var activation: Activation

    /// The numbers in R, R̃ and b.
    fileprivate var parameterCount: Int { rank * (rank - 1) + 3 * rank }
  }

  /// All that defines the flow but its weights.
  public let configuration: Configuration
  private var vectors: Tensor<Scalar>
  private var parameters: RowParameters<Scalar>
  private let triangle: StrictTriangle<Scalar>
  /// Where the scalars of a triangle stand among those above its diagonal, its diagonal and a zero.
  private let places: IndexList

  /// A flow that starts as the identity, in a random subspace.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, at least 1.
  ///   - rank: the number of hidden units; `dimension` where nil.
  ///   - contextDimension: the number of context columns.
  ///   - hidden: widths of the hidden layers of the network of the context.
  ///   - activation: between its layers.
  ///   - generator: the source of the subspace and the weights.
  public init(
    dimension: Int, rank: Int? = nil, contextDimension: Int = 0, hidden: [Int] = [64, 64],
    activation: Activation = .leakyReLU(), using generator: inout PhiloxGenerator
  ) {
    self.init(
      Configuration(
        dimension: dimension, rank: rank ?? dimension, contextDimension: contextDimension,
        hidden: hidden, activation: activation), using: &generator)
  }

  private init(_ configuration: Configuration, using generator: inout PhiloxGenerator) {
    let (columns, rank) = (configuration.dimension, configuration.rank)
    precondition(
      columns > 0 && (1...columns).contains(rank),
      "a Sylvester flow has at least one hidden unit and no more than columns; got \(rank) units for "
        + "\(columns) columns")
    precondition(
      configuration.contextDimension >= 0,
      "a flow takes no context or some columns of it; got \(configuration.contextDimension)")
    self.configuration = configuration
    vectors = .normal([rank, columns], using: &generator)
    triangle = StrictTriangle(rank)
    let above = rank * (rank - 1) / 2
    var (next, places) = (0, [Int](repeating: above + rank, count: rank * rank))
    for row in 0..<rank {
      places[row * rank + row] = above + row
      for column in row + 1..<rank + 1 where column < rank {
        places[row * rank + column] = next
        next += 1
      }
    }
    self.places = IndexList(places)
    // R is zero, R̃ is not.
    let start: [Tensor<Scalar>] = [
      .zeros([above + rank]),
      Tensor<Scalar>.normal([above], using: &generator) / Scalar(rank).squareRoot(),
      .uniform([rank], in: 0.5..<1.5, using: &generator),
      .uniform([rank], in: -1..<1, using: &generator),
    ]
    parameters = RowParameters(
      from: .concatenated(start.filter { $0.count > 0 }),
      contextDimension: configuration.contextDimension, hidden: configuration.hidden,
      activation: configuration.activation, using: &generator)
  }

  /// The number of columns.
  public var dimension: Int { configuration.dimension }
  /// The number of context columns.
  public var contextDimension: Int { configuration.contextDimension }

  /// What the formula names, for all rows (k = 1) or for each (k = rows).
  private struct Layer {
    /// Qᵀ, `[rank, dimension]`.
    let basis: Tensor<Scalar>
    /// R, `[k, rank, rank]`, and its diagonal `[k, rank]`.
    let outer: Tensor<Scalar>
    let outerDiagonal: Tensor<Scalar>
    /// R̃.
    let inner: Tensor<Scalar>
    let innerDiagonal: Tensor<Scalar>
    /// b, `[k, rank]`.
    let bias: Tensor<Scalar>

    func toSubspace(_ rows: Tensor<Scalar>) -> Tensor<Scalar> { rows.matmul(basis.transposed()) }

    /// Q · R · h of each row.
    func step(_ h: Tensor<Scalar>) -> Tensor<Scalar> { product(outer, h).matmul(basis) }

    func hidden(_ y: Tensor<Scalar>) -> Tensor<Scalar> { tanh(product(inner, y) + bias) }

    /// From terms that are all positive.
    func logDet(_ h: Tensor<Scalar>) -> Tensor<Scalar> {
      let (growth, square) = (outerDiagonal * innerDiagonal + 1, h.squared())
      return log(growth * (1 - square) + square).sum(axis: 1)
    }

    private func product(_ matrix: Tensor<Scalar>, _ rows: Tensor<Scalar>) -> Tensor<Scalar> {
      if matrix.storage.shape[0] == 1 {
        return rows.matmul(matrix.squeezed(axis: 0).transposed())
      }
      return (matrix * rows.expanded(axis: 1)).sum(axis: 2)
    }

    /// The hidden units of rows whose image in the subspace is v: from the last one, row i of
    /// v = y + R · tanh(R̃y + b) has the one unknown y_i.
    func hidden(ofImage v: Tensor<Scalar>) -> Tensor<Scalar> {
      let rank = v.storage.shape[1]
      var known: (y: Tensor<Scalar>, h: Tensor<Scalar>)?
      for unit in (0..<rank).reversed() {
        func own(_ x: Tensor<Scalar>) -> Tensor<Scalar> { x.slice(unit..<unit + 1, axis: 1) }
        func beyond(_ matrix: Tensor<Scalar>, _ x: Tensor<Scalar>) -> Tensor<Scalar> {
          let row = own(matrix).squeezed(axis: 1).slice(unit + 1..<rank, axis: 1)
          return (row * x).sum(axis: 1, keepingAxis: true)
        }
        var (target, argument) = (own(v), own(bias))
        if let known {
          target -= beyond(outer, known.h)
          argument += beyond(inner, known.y)
        }
        let slope = own(innerDiagonal)
        let y = rootOfTanhEquation(target, p: own(outerDiagonal), q: slope, e: argument)
        let h = tanh(slope * y + argument)
        known =
          known.map {
            (.concatenated([y, $0.y], axis: 1), .concatenated([h, $0.h], axis: 1))
          } ?? (y, h)
      }
      guard let known else { preconditionFailure("there is at least one hidden unit") }
      return known.h
    }
  }

  private func layer(_ rows: Tensor<Scalar>, _ context: Tensor<Scalar>?) -> Layer {
    checkRows(rows)
    let rank = configuration.rank
    let all = parameters(rows: rows.storage.shape[0], context: context)
    let (count, above) = (all.storage.shape[0], rank * (rank - 1) / 2)
    var next = 0
    func take(_ width: Int) -> Tensor<Scalar> {
      defer { next += width }
      return all.slice(next..<next + width, axis: 1)
    }
    func matrix(_ entries: Tensor<Scalar>?, _ diagonal: Tensor<Scalar>) -> Tensor<Scalar> {
      let parts = [entries, diagonal, .zeros([count, 1])].compactMap(\.self)
      return Tensor.concatenated(parts, axis: 1).gathering(places, axis: 1)
        .reshaped(to: [count, rank, rank])
    }
    func entries() -> Tensor<Scalar>? { above > 0 ? take(above) : nil }
    func diagonal() -> Tensor<Scalar> { tanh(take(rank)) * 0.999 }
    let (outerEntries, outerDiagonal) = (entries(), diagonal())
    let (innerEntries, innerDiagonal) = (entries(), diagonal())
    // As many columns of zeros beside the identity as are left, without a matrix of all columns.
    let corner =
      rank == dimension
      ? Tensor<Scalar>.identity(rank)
      : .concatenated([.identity(rank), .zeros([rank, dimension - rank])], axis: 1)
    return Layer(
      basis: Reflections(vectors, triangle).undone(on: corner),
      outer: matrix(outerEntries, outerDiagonal), outerDiagonal: outerDiagonal,
      inner: matrix(innerEntries, innerDiagonal), innerDiagonal: innerDiagonal, bias: take(rank))
  }

  /// Latent → data, explicit.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let layer = layer(z, context)
    let h = layer.hidden(layer.toSubspace(z))
    return Transformed(value: z + layer.step(h), logDet: layer.logDet(h))
  }

  /// Data → latent, by `rank` roots for each row.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    let layer = layer(x, context)
    let h = layer.hidden(ofImage: layer.toSubspace(x))
    return Transformed(value: x - layer.step(h), logDet: -layer.logDet(h))
  }

  /// Shows the vectors of the reflections, as state in one column, where they do not matter, and R, R̃
  /// and b as one vector, or the network that gives it.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("vectors", &vectors, isLearnable: dimension > 1)
    parameters.visitParameters(&visitor)
  }
}

extension Sylvester.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(dimension)
    try requireConfiguration(
      (1...dimension).contains(rank), "expected 1 to \(dimension) hidden units, got \(rank)",
      field: "rank")
    try RowParameters<Scalar>.validate(contextDimension: contextDimension, hidden: hidden)
  }

  var scalarCount: Int {
    rank * dimension
      + RowParameters<Scalar>.scalarCount(
        parameterCount, contextDimension: contextDimension, hidden: hidden)
  }
}

extension Sylvester: StorableFlow {
  /// `Sylvester`.
  public static var identifier: String { "Sylvester" }

  /// A flow whose weights those of a file will replace.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    var generator = PhiloxGenerator(seed: 0)
    self.init(configuration, using: &generator)
  }
}
