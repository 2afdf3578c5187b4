/// Maps from all of ℝ onto the declared support of each column, for the data side of a flow.
///
/// ```swift
/// NormalizingFlow(base: Gaussian(dimension: 4)) {
///   for index in 0..<6 {
///     AffineCoupling(dimension: 4, mask: .alternating(index), using: &generator)
///   }
///   .support([.positive, .interval(0, 1), .real, .interval(-1, 1)])
/// }
/// ```
///
/// * `.positive`: x = s · log(1 + eᶻ), softplus in units s of the column. Beside eᶻ it is finite for
///   z up to 1e4 in `Float`, its slope is bounded by s, so that no tail of the latent density is
///   blown up, and below s it is exponential all the same. s is the median of the first data that
///   ``prepare(with:context:)`` sees, so that a column's unit makes no difference; 1 before. For a
///   column that spans many powers of ten take its logarithm yourself.
/// * `.interval(a, b)`: x = a + (b − a) / (1 + e⁻ᶻ). Rows on an end count as lying the least distance
///   within that can be told from it, where log-density and gradient are finite.
/// * `.real`: x = z.
/// * `.circle`: x = z, wrapped into [−π, π) in both directions. Its latent side is the circle as well,
///   so base and flow must be densities and maps of the circle in such a column, such as a
///   ``Uniform`` base on [−π, π].
///
/// Outside of the support the inverse has log |det J| = −∞ with a gradient of zero. `fit` finds its
/// units behind this map: ``NormalizingFlow/standardization`` stands between it and the other flows.
public struct SupportMap<Scalar: TensorScalar>: DataSideMap {
  /// All that defines the map but its tensors.
  public struct Configuration: Hashable, Sendable, Codable {
    /// The support of each column.
    public var columns: [Support]
  }

  /// The support of each column.
  public let support: [Support]
  /// The units s of positive columns, `[dimension]`; 1 in the others.
  public private(set) var scale: Tensor<Scalar>
  private var initialized: Tensor<Scalar>
  private let layout: Layout

  /// A map onto the support of each column.
  public init(_ columns: [Support]) {
    let problem = SupportMap.problem(with: columns)
    precondition(problem == nil, problem ?? "")
    support = columns
    scale = .ones([columns.count])
    initialized = .zeros([1])
    layout = Layout(columns)
  }

  /// What speaks against a map onto these supports.
  static func problem(with columns: [Support]) -> String? {
    if columns.isEmpty { return "a support map has at least one column" }
    for (index, column) in columns.enumerated() {
      guard case .interval(let low, let high) = column else { continue }
      let (a, b) = (Scalar(low), Scalar(high))
      if !(a < b && (b - a).isFinite) {
        return "an interval is bounded and its first end below its second; got \(column) in column "
          + "\(index + 1)"
      }
    }
    return nil
  }

  /// All that defines the map but its tensors.
  public var configuration: Configuration { Configuration(columns: support) }
  /// The number of columns.
  public var dimension: Int { support.count }
  /// Where no column is bounded.
  public var hasConstantLogDet: Bool { support.allSatisfy { $0 == .real || $0 == .circle } }

  /// Latent → data.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(z)
    return layout.map(z) { part, z in
      switch part.kind {
      case .real: return (z, nil, nil)
      case .circle: return (Angle.wrapped(z), nil, nil)
      case .positive: return Self.softplus(z, unit: scale.columns(part.columns))
      case .interval: return Self.logistic(z, part.low, part.high)
      }
    }
  }

  /// Data → latent.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    checkRows(x)
    return layout.map(x) { part, x in
      switch part.kind {
      case .real: return (x, nil, nil)
      case .circle: return (Angle.wrapped(x), nil, nil)
      case .positive: return Self.inverseSoftplus(x, unit: scale.columns(part.columns))
      case .interval: return Self.logit(x, part.low, part.high)
      }
    }
  }

  /// Sets the units of positive columns from the medians of the first data seen; later calls change
  /// nothing.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    guard initialized.scalar == 0, x.storage.shape[0] > 0 else { return }
    initialized = .ones([1])
    var units = scale.scalars
    for (column, kind) in support.enumerated() where kind == .positive {
      let sorted = x.detached.columns([column]).scalars.filter { $0 > 0 && $0.isFinite }.sorted()
      if !sorted.isEmpty { units[column] = sorted[sorted.count / 2] }
    }
    scale = Tensor(units)
  }

  /// Shows the units of positive columns, and whether they have been started, as state.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("scale", state: &scale)
    visitor.visit("initialized", state: &initialized)
  }
}

extension Flow {
  /// A map onto the declared support of each column, for the data side of a flow: a ``SupportMap``.
  public static func support<S: TensorScalar>(_ columns: [Support]) -> SupportMap<S>
  where Self == SupportMap<S> {
    SupportMap(columns)
  }

  /// This flow followed by a map onto the declared support of each column: a ``SupportMap``.
  public func support(_ columns: [Support]) -> Composition<Scalar> {
    let parts = (self as? Composition<Scalar>)?.flows ?? [self]
    return Composition(dimension: dimension, parts + [SupportMap(columns)])
  }
}

extension NormalizingFlow {
  /// This flow followed by a map onto the declared support of each column, such as
  /// `.realNVP(dimension: 2, using: &generator).support([.positive, .interval(0, 1)])`.
  ///
  /// - Precondition: the flow has not been fitted, and no such map stands at its data side.
  public func support(_ columns: [Support]) -> NormalizingFlow {
    precondition(
      dataSideMap == nil && standardization == nil,
      "a support is declared once, before a flow is fitted")
    return NormalizingFlow(base: base, flow: flow.support(columns))
  }
}

// MARK: - The kinds of columns

extension SupportMap {
  /// What a map of some columns gives: values, log-derivatives, and a mask of what lies outside.
  typealias Mapped = (
    value: Tensor<Scalar>, logSlope: Tensor<Scalar>?, outside: Tensor<Scalar>?
  )

  /// x = s · softplus(z), dx/dz = s · σ(z).
  static func softplus(_ z: Tensor<Scalar>, unit: Tensor<Scalar>) -> Mapped {
    // Where it underflows it stays the least positive number.
    let x = Tensor.maximum(Tensor(.leastNormalMagnitude), Flows.softplus(z) * unit)
    return (x, logSigmoid(z) + log(unit), nil)
  }

  /// With y = x/s and l = log(1 − e⁻ʸ): z = y + l and dz/dx = e⁻ˡ / s, without cancellation at
  /// either end.
  static func inverseSoftplus(_ x: Tensor<Scalar>, unit: Tensor<Scalar>) -> Mapped {
    let isInside = x .> Tensor(0)
    let inner = Tensor.select(where: isInside, x, else: Tensor(1))
    let y = Tensor.maximum(Tensor(leastDistanceToZero()), inner / unit)
    let l = log(-expMinusOne(-y))
    return (y + l, -l - log(unit), 1 - isInside)
  }

  /// x = a + (b − a) σ(z), taken from the nearer end so that no digits are lost there.
  static func logistic(_ z: Tensor<Scalar>, _ low: Tensor<Scalar>, _ high: Tensor<Scalar>)
    -> Mapped
  {
    let width = high - low
    let share = width * sigmoid(-abs(z))
    let (nearLow, nearHigh) = (low + share, high - share)
    let x = Tensor.select(where: z .> 0, nearHigh, else: nearLow)
    let held = Tensor.minimum(high - leastDistance(high), x)
    return (
      Tensor.maximum(low + leastDistance(low), held),
      log(width) + logSigmoid(z) + logSigmoid(-z), nil
    )
  }

  /// z = log((x − a) / (b − x)), dz/dx = (b − a) / ((x − a)(b − x)).
  static func logit(_ x: Tensor<Scalar>, _ low: Tensor<Scalar>, _ high: Tensor<Scalar>) -> Mapped {
    let isInside = (x .>= low) * (x .<= high)
    let inner = Tensor.select(where: isInside, x, else: (low + high) / 2)
    let above = log(Tensor.maximum(leastDistance(low), inner - low))
    let below = log(Tensor.maximum(leastDistance(high), high - inner))
    return (above - below, log(high - low) - above - below, 1 - isInside)
  }

  /// What can just be told from an end.
  private static func leastDistance(_ end: Tensor<Scalar>) -> Tensor<Scalar> {
    .maximum(abs(end) * Scalar.ulpOfOne, Tensor(leastDistanceToZero()))
  }
}

/// A number whose logarithm, multiplied by what a density makes of it, has a finite gradient.
///
/// The reciprocal of the least number of all is but a factor of four from overflow, and infinity times
/// the zero of an unselected branch is not a number.
func leastDistanceToZero<Scalar: TensorScalar>() -> Scalar {
  Scalar.leastNormalMagnitude * Scalar(1 << 20)
}

/// Angles on the circle.
enum Angle {
  /// The same angles in [−π, π).
  static func wrapped<Scalar>(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let turn = 2 * Scalar.pi
    // Divided, not multiplied by 1/turn: π itself is a whole turn above −π.
    let wrapped = x - floor((x + Scalar.pi) / Tensor(turn)) * turn
    // Rounding of a large angle may step over an end.
    return .minimum(Tensor(Scalar.pi.nextDown), .maximum(Tensor(-Scalar.pi), wrapped))
  }
}

extension SupportMap {
  /// The columns of each kind, found once.
  fileprivate struct Layout: Sendable {
    enum Kind {
      case real, positive, interval, circle
    }

    struct Part: Sendable {
      let kind: Kind
      let columns: [Int]
      /// The ends of intervals, `[columns]`.
      let low: Tensor<Scalar>
      let high: Tensor<Scalar>
    }

    private let parts: [Part]
    /// Where each column stands among those of all parts side by side; nil where they stay in place.
    private let order: [Int]?

    init(_ supports: [Support]) {
      func kind(_ support: Support) -> Kind {
        switch support {
        case .real: .real
        case .positive: .positive
        case .interval: .interval
        case .circle: .circle
        }
      }
      parts = [Kind.real, .positive, .interval, .circle].compactMap { wanted in
        let columns = supports.indices.filter { kind(supports[$0]) == wanted }
        if columns.isEmpty { return nil }
        let bounds = columns.map { wanted == .interval ? supports[$0].bounds : (0, 1) }
        return Part(
          kind: wanted, columns: columns, low: Tensor(bounds.map { Scalar($0.0) }),
          high: Tensor(bounds.map { Scalar($0.1) }))
      }
      let side = parts.flatMap(\.columns)
      var order = [Int](repeating: 0, count: side.count)
      for (place, column) in side.enumerated() { order[column] = place }
      self.order = parts.count == 1 ? nil : order
    }

    func map(_ x: Tensor<Scalar>, _ body: (Part, Tensor<Scalar>) -> Mapped) -> Transformed<Scalar> {
      let rows = x.storage.shape[0]
      var values: [Tensor<Scalar>] = []
      var logDet: Tensor<Scalar>?
      var mask: Tensor<Scalar>?
      for part in parts {
        let result = body(part, order == nil ? x : x.columns(part.columns))
        values.append(result.value)
        if let slope = result.logSlope {
          let own = slope.broadcast(to: [rows, part.columns.count]).sum(axis: 1)
          logDet = logDet.map { $0 + own } ?? own
        }
        if let own = result.outside?.sum(axis: 1, keepingAxis: true) {
          mask = mask.map { $0 + own } ?? own
        }
      }
      let total = logDet ?? .zeros([rows])
      return Transformed(
        value: order.map { Tensor.concatenated(values, axis: 1).columns($0) } ?? values[0],
        logDet: mask.map { outside($0, total) } ?? total)
    }
  }
}

extension SupportMap.Configuration: CheckedConfiguration {
  func validate() throws {
    try validateColumns(columns.count)
    let problem = SupportMap<Scalar>.problem(with: columns)
    try requireConfiguration(problem == nil, problem ?? "", field: "columns")
  }
  var scalarCount: Int { columns.count + 1 }
}

extension SupportMap: StorableFlow {
  /// `SupportMap`.
  public static var identifier: String { "SupportMap" }

  /// A map whose positive columns have the unit 1.
  public init(configuration: Configuration) throws {
    try configuration.validate()
    self.init(configuration.columns)
  }
}
