extension NormalizingFlow {
  /// The flow of residual log-likelihood estimation (Li et al., ICCV 2021) from PyTorch weights.
  ///
  /// ```swift
  /// let file = try WeightsFile.open("coco-laplace-rle.pth")
  /// let flow = try NormalizingFlow<Float>(rleWeights: file, prefix: "flow.")
  /// ```
  ///
  /// The prefix is `flow.`, `flow2d.` or `flow3d.` in the authors' models and
  /// `head.loss_module.flow_model.` in those of mmpose. The couplings are read by
  /// ``Composition/init(maskedCouplings:prefix:activation:scale:)``. The base is the standard
  /// Gaussian, or, where the file has `<prefix>loc` [D] and `<prefix>cov` [D, D], the one they
  /// describe.
  ///
  /// The density is that of what the PyTorch flow was given, unchanged. The published training code
  /// gives it (prediction − target) / σ, the negative of the residual in the paper: a model trained
  /// by that code has to be mirrored, x → −x, before its samples are added to a prediction.
  ///
  /// - Parameters:
  ///   - file: the weights, and anything else under other names.
  ///   - prefix: what stands before `s.0.0.weight`, `t.0.0.weight` and `mask`, with its dot.
  /// - Throws: ``FlowsError``: `modelMismatch` for arrays that are missing or of another shape;
  ///   `invalidData` for a mask that is none and weights that are not finite; `unsupported` for
  ///   two networks of a layer with different hidden widths and for a covariance between columns.
  public init(rleWeights file: some NamedTensors, prefix: String = "") throws {
    let arrays = PyTorchArrays<Scalar>(file: file, prefix: prefix)
    let flow = try Composition<Scalar>(maskedCouplings: file, prefix: prefix)
    self.init(base: try arrays.base(dimension: flow.dimension), flow: flow)
  }
}

extension Composition {
  /// The masked affine couplings of a RealNVP from PyTorch weights.
  ///
  /// For D columns and layers i = 0, 1, … the file holds
  /// - `<prefix>mask` [layers, D], where 1 passes a column through and 0 transforms it,
  /// - `<prefix>s.<i>.<k>.weight` [out, in] and `<prefix>s.<i>.<k>.bias` [out], the linear layers
  ///   k = 0, 2, 4, … of an `nn.Sequential` of D inputs and D outputs that gives the raw log-scale
  ///   (the activations between them, and a last `nn.Tanh`, have odd numbers and no weights),
  /// - the same with `t` for the shift.
  ///
  /// In PyTorch such a network sees all columns times the mask, and its result is multiplied by
  /// 1 − mask. Here it keeps only the inputs that pass and the outputs that are used. Latent → data
  /// runs the layers in the order of the file. The number of layers, the number of linear layers
  /// and their widths are read from the shapes; they may differ between the couplings.
  ///
  /// - Parameters:
  ///   - file: the weights, and anything else under other names.
  ///   - prefix: what stands before the names, with its dot.
  ///   - activation: between the linear layers.
  ///   - scale: how the log-scale is bounded; `.tanh(bound: 1)` where the networks `s` end in
  ///     `nn.Tanh`, `.free` where they end in a linear layer.
  /// - Throws: ``FlowsError`` as ``NormalizingFlow/init(rleWeights:prefix:)``.
  public init(
    maskedCouplings file: some NamedTensors, prefix: String = "",
    activation: Activation = .leakyReLU(slope: 0.01), scale: CouplingScale = .tanh(bound: 1)
  ) throws {
    let arrays = PyTorchArrays<Scalar>(file: file, prefix: prefix)
    let masks = try arrays.masks()
    try arrays.checkLayerCount(masks.count)
    let couplings = try masks.enumerated().map { index, mask in
      try arrays.coupling(index, mask: mask, activation: activation, scale: scale)
    }
    self.init(dimension: masks[0].count, couplings)
  }
}

/// The arrays of a masked RealNVP, checked as they are read.
private struct PyTorchArrays<Scalar: TensorScalar> {
  let file: any NamedTensors
  let prefix: String
  let names: Set<String>

  init(file: any NamedTensors, prefix: String) {
    self.file = file
    self.prefix = prefix
    names = Set(file.names)
  }

  // MARK: - The mask

  /// For each layer and column whether it passes.
  func masks() throws -> [[Bool]] {
    let name = prefix + "mask"
    if !names.contains(name) {
      // The likely mistake is the prefix, so those that would do are named.
      let found = names.filter { $0 == "mask" || $0.hasSuffix(".mask") }
        .map { "\"" + $0.dropLast("mask".count) + "\"" }.sorted()
      let hint =
        found.isEmpty
        ? "; no array of the file is called mask"
        : "; prefixes with a mask are \(found.prefix(4).joined(separator: ", "))"
      throw FlowsError(.modelMismatch, "the file has no array of this name\(hint)", field: name)
    }
    let mask = try file.tensor(name, as: Double.self)
    guard mask.rank == 2, mask.shape[0] >= 1, mask.shape[1] >= 2 else {
      throw FlowsError(
        .modelMismatch,
        "expected the shape [layers, columns] with at least 1 layer and 2 columns, found "
          + "\(mask.shape)", field: name)
    }
    let columns = mask.shape[1]
    let scalars = mask.scalars
    return try (0..<mask.shape[0]).map { layer in
      let row = scalars[(layer * columns)..<((layer + 1) * columns)]
      guard row.allSatisfy({ $0 == 0 || $0 == 1 }) else {
        throw FlowsError(
          .invalidData, "expected only 0 and 1, found \(Array(row)) for layer \(layer)",
          field: name)
      }
      guard row.contains(1), row.contains(0) else {
        throw FlowsError(
          .invalidData,
          "expected that layer \(layer) passes at least one column and transforms at least one, "
            + "found only \(row.contains(1) ? 1 : 0)", field: name)
      }
      return row.map { $0 == 1 }
    }
  }

  /// Refuses networks that the mask has no row for.
  ///
  /// Those that are missing are found when they are read.
  func checkLayerCount(_ count: Int) throws {
    for network in ["s.", "t."] {
      let start = prefix + network
      let layers = names.filter { $0.hasPrefix(start) }.compactMap { name in
        name.dropFirst(start.count).split(separator: ".").first.flatMap { Int($0) }
      }
      if let last = layers.max(), last >= count {
        throw FlowsError(
          .modelMismatch,
          "expected \(counted(count, "layer")) as the mask has \(counted(count, "row")), found "
            + "weights of \(last + 1)", field: "\(start)\(last)")
      }
    }
  }

  // MARK: - The networks

  func coupling(_ layer: Int, mask: [Bool], activation: Activation, scale: CouplingScale) throws
    -> AffineCoupling<Scalar>
  {
    // The longer of the two decides, so that a missing array is reported by its name.
    let depth = Swift.max(1, depth("s.\(layer)."), depth("t.\(layer)."))
    let scaleLayers = try linearLayers("s.\(layer).", depth: depth, mask: mask)
    let shiftLayers = try linearLayers("t.\(layer).", depth: depth, mask: mask)
    let hidden = scaleLayers.dropLast().map { $0.weight.shape[1] }
    let others = shiftLayers.dropLast().map { $0.weight.shape[1] }
    guard hidden == others else {
      throw FlowsError(
        .unsupported,
        "the networks s and t of a layer have the same hidden widths; found \(hidden) and "
          + "\(others)", field: "\(prefix)s.\(layer)")
    }
    var coupling = try AffineCoupling<Scalar>(
      configuration: .init(
        dimension: mask.count, mask: .given(mask), contextDimension: 0, hidden: hidden,
        activation: activation, networks: .separate, scale: scale))
    coupling.scaleNetwork.layers = scaleLayers
    coupling.shiftNetwork?.layers = shiftLayers
    return coupling
  }

  /// The number of linear layers, from the largest number in the names.
  private func depth(_ network: String) -> Int {
    let start = prefix + network
    let numbers = names.filter { $0.hasPrefix(start) && $0.hasSuffix(".weight") }
      .compactMap { Int($0.dropFirst(start.count).dropLast(".weight".count)) }
    return numbers.max().map { $0 / 2 + 1 } ?? 0
  }

  private func linearLayers(_ network: String, depth: Int, mask: [Bool]) throws
    -> [Linear<Scalar>]
  {
    var width = mask.count
    return try (0..<depth).map { index in
      let name = "\(prefix)\(network)\(2 * index)"
      let isLast = index == depth - 1
      var weight = try array(name + ".weight")
      guard weight.rank == 2, weight.shape[1] == width, weight.shape[0] >= 1,
        !isLast || weight.shape[0] == mask.count
      else {
        throw FlowsError(
          .modelMismatch,
          "expected the shape [\(isLast ? "\(mask.count)" : "width"), \(width)] "
            + "(outputs, inputs), found \(weight.shape)", field: name + ".weight")
      }
      width = weight.shape[0]
      var bias = try array(name + ".bias")
      guard bias.shape == [width] else {
        throw FlowsError(
          .modelMismatch, "expected the shape [\(width)], found \(bias.shape)",
          field: name + ".bias")
      }
      if index == 0 { weight = weight.columns(mask.indices.filter { mask[$0] }) }
      if isLast {
        let used = mask.indices.filter { !mask[$0] }
        weight = weight.rows(used)
        bias = bias.gathering(used, axis: 0)
      }
      return Linear(weight: weight.transposed(), bias: bias)
    }
  }

  // MARK: - The base

  func base(dimension: Int) throws -> Gaussian<Scalar> {
    guard names.contains(prefix + "loc") || names.contains(prefix + "cov") else {
      return Gaussian(dimension: dimension)
    }
    let location = try array(prefix + "loc")
    let covariance = try array(prefix + "cov")
    for (name, found, expected) in [
      ("loc", location.shape, [dimension]), ("cov", covariance.shape, [dimension, dimension]),
    ] where found != expected {
      throw FlowsError(
        .modelMismatch, "expected the shape \(expected), found \(found)", field: prefix + name)
    }
    var variances: [Scalar] = []
    for row in 0..<dimension {
      for column in 0..<dimension where column != row && covariance[row, column] != 0 {
        throw FlowsError(
          .unsupported, "a base with a covariance between columns", field: prefix + "cov")
      }
      guard covariance[row, row] > 0 else {
        throw FlowsError(
          .invalidData, "expected positive variances, found \(covariance[row, row])",
          field: prefix + "cov")
      }
      variances.append(covariance[row, row])
    }
    return Gaussian(location: location, scale: sqrt(Tensor(variances)))
  }

  private func array(_ name: String) throws -> Tensor<Scalar> {
    guard names.contains(name) else {
      throw FlowsError(.modelMismatch, "the file has no array of this name", field: name)
    }
    let tensor = try file.tensor(name, as: Scalar.self)
    guard tensor.isFinite else {
      throw FlowsError(
        .invalidData, "expected finite \(Scalar.self) values, found others", field: name)
    }
    return tensor
  }
}
