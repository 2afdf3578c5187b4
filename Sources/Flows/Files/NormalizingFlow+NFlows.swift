extension NormalizingFlow {
  /// A flow of nflows from the weights of its `state_dict()`: masked autoregressive flows, affine or of
  /// rational-quadratic splines, couplings of such splines, and permutations.
  ///
  /// For transforms I = 0, 1, …, from data to latent, the file holds under `<prefix>_transform.`, or for a
  /// `CompositeTransform` under `<prefix>_transform._transforms.<I>.`
  /// - `MaskedAffineAutoregressiveTransform`,
  ///   `MaskedPiecewiseRationalQuadraticAutoregressiveTransform`: `autoregressive_net.`, a MADE with
  ///   `use_residual_blocks=False` and without batch normalization;
  /// - `PiecewiseRationalQuadraticCouplingTransform`: `identity_features`, `transform_features` and
  ///   `transform_net.`, a perceptron whose linear layers stand in one `nn.Sequential`, of the passed
  ///   columns and then the context;
  /// - permutations: `_permutation`.
  ///
  /// Splines have linear tails and the least widths, heights and slopes of nflows' defaults; the base is
  /// `StandardNormal`. What the file does not tell has a parameter here.
  ///
  /// The network of a MADE with context gets a layer more: nflows adds relu(V·c + v) to the first layer
  /// before its activation, while a masked perceptron has only units to see. So x is carried through units
  /// relu(x) and relu(−x) beside those of the context, from which the layer is put together exactly.
  ///
  /// - Parameters:
  ///   - file: the weights, and anything else under other names.
  ///   - prefix: what stands before `_transform.`, with its dot.
  ///   - bound: splines bend the interval ±bound: `tail_bound` in nflows, with its default.
  ///   - hasHiddenFeatures: whether the networks of couplings have an attribute `hidden_features`; nflows
  ///     then divides raw widths and heights by its root, which is taken to be the width of the last
  ///     hidden layer.
  ///   - activation: between the layers of the networks; `.relu` where a MADE has context.
  /// - Throws: ``FlowsError``: `modelMismatch` for arrays that are missing or of another shape;
  ///   `invalidData` for numbers that are not finite and masks that are none; `unsupported` for other
  ///   transforms, networks and bases, and for an embedding of the context.
  public init(
    nflowsWeights file: some NamedTensors, prefix: String = "", bound: Double = 1,
    hasHiddenFeatures: Bool = false, activation: Activation = .relu
  ) throws {
    let arrays = PeerArrays<Scalar>(file)
    try arrays.refuse(prefix + "_embedding_net.", "expected no network that embeds the context")
    // A buffer of older versions, of no effect.
    try arrays.refuse(
      prefix + "_distribution.", except: [prefix + "_distribution._log_z"],
      "expected the base StandardNormal, found another")
    let reader = NFlowsReader(
      arrays: arrays,
      spline: RationalQuadraticSpline(interval: try symmetric(bound), parametrization: .floored),
      hasHiddenFeatures: hasHiddenFeatures, activation: activation)
    let flow = try arrays.composition(reader.flows(prefix + "_transform.", depth: 0))
    self.init(base: Gaussian(dimension: flow.dimension), flow: flow)
  }
}

private struct NFlowsReader<Scalar: TensorScalar> {
  let arrays: PeerArrays<Scalar>
  let spline: RationalQuadraticSpline
  let hasHiddenFeatures: Bool
  let activation: Activation

  /// The transforms under a name, data → latent.
  func flows(_ name: String, depth: Int) throws -> [(name: String, flow: any Flow<Scalar>)] {
    let inner = name + "_transforms."
    if arrays.names(from: inner).isEmpty && !arrays.names(from: name).isEmpty {
      return [(name, try transform(name))]
    }
    guard depth < 16 else {
      throw FlowsError(
        .unsupported, "expected at most 16 composite transforms in each other", field: name)
    }
    return try arrays.parts(after: inner).flatMap { try flows($0, depth: depth + 1) }
  }

  private func transform(_ name: String) throws -> any Flow<Scalar> {
    if arrays.contains(name + "_permutation") { return try permutation(name + "_permutation") }
    if arrays.contains(name + "transform_features") { return try coupling(name) }
    if !arrays.names(from: name + "autoregressive_net.").isEmpty { return try masked(name) }
    throw FlowsError(
      .unsupported,
      "expected an autoregressive transform, a coupling or a permutation, found "
        + listed(arrays.names(from: name)), field: name)
  }

  private func permutation(_ name: String) throws -> Permutation<Scalar> {
    let sources = try arrays.indices(name)
    guard sources.sorted() == Array(sources.indices) else {
      throw FlowsError(
        .invalidData, "expected each column once, found \(excerpt(sources))", field: name)
    }
    // Latent column i is data column sources[i].
    var order = sources
    for (place, source) in sources.enumerated() { order[source] = place }
    return Permutation(order)
  }

  private func columnMap(_ outputs: Int, _ columns: Int, isCoupling: Bool, name: String) throws
    -> PeerUnivariate<Scalar>
  {
    // The affine coupling of nflows has another scale and another order of outputs.
    let scale = CouplingScale.softplus(floor: 1e-3)
    return try PeerUnivariate(
      parameters: columns > 0 && outputs % columns == 0 ? outputs / columns : 0,
      affine: isCoupling ? nil : (.latentAffine(scale: scale), [0, 1]), spline: spline, name: name)
  }

  // MARK: - Couplings

  private func coupling(_ name: String) throws -> Coupling<Scalar> {
    let (identity, changed) = (name + "identity_features", name + "transform_features")
    let dimension =
      try arrays.array(identity, shape: [nil]).count
      + arrays.array(changed, shape: [nil]).count
    let passed = try arrays.indices(identity, below: dimension)
    let transformed = try arrays.indices(changed, below: dimension)
    guard passed == passed.sorted(), transformed == transformed.sorted(),
      (passed + transformed).sorted() == Array(0..<dimension)
    else {
      throw FlowsError(
        .invalidData,
        "expected each of \(dimension) columns once and in order, in this array or in "
          + "transform_features", field: identity)
    }
    let layers = try arrays.layers(sequence(name + "transform_net."))
    let last = layers[layers.count - 1].weight
    var univariate = try columnMap(
      last.shape[0], transformed.count, isCoupling: true, name: name + "transform_net.")
    if hasHiddenFeatures {
      let factor = 1 / Scalar(last.shape[1]).squareRoot()
      let bins = (univariate.order.count + 1) / 3
      univariate.factors = univariate.order.map { $0 < 2 * bins ? factor : 1 }
    }
    return try arrays.coupling(
      layers, passes: (0..<dimension).map { !transformed.contains($0) }, univariate,
      activation: activation, name: name)
  }

  /// The names of the linear layers of one `nn.Sequential`, in order.
  private func sequence(_ start: String) throws -> [String] {
    let ending = ".weight"
    var stems: Set<Substring> = []
    var numbers: [Int] = []
    let all = arrays.names(from: start)
    for name in all where name.hasSuffix(ending) {
      let parts = name.dropLast(ending.count).split(
        separator: ".", omittingEmptySubsequences: false)
      guard let number = parts.last.flatMap({ Int($0) }) else { continue }
      stems.insert(name.dropLast(ending.count + (parts.last?.count ?? 0)))
      numbers.append(number)
    }
    guard let stem = stems.first, stems.count == 1, all.count == 2 * numbers.count else {
      throw FlowsError(
        .unsupported,
        "expected the linear layers of one nn.Sequential, found \(listed(all))", field: start)
    }
    return numbers.sorted().map { "\(stem)\($0)" }
  }

  // MARK: - Masked networks

  private func masked(_ name: String) throws -> Autoregressive<Scalar> {
    let network = name + "autoregressive_net."
    let blocks = arrays.numbers(after: network + "blocks.").map { "\(network)blocks.\($0)." }
    for block in blocks {
      let known = ["weight", "bias", "mask", "degrees"].map { block + "linear." + $0 }
      try arrays.refuse(
        block, except: known + [block + "degrees"],
        "expected a block with one linear layer: use_residual_blocks=False, "
          + "use_batch_norm=False")
    }
    var layers = try arrays.maskedLayers(
      [network + "initial_layer"] + blocks.map { $0 + "linear" } + [network + "final_layer"])
    let dimension = layers[0].weight.shape[1]
    let univariate = try columnMap(
      layers[layers.count - 1].bias.count, dimension, isCoupling: false,
      name: network + "final_layer.weight")
    if arrays.contains(network + "context_layer.weight") {
      guard activation == .relu else {
        throw FlowsError(
          .unsupported, "a masked network with context is read with the activation relu only",
          field: network + "context_layer.weight")
      }
      layers.replaceSubrange(
        0..<1, with: try withContext(layers[0], network + "context_layer", dimension))
    }
    return try arrays.autoregressive(
      layers, groups: Array(0..<dimension), univariate, activation: activation, name: name)
  }

  /// relu(Wx + b + relu(Vc + v)) as two layers: x = relu(x) − relu(−x).
  private func withContext(_ first: PeerMaskedLayer<Scalar>, _ name: String, _ dimension: Int)
    throws -> [PeerMaskedLayer<Scalar>]
  {
    let width = first.bias.count
    let weight = try arrays.array(name + ".weight", shape: [width, nil])
    let bias = try arrays.array(name + ".bias", shape: [width])
    let context = weight.shape[1]
    let columns = Tensor<Scalar>.identity(dimension)
    let none = Tensor<Scalar>.zeros([dimension, context])
    func rows(_ left: Tensor<Scalar>, _ right: Tensor<Scalar>) -> Tensor<Scalar> {
      .concatenated([left, right], axis: 1)
    }
    let unseen = Tensor<Scalar>.zeros([width, dimension])
    let carried = PeerMaskedLayer(
      weight: .concatenated([rows(columns, none), rows(-columns, none), rows(unseen, weight)]),
      mask: .concatenated([
        rows(columns, none), rows(columns, none), rows(unseen, .ones([width, context])),
      ]),
      bias: .concatenated([.zeros([2 * dimension]), bias]))
    let units = Tensor<Scalar>.identity(width)
    let joined = PeerMaskedLayer(
      weight: .concatenated([first.weight, -first.weight, units], axis: 1),
      mask: .concatenated([first.mask, first.mask, units], axis: 1), bias: first.bias)
    return [carried, joined]
  }
}
