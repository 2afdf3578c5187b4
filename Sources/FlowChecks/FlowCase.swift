import Flows

/// A flow under test, with what its checks need to know of it.
///
/// ```swift
/// let twist = FlowCase(
///   "twist", types: StorableTypes(flows: [Twist<Double>.self], floatFlows: [Twist<Float>.self])
/// ) { generator in Twist<Double>(using: &generator) }
///
/// #expect(twist.report().problems.isEmpty)   // or XCTAssertEqual(twist.report().problems, [])
/// ```
///
/// Checks run in `Double`, over a Gaussian base, as the flow was made and with noise on every
/// trained tensor, on every instruction set that the processor has. The `Float` form is reached
/// through a file, so it needs a ``StorableFlow`` and both of its types.
public struct FlowCase: Sendable, CustomStringConvertible {
  /// What reports call the flow.
  public let name: String
  /// The largest error of a round trip in `Double`, relative to max(1, |x|), with noise on the
  /// weights.
  public var roundTrip: Double
  /// The same in `Float`, as the flow was made.
  public var floatRoundTrip: Double
  /// False for maps that may overflow at |x| ≤ 1e4, such as couplings with free log-scales.
  public var staysFinite: Bool
  /// The size of the noise on the weights; for a matrix it is divided by √rows, else by 2.
  public var noise: Double
  /// Nodes along each side, about, of the quadrature of a density in two columns.
  public var nodes: Int
  /// Where the columns of the data side lie, unless the flow declares it (``Flow/support``).
  public var support: Support
  /// Where data-side rows for the checks come from.
  public var points: Points
  /// The user's types that a file of the flow may hold.
  public var types: StorableTypes
  private let make: @Sendable (inout PhiloxGenerator) -> any Flow<Double>

  /// Where data-side rows for the checks come from.
  public enum Points: Sendable {
    /// Spread evenly over a box within the support of each column.
    case even
    /// Images of latent rows, for data sides that are no box, such as a simplex.
    case images
  }

  /// A flow under test.
  ///
  /// - Parameters:
  ///   - name: what reports call it.
  ///   - types: the user's types that a file of it may hold.
  ///   - roundTrip: the largest error of a round trip in `Double`, relative to max(1, |x|).
  ///   - floatRoundTrip: the same in `Float`.
  ///   - staysFinite: whether values and gradients are finite at |x| ≤ 1e4.
  ///   - noise: the size of the noise on the weights; less where noise makes a map too steep.
  ///   - nodes: nodes along each side of a quadrature; more for a steep map.
  ///   - support: where the columns of the data side lie, for a flow that does not declare it;
  ///     `.interval(0, 1)` for a sigmoid.
  ///   - points: where data-side rows come from; `.images` where the data side is no box.
  ///   - make: the flow; it gets the same generator each time, and state that is saved should not
  ///     be what `init(configuration:)` leaves, so that its loss would be seen.
  public init(
    _ name: String, types: StorableTypes = StorableTypes(), roundTrip: Double = 1e-13,
    floatRoundTrip: Double = 1e-5, staysFinite: Bool = true, noise: Double = 0.5,
    nodes: Int = 200, support: Support = .real, points: Points = .even,
    make: @escaping @Sendable (inout PhiloxGenerator) -> any Flow<Double>
  ) {
    self.name = name
    self.types = types
    self.roundTrip = roundTrip
    self.floatRoundTrip = floatRoundTrip
    self.staysFinite = staysFinite
    self.noise = noise
    self.nodes = nodes
    self.support = support
    self.points = points
    self.make = make
  }

  /// The name.
  public var description: String { name }

  /// Runs checks on every instruction set.
  public func report(_ checks: [FlowCheck] = FlowCheck.all) -> CheckReport {
    CheckSubject(self).report(checks)
  }

  /// The flow as it is made, over a Gaussian whose columns differ, and uniform angles.
  ///
  /// Under a standard Gaussian the density of a rotation would not depend on its angle.
  package var fresh: NormalizingFlow<Double> {
    var generator = PhiloxGenerator(seed: 1)
    let flow = make(&generator)
    let columns = (0..<flow.dimension).map(Double.init)
    let (location, scale) = (columns.map { 0.3 - 0.2 * $0 }, columns.map { 1 + 0.15 * $0 })
    let composition = Composition(dimension: flow.dimension, [flow])
    guard flow.support.contains(.circle) else {
      return NormalizingFlow(
        base: Gaussian(location: Tensor(location), scale: Tensor(scale)), flow: composition)
    }
    let base = ProductDistribution<Double>(
      flow.support.enumerated().map { column, support -> any Distribution<Double> in
        support == .circle
          ? Uniform(low: Tensor([-Double.pi]), high: Tensor([Double.pi]))
          : Gaussian(location: Tensor([location[column]]), scale: Tensor([scale[column]]))
      })
    return NormalizingFlow(base: base, flow: composition)
  }
}

extension Support {
  /// Data-side rows with |x| ≤ 5 or within the support lie here.
  var dataRange: Range<Double> {
    switch self {
    case .real: return -5..<5
    case .positive: return 0.05..<5
    case .interval(let low, let high):
      let margin = (high - low) / 100
      return low + margin..<high - margin
    case .circle: return Support.interval(-.pi, .pi).dataRange
    }
  }
}
