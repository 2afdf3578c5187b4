extension NormalizingFlow {
  /// A masked autoregressive flow (Papamakarios et al., NeurIPS 2017): fast densities; draws column by
  /// column.
  ///
  /// - Parameters:
  ///   - dimension: the number of columns.
  ///   - contextDimension: the number of context columns.
  ///   - layers: the number of transforms; every other one takes the columns from last to first.
  ///   - hidden: widths of the hidden layers of each network.
  ///   - transform: of each column; affine in the paper.
  ///   - activation: between the layers of each network.
  ///   - base: the latent density; the standard Gaussian where nil.
  ///   - generator: the source of the weights.
  public static func maf(
    dimension: Int, contextDimension: Int = 0, layers: Int = 5, hidden: [Int] = [64, 64],
    transform: ColumnTransform = .affine(), activation: Activation = .relu,
    base: (any Distribution<Scalar>)? = nil, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    autoregressive(
      transform, dimension: dimension, contextDimension: contextDimension, layers: layers,
      hidden: hidden, activation: activation, mixing: .permutation, base: base, using: &generator)
  }

  /// An inverse autoregressive flow (Kingma et al., NeurIPS 2016): fast draws, as variational inference and
  /// reverse KL need; densities of given rows column by column.
  ///
  /// Parameters as for ``maf(dimension:contextDimension:layers:hidden:transform:activation:base:using:)``.
  public static func iaf(
    dimension: Int, contextDimension: Int = 0, layers: Int = 5, hidden: [Int] = [64, 64],
    transform: ColumnTransform = .affine(), activation: Activation = .relu,
    base: (any Distribution<Scalar>)? = nil, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    let flow = maf(
      dimension: dimension, contextDimension: contextDimension, layers: layers, hidden: hidden,
      transform: transform, activation: activation, base: base, using: &generator)
    return NormalizingFlow(
      base: flow.base,
      flow: Composition(dimension: dimension, flow.flow.flows.map { $0.inverted }))
  }

  static func autoregressive(
    _ transform: ColumnTransform, dimension: Int, contextDimension: Int, layers: Int,
    hidden: [Int], activation: Activation, mixing: FlowMixing,
    base: (any Distribution<Scalar>)?, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    var flows: [any Flow<Scalar>] = []
    let columns = Array(0..<dimension)
    for index in 0..<layers {
      if dimension == 1 && contextDimension == 0 {
        // Nothing to depend on: a network would have nothing to see.
        flows.append(Elementwise(dimension: 1, transform: transform, using: &generator))
        continue
      }
      flows.append(
        Autoregressive(
          dimension: dimension, transform: transform,
          order: index % 2 == 0 ? columns : columns.reversed(),
          contextDimension: contextDimension, hidden: hidden, activation: activation,
          using: &generator))
      if mixing == .linear && dimension > 2 && index < layers - 1 {
        flows.append(LULinear(dimension: dimension))
      }
    }
    return NormalizingFlow(
      base: base ?? Gaussian(dimension: dimension), flow: Composition(dimension: dimension, flows))
  }
}
