/// The product of a simple density and any other, normalised: the density of residual log-likelihood
/// estimation (RLE; Li et al., ICCV 2021).
///
/// log P(x) = log Q(x) + log G(x) − log Z, Z = ∫ Q·G. The base Q holds what is known of the shape, G,
/// usually a ``NormalizingFlow``, learns the rest. (The paper writes log s = −log Z.)
///
/// ```swift
/// let density = ResidualDensity(
///   base: Laplace<Float>(dimension: 2), shape: NormalizingFlow.rle(using: &generator))
/// ```
///
/// Z is computed for every call of ``logDensity(of:context:)``, once however many rows there are: by
/// adaptive cubature in one and two columns, by randomised quasi-Monte Carlo beyond; see
/// ``normalizer(mostNodes:)`` for accuracy and cost. Nothing is remembered between calls, so that
/// no value is out of date. With context Z is computed for every distinct row of context.
///
/// A model that is asked about few rows at a time is faster with a normaliser that is computed once:
/// `ResidualDensity(base: p.base, shape: p.shape, normalization: .given(p.normalizer().logValue))`.
public struct ResidualDensity<Q: Distribution, G: Distribution>: Distribution
where Q.Scalar == G.Scalar {
  /// That of both densities.
  public typealias Scalar = Q.Scalar

  /// The simple density Q.
  public var base: Q
  /// The density G that learns what the base does not say.
  public var shape: G
  /// What is done about ∫ Q·G.
  public let normalization: ResidualNormalization

  /// The product of two densities.
  ///
  /// - Parameters:
  ///   - base: Q; samples need its `logDensityBound`.
  ///   - shape: G.
  ///   - normalization: what is done about ∫ Q·G.
  /// - Precondition: both have the same columns, the same context where both take one, and supports
  ///   that overlap; for `.exact`, neither lets rows depend on one another.
  public init(base: Q, shape: G, normalization: ResidualNormalization = .exact) {
    precondition(
      base.dimension == shape.dimension,
      "base and shape have one dimension; got \(base.dimension) and \(shape.dimension)")
    precondition(
      base.contextDimension == shape.contextDimension || base.contextDimension == 0
        || shape.contextDimension == 0,
      "base and shape take the same context or none; got \(base.contextDimension) and "
        + "\(shape.contextDimension) columns")
    for (column, (one, other)) in zip(base.support, shape.support).enumerated() {
      precondition(
        one.intersection(other) != nil,
        "base and shape can both be positive somewhere; in column \(column) the supports are "
          + "\(one) and \(other)")
    }
    precondition(
      normalization != .exact || !(base.mixesRows || shape.mixesRows),
      "a product in which rows depend on one another has no normaliser; use .omitted or .given")
    if case .given(let logValue) = normalization {
      precondition(logValue.isFinite, "a given log-normaliser is finite; got \(logValue)")
    }
    self.base = base
    self.shape = shape
    self.normalization = normalization
  }

  /// The number of columns.
  public var dimension: Int { base.dimension }
  /// The number of context columns.
  public var contextDimension: Int { Swift.max(base.contextDimension, shape.contextDimension) }
  /// True where a row's log-density depends on other rows.
  public var mixesRows: Bool { base.mixesRows || shape.mixesRows }
  /// False: samples are accepted or rejected.
  public var isReparameterized: Bool { false }

  /// For each column the intersection of both supports.
  public var support: [Support] {
    zip(base.support, shape.support).map { $0.intersection($1) ?? .interval(0, 0) }
  }

  /// The kinks of both.
  public var kinks: [[Double]] {
    zip(base.kinks, shape.kinks).map { Set($0 + $1).sorted() }
  }

  /// The bounds of both added, less log Z; nil unless both are known.
  ///
  /// - Complexity: that of the normaliser where it is exact. With context it is then nil.
  public var logDensityBound: Double? {
    guard let one = base.logDensityBound, let other = shape.logDensityBound else { return nil }
    switch normalization {
    case .omitted: return one + other
    case .given(let logValue): return one + other - logValue
    case .exact: return contextDimension > 0 ? nil : one + other - normalizer().logValue
    }
  }

  /// Prepares the shape, then the base.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    shape.prepare(with: x, context: shape.contextDimension > 0 ? context : nil)
    base.prepare(with: x, context: base.contextDimension > 0 ? context : nil)
  }

  /// Shows the base and the shape.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("base", &base)
    visitor.visit("shape", &shape)
  }

  // MARK: - Density

  /// log P(x | context) of each row, in nats.
  ///
  /// With `.omitted` the log of the product. The normaliser is computed once for the call, and its
  /// derivative goes to the parameters of both densities.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    let product = unnormalizedLogDensity(of: x, context: context)
    switch normalization {
    case .omitted: return product
    case .given(let logValue): return product - Scalar(logValue)
    case .exact:
      if contextDimension == 0 { return product - logNormalizer() }
      guard let context else {
        preconditionFailure("the density takes \(contextDimension) columns of context; got none")
      }
      return product - logNormalizer(context: context)
    }
  }

  /// log Q(x) + log G(x) of each row, in nats: x `[rows, dimension]` → `[rows]`.
  public func unnormalizedLogDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil)
    -> Tensor<Scalar>
  {
    checkRows(x)
    return Tiles.map(x, context, isTiled: !mixesRows, columns: nil) { x, context in
      baseLogDensity(of: x, context: context) + shapeLogDensity(of: x, context: context)
    }
  }

  func baseLogDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    base.logDensity(of: x, context: base.contextDimension > 0 ? context : nil)
  }

  func shapeLogDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    shape.logDensity(of: x, context: shape.contextDimension > 0 ? context : nil)
  }
}
