internal import CFlowKernels

/// An increasing map of one column, whose parameters a network of other columns gives, or training
/// alone.
///
/// The same transforms serve ``Coupling``, ``Autoregressive`` and ``Elementwise``. Parameters of all
/// zeros are the identity (but for ``RationalQuadraticSpline/Parametrization/floored`` and
/// ``CouplingScale/softplus(floor:)``).
public enum ColumnTransform: Hashable, Sendable, Codable {
  /// Toward data y = x + t: 1 parameter.
  case additive
  /// Toward data y = x·eˢ + t with a bounded log-scale s: 2 parameters, s before t.
  case affine(scale: CouplingScale = .tanh(bound: 2))
  /// Toward latent z = x·eˢ + t, the form of zuko and nflows: 2 parameters, s before t.
  case latentAffine(scale: CouplingScale = .soft())
  /// A rational-quadratic spline.
  case spline(RationalQuadraticSpline = RationalQuadraticSpline())
  /// Toward latent y = logit Σ_k π_k σ((x − μ_k) / s_k), a mixture of logistic distribution functions
  /// (Ho et al., Flow++, ICML 2019): 3 parameters for each component (logits of π, μ, log s).
  case logisticMixture(components: Int = 8)
  /// An increasing polynomial.
  case bernstein(BernsteinPolynomial = BernsteinPolynomial())

  /// Parameters of one column.
  public var parameterCount: Int {
    var map = kernel
    return Int(fk_map_parameters(&map))
  }

  /// Where its columns lie.
  var support: Support {
    guard case .spline(let spline) = self else { return .real }
    switch spline.tails {
    case .linear, .learned: return .real
    case .closed: return .interval(spline.low, spline.high)
    case .circular:
      let isAngle = spline.low == -Double.pi && spline.high == Double.pi
      return isAngle ? .circle : .interval(spline.low, spline.high)
    }
  }

  /// The circle whose angles it maps; nil for maps of a line.
  var circle: ClosedRange<Double>? {
    guard case .spline(let spline) = self, spline.tails == .circular else { return nil }
    return spline.low...spline.high
  }

  var kernel: fk_map {
    switch self {
    case .additive:
      var map = fk_map()
      map.kind = FK_MAP_ADDITIVE
      return map
    case .affine(let scale):
      var map = fk_map()
      map.kind = FK_MAP_AFFINE
      (map.scale, map.bound) = scale.kernel
      return map
    case .latentAffine(let scale):
      var map = fk_map()
      map.kind = FK_MAP_LATENT_AFFINE
      (map.scale, map.bound) = scale.kernel
      return map
    case .spline(let spline): return spline.kernel
    case .logisticMixture(let components):
      var map = fk_map()
      map.kind = FK_MAP_LOGISTICS
      map.parts = Int64(components)
      return map
    case .bernstein(let polynomial): return polynomial.kernel
    }
  }

  func validate() throws {
    switch self {
    case .additive: break
    case .affine(let scale), .latentAffine(let scale): try scale.validate()
    case .spline(let spline): try spline.validate()
    case .logisticMixture(let components):
      try requireConfiguration(
        (1...1_024).contains(components), "expected 1 to 1024 components, got \(components)",
        field: "components")
    case .bernstein(let polynomial): try polynomial.validate()
    }
  }
}

extension CouplingScale {
  func validate() throws {
    switch self {
    case .tanh(let bound), .soft(let bound):
      try requireConfiguration(
        bound > 0 && bound.isFinite, "expected a positive bound, got \(bound)", field: "scale")
    case .softplus(let floor):
      try requireConfiguration(
        floor > 0 && floor.isFinite, "expected a positive floor, got \(floor)", field: "scale")
    case .free: break
    }
  }
}

/// The transforms of some columns, with where the parameters of each begin.
struct ColumnTransforms: Sendable {
  let maps: [fk_map]
  /// Where the parameters of each column begin; one more than there are columns.
  let starts: [Int]

  /// - Parameters:
  ///   - transforms: one for all columns, or one for each.
  ///   - columns: which columns of `dimension` are transformed, in their order.
  init(_ transforms: [ColumnTransform], columns: [Int], dimension: Int) {
    precondition(
      transforms.count == 1 || transforms.count == dimension,
      "there is one transform for all columns or one for each of \(dimension); got "
        + "\(transforms.count)")
    let own = columns.map { transforms[transforms.count == 1 ? 0 : $0] }
    for transform in own {
      do { try transform.validate() } catch { preconditionFailure("\(error)") }
    }
    maps = own.map(\.kernel)
    var starts = [0]
    for transform in own { starts.append(starts[starts.count - 1] + transform.parameterCount) }
    self.starts = starts
  }

  /// Parameters of all columns.
  var parameterCount: Int { starts[maps.count] }
}

extension [ColumnTransform] {
  /// Where each of the columns lies that these transform, one for all or one for each.
  func supports(dimension: Int) -> [Support] {
    (0..<dimension).map { self[count == 1 ? 0 : $0].support }
  }
}

func validateTransforms(_ transforms: [ColumnTransform], dimension: Int) throws {
  try requireConfiguration(
    transforms.count == 1 || transforms.count == dimension,
    "expected one transform, or one for each of \(dimension) columns; got \(transforms.count)",
    field: "transforms")
  for transform in transforms { try transform.validate() }
}
