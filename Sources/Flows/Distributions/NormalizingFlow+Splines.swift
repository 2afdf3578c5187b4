/// How the columns of a flow depend on each other.
public enum FlowStructure: String, Sendable, CaseIterable {
  /// Half of the columns are transformed given the others: densities and draws cost the same.
  case coupling
  /// Each column is transformed given all before it: the better density for the same network.
  case autoregressive
}

/// What stands between the layers of a flow, so that every column meets every other.
public enum FlowMixing: String, Sendable, CaseIterable {
  /// The columns in another order: nothing to train.
  case permutation
  /// An invertible matrix that starts as such an order (``LULinear``).
  case linear
}

extension NormalizingFlow {
  /// A neural spline flow (Durkan et al., NeurIPS 2019): rational-quadratic splines in couplings or
  /// autoregressively.
  ///
  /// It starts as the identity in standard units, and works from one column on.
  ///
  /// - Parameters:
  ///   - structure: how the columns depend on each other.
  ///   - dimension: the number of columns.
  ///   - contextDimension: the number of context columns.
  ///   - layers: the number of transforms; 8 couplings or 5 autoregressive ones where nil.
  ///   - hidden: widths of the hidden layers of each network.
  ///   - spline: the transform of the columns, in standard units.
  ///   - mixing: what stands between the layers.
  ///   - activation: between the layers of each network.
  ///   - base: the latent density; the standard Gaussian where nil.
  ///   - generator: the source of the weights.
  public static func neuralSpline(
    _ structure: FlowStructure = .coupling, dimension: Int, contextDimension: Int = 0,
    layers: Int? = nil, hidden: [Int] = [64, 64],
    spline: RationalQuadraticSpline = RationalQuadraticSpline(),
    mixing: FlowMixing = .linear, activation: Activation = .relu,
    base: (any Distribution<Scalar>)? = nil, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    precondition(
      spline.tails == .linear || spline.tails == .learned
        || (mixing == .permutation && base != nil),
      "splines of a circle or onto an interval take columns that stay there: mixing by permutation, "
        + "and a base of that support")
    switch structure {
    case .autoregressive:
      return autoregressive(
        .spline(spline), dimension: dimension, contextDimension: contextDimension,
        layers: layers ?? 5, hidden: hidden, activation: activation, mixing: mixing, base: base,
        using: &generator)
    case .coupling:
      return couplings(
        .spline(spline), dimension: dimension, contextDimension: contextDimension,
        layers: layers ?? 8, hidden: hidden, activation: activation, mixing: mixing, base: base,
        using: &generator)
    }
  }

  /// A flow on angles in [−π, π): couplings of circular splines with turns between them, over the uniform
  /// density (Rezende et al., Normalizing flows on tori and spheres, ICML 2020).
  ///
  /// - Parameters:
  ///   - dimension: the number of angles.
  ///   - contextDimension: the number of context columns.
  ///   - layers: the number of couplings.
  ///   - hidden: widths of the hidden layers of each network.
  ///   - bins: of each spline.
  ///   - activation: between the layers of each network.
  ///   - generator: the source of the weights.
  public static func circularSpline(
    dimension: Int, contextDimension: Int = 0, layers: Int = 6, hidden: [Int] = [64, 64],
    bins: Int = 8, activation: Activation = .tanh, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    circularSpline(
      angles: [Bool](repeating: true, count: dimension), contextDimension: contextDimension,
      layers: layers, hidden: hidden, bins: bins, activation: activation, using: &generator)
  }

  /// The same for columns of which some are angles: the others have splines on ℝ, over a standard
  /// Gaussian.
  ///
  /// Parameters as for ``circularSpline(dimension:contextDimension:layers:hidden:bins:activation:using:)``;
  /// `angles` says which columns are.
  public static func circularSpline(
    angles: [Bool], contextDimension: Int = 0, layers: Int = 6, hidden: [Int] = [64, 64],
    bins: Int = 8, activation: Activation = .tanh, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    let dimension = angles.count
    let transforms: [ColumnTransform] = angles.map {
      .spline($0 ? .circular(bins: bins) : RationalQuadraticSpline(bins: bins, tails: .learned))
    }
    var flows: [any Flow<Scalar>] = []
    for index in 0..<layers {
      if index > 0 {
        flows.append(CircularShift(dimension: dimension, angles: angles, using: &generator))
      }
      flows.append(
        layer(
          index, transforms, dimension: dimension, contextDimension: contextDimension,
          hidden: hidden, activation: activation, using: &generator))
    }
    let half = Tensor(Scalar(Double.pi)).reshaped(to: [1])
    let parts = angles.map { isAngle -> any Distribution<Scalar> in
      isAngle ? Uniform(low: -half, high: half) : Gaussian(dimension: 1)
    }
    let circle = Tensor(repeating: Scalar(Double.pi), shape: [dimension])
    let base: any Distribution<Scalar> =
      angles.allSatisfy(\.self)
      ? Uniform(low: -circle, high: circle) : ProductDistribution(parts)
    return NormalizingFlow(base: base, flow: Composition(dimension: dimension, flows))
  }

  /// Couplings of one transform, with the columns mixed after each pair of them.
  static func couplings(
    _ transform: ColumnTransform, dimension: Int, contextDimension: Int, layers: Int,
    hidden: [Int], activation: Activation, mixing: FlowMixing,
    base: (any Distribution<Scalar>)?, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    var flows: [any Flow<Scalar>] = []
    for index in 0..<layers {
      if dimension > 2 && index > 0 && index % 2 == 0 {
        flows.append(mixed(mixing, dimension: dimension, using: &generator))
      }
      flows.append(
        layer(
          index, [transform], dimension: dimension, contextDimension: contextDimension,
          hidden: hidden, activation: activation, using: &generator))
    }
    return NormalizingFlow(
      base: base ?? Gaussian(dimension: dimension), flow: Composition(dimension: dimension, flows))
  }

  /// What stands between two layers.
  private static func mixed(
    _ mixing: FlowMixing, dimension: Int, using generator: inout PhiloxGenerator
  ) -> any Flow<Scalar> {
    switch mixing {
    case .permutation: Permutation<Scalar>.random(dimension: dimension, using: &generator)
    case .linear: LULinear<Scalar>.permuting(dimension: dimension, using: &generator)
    }
  }

  /// A coupling, or where there is but one column its transform alone.
  private static func layer(
    _ index: Int, _ transforms: [ColumnTransform], dimension: Int, contextDimension: Int,
    hidden: [Int], activation: Activation, using generator: inout PhiloxGenerator
  ) -> any Flow<Scalar> {
    if dimension == 1 {
      return Elementwise(
        .init(
          dimension: 1, transforms: transforms, contextDimension: contextDimension,
          hidden: hidden, activation: activation, startsAtQuantiles: false), using: &generator)
    }
    return Coupling(
      .init(
        dimension: dimension, mask: .alternating(index), contextDimension: contextDimension,
        hidden: hidden, activation: activation, transforms: transforms), using: &generator)
  }
}
