/// Noise u in the unit cube that spreads levels over their cells: x → x + step · u.
///
/// A density of x + step · u bounds the probability of levels x from below,
/// log P(x) ≥ E[log p(x + step · u) − log q(u | x)] + Σ log step, whatever the noise q; the nearer q is
/// to the density within the cell, the tighter.
public protocol Dequantization<Scalar>: Parameterized {
  /// The number of columns that take noise.
  var dimension: Int { get }

  /// Standard draws `[count, dimension]` that noise is made from, and that depend on no parameter.
  func source(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar>

  /// Noise for levels in standard units, both `[rows, dimension]`, as a differentiable function of
  /// standard draws, with log q(u | levels) `[rows]`.
  func noise(for levels: Tensor<Scalar>, from source: Tensor<Scalar>) -> (
    noise: Tensor<Scalar>, logDensity: Tensor<Scalar>
  )
}

/// Uniform noise: log q = 0 (Theis, van den Oord and Bethge, ICLR 2016).
///
/// The density that is fitted is then asked to be flat within each cell, which one with a smooth flow is
/// not quite.
public struct UniformDequantization<Scalar: TensorScalar>: Dequantization {
  /// The number of columns that take noise.
  public let dimension: Int

  /// Uniform noise for some columns.
  public init(dimension: Int) {
    precondition(dimension > 0, "dequantisation has at least one column; got \(dimension)")
    self.dimension = dimension
  }

  /// Uniform draws.
  public func source(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    .uniform([count, dimension], using: &generator)
  }

  /// The draws themselves.
  public func noise(for levels: Tensor<Scalar>, from source: Tensor<Scalar>) -> (
    noise: Tensor<Scalar>, logDensity: Tensor<Scalar>
  ) {
    (source, .zeros([source.shape[0]]))
  }

  /// Has no tensors.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {}
}

/// Noise by a flow onto the unit cube that sees the levels, trained together with the density (Ho et
/// al., Flow++, ICML 2019, section 3.1).
///
/// u = σ(T(ε; x)) with standard logistic draws ε, so that a T that does nothing is uniform noise, which
/// is where training starts.
public struct VariationalDequantization<Scalar: TensorScalar>: Dequantization {
  /// The map from logistic draws to the unit cube, with the levels as context.
  public var flow: Composition<Scalar>
  private let base: Logistic<Scalar>

  /// Noise by a flow of one's own, whose data side is ℝᴰ and whose context are D levels in standard
  /// units; a logistic map onto the unit cube follows it.
  public init(flow: Composition<Scalar>) {
    precondition(
      flow.contextDimension == flow.dimension,
      "the flow of dequantisation takes the \(flow.dimension) levels as context; it takes "
        + "\(flow.contextDimension) columns")
    self.flow = Composition(
      dimension: flow.dimension,
      flow.flows + [SupportMap(Array(repeating: .interval(0, 1), count: flow.dimension))])
    base = Logistic(dimension: flow.dimension)
  }

  /// Noise by affine couplings.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns that take noise, at least 2.
  ///   - layers: the number of couplings.
  ///   - hidden: widths of the hidden layers of their networks.
  ///   - generator: the source of the weights.
  public init(
    dimension: Int, layers: Int = 4, hidden: [Int] = [32, 32],
    using generator: inout PhiloxGenerator
  ) {
    precondition(
      dimension > 1,
      "couplings take at least two columns; got \(dimension): give a flow of one column")
    let model = NormalizingFlow<Scalar>.realNVP(
      dimension: dimension, contextDimension: dimension, layers: layers, hidden: hidden,
      using: &generator)
    self.init(flow: model.flow)
  }

  /// The number of columns that take noise.
  public var dimension: Int { flow.dimension }

  /// Standard logistic draws.
  public func source(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    .logistic([count, dimension], using: &generator)
  }

  /// σ(T(ε; levels)) with its log-density.
  public func noise(for levels: Tensor<Scalar>, from source: Tensor<Scalar>) -> (
    noise: Tensor<Scalar>, logDensity: Tensor<Scalar>
  ) {
    let result = flow.forward(source, context: levels)
    return (result.value, base.logDensity(of: source, context: nil) - result.logDet)
  }

  /// Shows the flow.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("flow", &flow)
  }
}
