extension NormalizingFlow {
  /// RealNVP: affine couplings with alternating masks (Dinh et al., ICLR 2017).
  ///
  /// - Parameters:
  ///   - dimension: the number of columns, at least 2.
  ///   - contextDimension: the number of context columns.
  ///   - layers: the number of couplings.
  ///   - hidden: widths of the hidden layers of each network.
  ///   - activation: between their layers.
  ///   - networks: one network for scale and shift each, or one for both.
  ///   - scale: how log-scales are bounded.
  ///   - base: the latent density; the standard Gaussian where nil.
  ///   - generator: the source of the weights.
  public static func realNVP(
    dimension: Int, contextDimension: Int = 0, layers: Int = 8, hidden: [Int] = [64, 64],
    activation: Activation = .leakyReLU(), networks: AffineCoupling<Scalar>.Networks = .joint,
    scale: CouplingScale = .tanh(bound: 1.5),
    base: (any Distribution<Scalar>)? = nil, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    var flows: [any Flow<Scalar>] = []
    for index in 0..<layers {
      if dimension > 2 && index > 0 && index % 2 == 0 {
        flows.append(Permutation.random(dimension: dimension, using: &generator))
      }
      flows.append(
        AffineCoupling(
          dimension: dimension, mask: .alternating(index), contextDimension: contextDimension,
          hidden: hidden, activation: activation, networks: networks, scale: scale,
          outputInitializer: .zero, using: &generator))
    }
    return NormalizingFlow(
      base: base ?? Gaussian(dimension: dimension), flow: Composition(dimension: dimension, flows))
  }

  /// NICE: additive couplings with alternating masks and a scale per column (Dinh et al., 2014).
  public static func nice(
    dimension: Int, contextDimension: Int = 0, layers: Int = 8, hidden: [Int] = [64, 64],
    activation: Activation = .leakyReLU(), base: (any Distribution<Scalar>)? = nil,
    using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    var flows: [any Flow<Scalar>] = []
    for index in 0..<layers {
      flows.append(
        AdditiveCoupling(
          dimension: dimension, mask: .alternating(index), contextDimension: contextDimension,
          hidden: hidden, activation: activation, outputInitializer: .zero, using: &generator))
    }
    flows.append(ActNorm(dimension: dimension))
    return NormalizingFlow(
      base: base ?? Gaussian(dimension: dimension), flow: Composition(dimension: dimension, flows))
  }

  /// The flow of residual log-likelihood estimation (Li et al., ICCV 2021).
  ///
  /// Six affine couplings with separate networks D→64→64→D, LeakyReLU(0.01), tanh on the log-scale,
  /// and a standard Gaussian base; masks [0,1],[1,0] in 2-D, [0,0,1],[1,1,0] in 3-D, three times.
  public static func rle(dimension: Int = 2, using generator: inout PhiloxGenerator)
    -> NormalizingFlow
  {
    let flows: [any Flow<Scalar>] = RLEFlow.masks(dimension: dimension).map { mask in
      AffineCoupling(
        dimension: dimension, mask: .given(mask), hidden: [64, 64],
        activation: .leakyReLU(slope: 0.01), networks: .separate, scale: .tanh(bound: 1),
        using: &generator)
    }
    return NormalizingFlow(
      base: Gaussian(dimension: dimension), flow: Composition(dimension: dimension, flows))
  }
}

/// Facts of the published flow of RLE.
enum RLEFlow {
  static func masks(dimension: Int) -> [[Bool]] {
    precondition(
      dimension == 2 || dimension == 3, "the flow of RLE has 2 or 3 columns; got \(dimension)")
    let pair =
      dimension == 2
      ? [[false, true], [true, false]] : [[false, false, true], [true, true, false]]
    return pair + pair + pair
  }
}
