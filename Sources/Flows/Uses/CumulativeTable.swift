#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The integral of a density of one column up to any place, from log-densities at nodes.
///
/// The axis is cut into pieces, halved where the two rules of a Kronrod pair differ, many at a
/// time, and where draws or the pieces next to them tell of a peak that their nodes don't see. In
/// each piece the density is the polynomial through its nodes and F the integral of that, which has
/// the piece's mass and no jump; where such a polynomial may dip below 0, as much of the mass as
/// lifts it to 0 is spread evenly, so that F never falls. Tails are pieces that reach to infinity
/// under an algebraic map, so that powers of x are smooth there.
struct CumulativeTable: Sendable {
  /// A part of the axis.
  private struct Piece {
    /// The density of x and dx/dy where a piece ends.
    struct Edge {
      let density: Double
      let slope: Double
    }

    let segment: AxisSegment
    /// Of density · dx/dy as a polynomial in y on [−1, 1].
    let coefficients: [Double]
    let mass: Double
    let error: Double
    let canBeHalved: Bool
    let edges: (low: Edge, high: Edge)
    /// How many draws lie within.
    let drawCount: Double
    /// ∫ from the lower end of the axis to that of the piece.
    var start = 0.0

    /// ∫ from −1 to y.
    func integral(to y: Double) -> Double {
      var (sum, power, sign) = (0.0, 1.0, 1.0)
      for (k, coefficient) in coefficients.enumerated() {
        power *= y
        sign = -sign
        sum += coefficient * (power - sign) / Double(k + 1)
      }
      return Swift.min(mass, Swift.max(0, sum))
    }

    func density(at y: Double) -> Double { value(of: coefficients, at: y) }

    /// ∫ from the lower end of the piece to a place within.
    func integral(below x: Double) -> Double {
      let part = integral(to: segment.coordinate(of: x))
      return segment.isDescending ? mass - part : part
    }

    /// The place below which the piece holds a part of its mass.
    func place(below part: Double) -> Double {
      let goal = segment.isDescending ? mass - part : part
      var (low, high, y) = (-1.0, 1.0, Swift.min(1, Swift.max(-1, 2 * goal / mass - 1)))
      for _ in 0..<80 {
        let excess = integral(to: y) - goal
        if excess == 0 { break }
        if excess > 0 { high = y } else { low = y }
        let newton = y - excess / density(at: y)
        let next = newton > low && newton < high ? newton : (low + high) / 2
        if next == y || high - low < 1e-16 { break }
        y = next
      }
      return segment.node(y).x
    }
  }

  private let pieces: [Piece]
  private let ends: (low: Double, high: Double)
  /// ∫ p over the axis: 1 for a density that is normalised.
  let mass: Double
  /// What the rules expect their errors to add up to, relative to the mass.
  let error: Double

  /// - Parameters:
  ///   - support: the axis.
  ///   - kinks: where the density is not smooth.
  ///   - draws: of the density, to know where it is and to notice peaks between nodes.
  ///   - tolerance: the error of a piece at which halving stops, relative to the mass.
  ///   - noise: the relative rounding error of densities.
  ///   - logDensity: of places.
  /// - Throws: ``FlowsError`` where draws or densities are not finite.
  init(
    support: Support, kinks: [Double], draws: [Double], tolerance: Double = 1e-10, noise: Double,
    logDensity: ([Double]) -> [Double]
  ) throws {
    let sorted = draws.filter(\.isFinite).sorted()
    guard sorted.count > draws.count / 2, let least = sorted.first, let greatest = sorted.last
    else {
      throw FlowsError(.invalidData, "more than half of the draws of the density are not finite")
    }
    ends = support.bounds
    func quantile(_ p: Double) -> Double { sorted[Int(p * Double(sorted.count - 1))] }
    let (low, high) = (quantile(0.02), quantile(0.98))
    let width = high > low ? high - low : Swift.max(greatest - least, 1e-3 * high.magnitude, 1e-3)
    let levels = [0.001] + (1..<16).map { Double($0) / 16 } + [0.999]
    var breaks = Set(kinks)
    for place in levels.map(quantile)
    where breaks.allSatisfy({ ($0 - place).magnitude > 1e-4 * width }) {
      breaks.insert(place)
    }
    let domain = AxisSegment.covering(
      support, breaks: breaks.sorted(), hull: low...(low + width))
    var done = try Self.measured(domain, sorted, logDensity)
    while done.count < 20_000 {
      // All are asked again each time: a first look at a peak may see far too much mass.
      let total = done.reduce(0) { $0 + $1.mass }
      let goals = done.map { Swift.max(tolerance * total, noise * $0.mass) }
      var isRough = done.indices.map {
        !(done[$0].error <= goals[$0])
          || Self.misses(done[$0], total: total, drawCount: Double(sorted.count))
      }
      for index in done.indices.dropLast() {
        let (below, above) = (done[index].edges.high, done[index + 1].edges.low)
        let jump = (below.density - above.density).magnitude
        guard jump > 0.5 * Swift.max(below.density, above.density) else { continue }
        if jump * below.slope > goals[index] { isRough[index] = true }
        if jump * above.slope > goals[index + 1] { isRough[index + 1] = true }
      }
      let rough = done.indices.filter { isRough[$0] && done[$0].canBeHalved }
      if rough.isEmpty { break }
      let halves = rough.flatMap { index in
        let (first, second) = done[index].segment.halves
        return first.isDescending ? [second, first] : [first, second]
      }
      let measured = try Self.measured(halves, sorted, logDensity)
      var next: [Piece] = []
      var start = 0
      for (count, index) in rough.enumerated() {
        next += done[start..<index]
        next += measured[(2 * count)..<(2 * count + 2)]
        start = index + 1
      }
      done = next + done[start...]
    }
    var sum = 0.0
    for index in done.indices {
      done[index].start = sum
      sum += done[index].mass
    }
    guard sum > 0 else {
      throw FlowsError(.invalidData, "the density is 0 wherever it was looked at")
    }
    (pieces, mass) = (done, sum)
    error = done.reduce(0) { $0 + $1.error } / sum
  }

  /// Whether far more draws lie in a piece than its mass explains: k where μ are expected, by
  /// Chernoff's bound P(K ≥ k) ≤ exp(k − μ)·(μ/k)ᵏ, which at e⁻¹⁸ is 6 standard errors for many.
  private static func misses(_ piece: Piece, total: Double, drawCount: Double) -> Bool {
    let (found, expected) = (piece.drawCount, piece.mass / total * drawCount)
    return found > expected && found * log(found / expected) - (found - expected) > 18
  }

  private static func measured(
    _ segments: [AxisSegment], _ draws: [Double], _ logDensity: ([Double]) -> [Double]
  ) throws -> [Piece] {
    let rule = NestedRule.kronrod7
    let nodes = segments.map { segment in rule.nodes.map { segment.node($0) } }
    let logValues = logDensity(nodes.joined().map(\.x))
    let count = rule.nodes.count
    return try segments.indices.map { index in
      var values = [Double](repeating: 0, count: count)
      for (place, node) in nodes[index].enumerated() {
        let logValue = logValues[index * count + place]
        guard logValue < .infinity else {
          throw FlowsError(.invalidData, "the density at \(node.x) is not finite")
        }
        // Far out the Jacobian is infinite where the density is 0.
        values[place] = logValue == -.infinity ? 0 : exp(logValue + node.logJacobian)
      }
      let mass = zip(rule.weights, values).reduce(0) { $0 + $1.0 * $1.1 }
      let difference = zip(rule.differences, values).reduce(0) { $0 + $1.0 * $1.1 }
      var coefficients = interpolant(values, at: rule.nodes)
      var unevenness = 0.0
      let least = lowerBound(of: coefficients)
      if least < 0 {
        // Values next to a zero of the density are enough for a dip in rounding.
        unevenness = least / (least - 0.5 * mass)
        coefficients = coefficients.map { (1 - unevenness) * $0 }
        coefficients[0] += unevenness * 0.5 * mass
      }
      let segment = segments[index]
      let ends = [-1.0, 1].map { y in
        let slope = exp(segment.node(y).logJacobian)
        return Piece.Edge(density: value(of: coefficients, at: y) / slope, slope: slope)
      }
      let (low, high) = segment.bounds
      return Piece(
        segment: segment, coefficients: coefficients, mass: mass,
        error: difference.magnitude + unevenness * mass, canBeHalved: segment.canBeHalved,
        edges: segment.isDescending ? (ends[1], ends[0]) : (ends[0], ends[1]),
        drawCount: Double(draws.firstIndex(above: high) - draws.firstIndex(above: low)))
    }
  }

  /// F(x).
  func cumulativeProbability(of x: Double) -> Double {
    if x.isNaN { return .nan }
    if x <= ends.low { return 0 }
    if x >= ends.high { return 1 }
    let piece = pieces[pieceIndex { $0.segment.bounds.high < x }]
    return Swift.min(1, (piece.start + piece.integral(below: x)) / mass)
  }

  /// The place with F(x) = p.
  func quantile(_ p: Double) -> Double {
    if p <= 0 { return ends.low }
    if p >= 1 { return ends.high }
    let goal = p * mass
    let piece = pieces[pieceIndex { $0.start + $0.mass < goal }]
    return piece.place(below: Swift.max(0, goal - piece.start))
  }

  /// The first piece that is not before what is looked for.
  private func pieceIndex(_ isBefore: (Piece) -> Bool) -> Int {
    var (low, high) = (0, pieces.count - 1)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(pieces[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

/// The coefficients, from the constant upwards, of the polynomial through values at places
/// (Newton's divided differences).
private func interpolant(_ values: [Double], at places: [Double]) -> [Double] {
  var differences = values
  for order in 1..<places.count {
    for index in stride(from: places.count - 1, through: order, by: -1) {
      differences[index] =
        (differences[index] - differences[index - 1]) / (places[index] - places[index - order])
    }
  }
  var coefficients = [Double](repeating: 0, count: places.count)
  for index in places.indices.reversed() {
    for k in coefficients.indices.reversed() {
      coefficients[k] = (k > 0 ? coefficients[k - 1] : 0) - places[index] * coefficients[k]
    }
    coefficients[0] += differences[index]
  }
  return coefficients
}

private func value(of coefficients: [Double], at y: Double) -> Double {
  coefficients.reversed().reduce(0) { $0 * y + $1 }
}

/// The least coefficient of a polynomial in Bernstein's basis on [−1, 1], below which it never is.
private func lowerBound(of coefficients: [Double]) -> Double {
  let degree = coefficients.count - 1
  // The j-th is the polar form at j times 1 and else −1, which for yᵏ is the mean product of k of
  // these: the coefficient of tᵏ in (1 + t)ʲ(1 − t)ⁿ⁻ʲ over that in (1 + t)ⁿ.
  func products(_ count: Int) -> [Double] {
    var product = [1.0] + [Double](repeating: 0, count: degree)
    for factor in 0..<degree {
      for k in stride(from: degree, to: 0, by: -1) {
        product[k] += factor < count ? product[k - 1] : -product[k - 1]
      }
    }
    return product
  }
  let all = products(degree)
  return (0...degree).map { count in
    zip(coefficients, zip(products(count), all)).reduce(0) { $0 + $1.0 * $1.1.0 / $1.1.1 }
  }.min() ?? 0
}
