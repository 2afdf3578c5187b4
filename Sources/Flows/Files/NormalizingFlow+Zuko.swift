extension NormalizingFlow {
  /// A flow of zuko from the weights of its `state_dict()`: MAF, NSF, NICE, and couplings with splines.
  ///
  /// ```swift
  /// let flow = try NormalizingFlow<Float>(zukoWeights: WeightsFile.open("nsf.pth"))
  /// let logDensity = flow.logDensity(of: x, context: c)   // zuko: flow(c).log_prob(x)
  /// ```
  ///
  /// For transforms I = 0, 1, …, from data to latent, the file holds under
  /// `<prefix>transform.transforms.<I>.`
  /// - masked autoregressive ones: `order` [D] and `hyper.<k>.weight`, `.bias` and `.mask` for k = 0, 2,
  ///   4, …;
  /// - couplings: `mask` [D], where 1 passes a column through, and `hyper.<k>.weight` and `.bias`;
  ///
  /// and `<prefix>base.loc` and `base.scale` [D]. Dimensions, orders, the number of passes, widths,
  /// context and bins are read from the arrays: two outputs for a column are `MonotonicAffineTransform`,
  /// 3·bins − 1 are `MonotonicRQSTransform`. What the file does not tell has a parameter here. Circular
  /// splines (`NCSF`) have the same arrays as plain ones and would be taken for them.
  ///
  /// - Parameters:
  ///   - file: the weights, and anything else under other names.
  ///   - prefix: what stands before `transform.` and `base.`, with its dot.
  ///   - bound: splines bend the interval ±bound.
  ///   - slope: the least slope of transforms, `slope` in zuko.
  ///   - activation: between the layers of the networks.
  /// - Throws: ``FlowsError``: `modelMismatch` for arrays that are missing or of another shape;
  ///   `invalidData` for numbers that are not finite and masks that are none; `unsupported` for other
  ///   transforms, networks with residual blocks, and bases that are no diagonal Gaussian.
  public init(
    zukoWeights file: some NamedTensors, prefix: String = "", bound: Double = 5,
    slope: Double = 1e-3, activation: Activation = .relu
  ) throws {
    let arrays = PeerArrays<Scalar>(file)
    let spline = RationalQuadraticSpline(
      interval: try symmetric(bound), parametrization: .soft, binFloor: slope, slopeFloor: slope)
    // zuko has the shift before the scale.
    let scale = CouplingScale.soft(bound: -log(Tensor<Double>(slope)).scalar)
    let affine = (transform: ColumnTransform.latentAffine(scale: scale), order: [1, 0])
    let parts = try arrays.parts(after: prefix + "transform.transforms.")
    let flows: [(name: String, flow: any Flow<Scalar>)] = try parts.map { name in
      (name, try arrays.zukoTransform(name, affine: affine, spline: spline, activation: activation))
    }
    let flow = try arrays.composition(flows)
    self.init(base: try arrays.zukoBase(prefix, flow.dimension), flow: flow)
  }
}

/// The interval ±bound.
func symmetric(_ bound: Double) throws -> ClosedRange<Double> {
  try requireConfiguration(
    bound > 0 && bound.isFinite, "expected a positive number, got \(bound)", field: "bound")
  return -bound...bound
}

extension PeerArrays {
  fileprivate func zukoTransform(
    _ name: String, affine: (transform: ColumnTransform, order: [Int]),
    spline: RationalQuadraticSpline,
    activation: Activation
  ) throws -> any Flow<Scalar> {
    guard contains(name + "order") || contains(name + "mask") else {
      throw FlowsError(
        .unsupported,
        "expected an autoregressive transform (order) or a coupling (mask), found "
          + listed(names(from: name)), field: name)
    }
    let network = name + "hyper."
    let layers = numbers(after: network).map { "\(network)\($0)" }
    guard let last = layers.last, layers.allSatisfy({ contains($0 + ".weight") }) else {
      throw FlowsError(
        .unsupported,
        "expected linear layers with activations between them, found "
          + listed(names(from: network)), field: network)
    }
    func univariate(_ outputs: Int, _ columns: Int) throws -> PeerUnivariate<Scalar> {
      try PeerUnivariate(
        parameters: columns > 0 && outputs % columns == 0 ? outputs / columns : 0, affine: affine,
        spline: spline, name: last + ".weight")
    }
    if contains(name + "order") {
      let groups = try indices(name + "order")
      let masked = try maskedLayers(layers)
      return try autoregressive(
        masked, groups: groups, univariate(masked[masked.count - 1].bias.count, groups.count),
        activation: activation, name: name)
    }
    let passes = try flags(name + "mask", shape: [nil]).scalars.map { $0 == 1 }
    let plain = try self.layers(layers)
    return try coupling(
      plain, passes: passes,
      univariate(plain[plain.count - 1].weight.shape[0], passes.filter { !$0 }.count),
      activation: activation, name: name)
  }

  fileprivate func zukoBase(_ prefix: String, _ dimension: Int) throws -> Gaussian<Scalar> {
    let (location, scale) = (prefix + "base.loc", prefix + "base.scale")
    try refuse(
      prefix + "base.", except: [location, scale],
      "expected a Gaussian with loc and scale, found another base")
    guard contains(location) || contains(scale) else { return Gaussian(dimension: dimension) }
    let scales = try array(scale, shape: [dimension])
    guard scales.scalars.allSatisfy({ $0 > 0 }) else {
      throw FlowsError(.invalidData, "expected positive scales, found others", field: scale)
    }
    return Gaussian(location: try array(location, shape: [dimension]), scale: scales)
  }
}
