extension NormalizingFlow {
  /// Glow on rows (Kingma and Dhariwal, NeurIPS 2018): steps of activation normalisation, an invertible
  /// matrix, and an affine coupling.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, at least 2.
  ///   - contextDimension: the number of context columns.
  ///   - layers: the number of steps.
  ///   - hidden: widths of the hidden layers of each network.
  ///   - activation: between the layers of each network.
  ///   - scale: how the log-scales of couplings are bounded.
  ///   - base: the latent density; the standard Gaussian where nil.
  ///   - generator: the source of the weights.
  public static func glow(
    dimension: Int, contextDimension: Int = 0, layers: Int = 8, hidden: [Int] = [64, 64],
    activation: Activation = .relu, scale: CouplingScale = .tanh(bound: 2),
    base: (any Distribution<Scalar>)? = nil, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    var flows: [any Flow<Scalar>] = []
    for index in 0..<layers {
      flows.append(
        AffineCoupling(
          dimension: dimension, mask: .alternating(index), contextDimension: contextDimension,
          hidden: hidden, activation: activation, networks: .joint, scale: scale,
          outputInitializer: .zero, using: &generator))
      flows.append(LULinear.permuting(dimension: dimension, using: &generator))
      flows.append(ActNorm(dimension: dimension))
    }
    return NormalizingFlow(
      base: base ?? Gaussian(dimension: dimension), flow: Composition(dimension: dimension, flows))
  }

  /// A Gaussianization flow (Meng et al., AISTATS 2020): each layer makes every column about Gaussian, by a
  /// mixture of logistic distribution functions that starts at quantiles of the data, and turns the columns.
  ///
  /// Its columns depend on each other by rotations alone, so that it has few weights and learns from few
  /// rows.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns.
  ///   - contextDimension: the number of context columns, which move the mixtures.
  ///   - layers: the number of layers.
  ///   - components: of the mixture of each column.
  ///   - hidden: widths of the hidden layers of the networks of the context.
  ///   - base: the latent density; the standard Gaussian where nil.
  ///   - generator: the source of the rotations.
  public static func gaussianization(
    dimension: Int, contextDimension: Int = 0, layers: Int = 6, components: Int = 8,
    hidden: [Int] = [64, 64], base: (any Distribution<Scalar>)? = nil,
    using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    var flows: [any Flow<Scalar>] = []
    for index in 0..<layers {
      // A logistic variable has the scale of a Gaussian one once it is divided by about 1.7.
      flows.append(ActNorm(dimension: dimension))
      flows.append(
        Elementwise(
          dimension: dimension, transform: .logisticMixture(components: components),
          contextDimension: contextDimension, hidden: hidden, startsAtQuantiles: true,
          using: &generator))
      if dimension > 1 && index < layers - 1 {
        flows.append(
          Householder(dimension: dimension, startsAsIdentity: false, using: &generator))
      }
    }
    return NormalizingFlow(
      base: base ?? Gaussian(dimension: dimension), flow: Composition(dimension: dimension, flows))
  }
}
