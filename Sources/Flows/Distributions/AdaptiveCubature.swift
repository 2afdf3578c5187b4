#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Adaptive integration of e^f over boxes in one or two dimensions, given log-values.
///
/// Boxes carry a product of nested rules; the ones with the largest errors are halved along the axis
/// that has the larger error, many at a time, so that f is evaluated on whole batches (globally
/// adaptive subdivision: Berntsen, Espelid and Genz, ACM TOMS 17, 1991). Draws that are known to
/// follow the integrand guard against peaks between the nodes: a box in which they find more mass
/// than its rule is halved as well.
struct AdaptiveCubature {
  /// The rule along each axis.
  var rule: NestedRule
  /// The relative error at which to stop.
  var tolerance: Double
  /// The most boxes that the domain is cut into, negligible ones not counted.
  var mostBoxes: Int
  /// Boxes with less than this share of the integral are not counted.
  var negligible = 1e-8
  /// Boxes whose error is this fraction of the largest are halved in the same round.
  var eagerness = 0.25
  /// log of the integrand at rows.
  var logIntegrand: (Tensor<Double>) -> [Double]

  /// Integrates over the union of boxes.
  func integrate(_ domain: [[AxisSegment]], guardedBy draws: PilotDraws) -> IntegrationNodes {
    var state = Evaluated(dimension: domain[0].count)
    var boxes = evaluate(domain, indices: nil, draws, &state)
    while true {
      let chosen = selection(boxes, draws)
      if chosen.isEmpty { break }
      var parts: [[AxisSegment]] = []
      var indices: [[Int]] = []
      for (box, axis) in chosen {
        let halves = boxes[box].axes[axis].halves
        for half in [halves.0, halves.1] {
          var axes = boxes[box].axes
          axes[axis] = half
          parts.append(axes)
          indices.append(boxes[box].draws)
        }
      }
      let gone = Set(chosen.map(\.box))
      boxes =
        boxes.indices.filter { !gone.contains($0) }.map { boxes[$0] }
        + evaluate(parts, indices: indices, draws, &state)
    }
    return collected(boxes, state, draws)
  }

  /// All evaluations so far, one after the other.
  private struct Evaluated {
    let dimension: Int
    var points: [Double] = []
    var logWeights: [Double] = []
    var logValues: [Double] = []
  }

  private struct Box {
    let axes: [AxisSegment]
    /// The draws within.
    let draws: [Int]
    /// The first of its nodes.
    let first: Int
    /// Integral and error along each axis, divided by e^top.
    var top = -Double.infinity
    var integral = 0.0
    var errors: [Double]
  }

  private func nodeCount(_ dimension: Int) -> Int {
    (0..<dimension).reduce(1) { count, _ in count * rule.nodes.count }
  }

  // MARK: - Evaluation

  private func evaluate(
    _ domain: [[AxisSegment]], indices: [[Int]]?, _ draws: PilotDraws, _ state: inout Evaluated
  ) -> [Box] {
    let start = state.logValues.count
    for axes in domain { appendNodes(axes, &state) }
    let count = state.logWeights.count - start
    let new = Tensor<Double>(
      shape: [count, state.dimension], scalars: Array(state.points[(start * state.dimension)...]))
    state.logValues += logIntegrand(new)
    let perBox = nodeCount(state.dimension)
    return domain.indices.map { index in
      let within = (indices?[index] ?? Array(draws.points.indices)).filter { draw in
        zip(domain[index], draws.points[draw]).allSatisfy { axis, x in
          x >= axis.bounds.low && x < axis.bounds.high
        }
      }
      return measured(domain[index], draws: within, first: start + index * perBox, state)
    }
  }

  private func appendNodes(_ axes: [AxisSegment], _ state: inout Evaluated) {
    let sides = axes.map { axis in rule.nodes.map { axis.node($0) } }
    let logRule = rule.weights.map { log($0) }
    for node in 0..<nodeCount(axes.count) {
      var (rest, logWeight) = (node, 0.0)
      for side in sides {
        let index = rest % rule.nodes.count
        rest /= rule.nodes.count
        state.points.append(side[index].x)
        logWeight += side[index].logJacobian + logRule[index]
      }
      state.logWeights.append(logWeight)
    }
  }

  private func measured(
    _ axes: [AxisSegment], draws: [Int], first: Int, _ state: Evaluated
  ) -> Box {
    let count = nodeCount(axes.count)
    let terms = (first..<(first + count)).map { state.logWeights[$0] + state.logValues[$0] }
    var box = Box(
      axes: axes, draws: draws, first: first, errors: [Double](repeating: 0, count: axes.count))
    if terms.contains(where: \.isNaN) {
      (box.top, box.integral) = (0, .nan)
      return box
    }
    guard let top = terms.max(), top > -.infinity else { return box }
    box.top = top
    // Values times weights; dividing by a weight of the rule gives back the values.
    let values = terms.map { exp($0 - top) }
    box.integral = values.reduce(0, +)
    let mean = box.integral / Double(1 << axes.count)
    var roughness = 0.0
    for node in 0..<count {
      var (rest, weight) = (node, 1.0)
      for axis in axes.indices {
        let index = rest % rule.nodes.count
        rest /= rule.nodes.count
        weight *= rule.weights[index]
        box.errors[axis] += values[node] * rule.differences[index] / rule.weights[index]
      }
      roughness += (values[node] - weight * mean).magnitude
    }
    // The difference of the two rules is the error of the lesser one; QUADPACK's exponent.
    box.errors = box.errors.map { difference in
      guard roughness > 0 else { return 0 }
      let ratio = 10 * difference.magnitude / roughness
      return roughness * Swift.min(1, ratio * ratio.squareRoot())
    }
    return box
  }

  // MARK: - Refinement

  /// What a box comes to, relative to a common factor.
  private func estimate(_ box: Box, _ draws: PilotDraws, shift: Double) -> (
    integral: Double, error: Double, deficit: Double
  ) {
    let factor = exp(box.top - shift)
    let integral = box.integral * factor
    var (sum, squares) = (0.0, 0.0)
    for draw in box.draws {
      let share = exp(draws.logShares[draw] - shift)
      sum += share
      squares += share * share
    }
    let deficit = Swift.max(0, sum - 4 * squares.squareRoot() - integral)
    return (integral, box.errors.reduce(0, +) * factor, deficit)
  }

  private func commonShift(_ boxes: [Box], _ draws: PilotDraws) -> Double {
    let top = Swift.max(
      boxes.map(\.top).max() ?? -.infinity, draws.logShares.max() ?? -.infinity)
    return top > -.infinity ? top : 0
  }

  /// The boxes to halve next and the axis of each; none where the integral is good enough.
  private func selection(_ boxes: [Box], _ draws: PilotDraws) -> [(box: Int, axis: Int)] {
    let shift = commonShift(boxes, draws)
    let estimates = boxes.map { estimate($0, draws, shift: shift) }
    let total = estimates.reduce(0) { $0 + $1.integral }
    let errors = boxes.indices.map { index in
      boxes[index].axes.allSatisfy(\.canBeHalved)
        ? estimates[index].error + estimates[index].deficit : 0
    }
    let counted = estimates.count { $0.integral + $0.deficit > negligible * total }
    let goal = tolerance * total
    guard let largest = errors.max(), combined(errors) > goal, boxes.count < 8 * mostBoxes else {
      return []
    }
    var remaining = errors.reduce(0) { $0 + $1 * $1 }
    let order = errors.indices.sorted { (errors[$0], $1) > (errors[$1], $0) }
    var chosen: [(box: Int, axis: Int)] = []
    for box in order {
      guard errors[box] >= eagerness * largest, 9 * remaining > 0.25 * goal * goal,
        counted + chosen.count < mostBoxes
      else { break }
      remaining -= errors[box] * errors[box]
      let axis =
        estimates[box].deficit > estimates[box].error
        ? widestAxis(boxes[box], draws) : largestIndex(boxes[box].errors)
      chosen.append((box, axis))
    }
    return chosen
  }

  /// The error of a sum whose terms have these errors.
  ///
  /// Where kinks make the errors, their signs differ from box to box, so that squares add up; for
  /// smooth integrands the estimates themselves are far too large.
  private func combined(_ errors: [Double]) -> Double {
    3 * errors.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  private func largestIndex(_ values: [Double]) -> Int {
    values.indices.max { values[$0] < values[$1] } ?? 0
  }

  /// The axis along which the draws fill the least part of the box.
  private func widestAxis(_ box: Box, _ draws: PilotDraws) -> Int {
    let emptiness = box.axes.indices.map { axis in
      let values = box.draws.map { draws.points[$0][axis] }
      let mean = values.reduce(0, +) / Double(values.count)
      let spread = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }.squareRoot()
      let (low, high) = box.axes[axis].bounds
      return spread > 0 ? (high - low) / spread : .infinity
    }
    return largestIndex(emptiness)
  }

  private func collected(_ boxes: [Box], _ state: Evaluated, _ draws: PilotDraws)
    -> IntegrationNodes
  {
    let shift = commonShift(boxes, draws)
    let estimates = boxes.map { estimate($0, draws, shift: shift) }
    let total = estimates.reduce(0) { $0 + $1.integral }
    let error = combined(estimates.map { $0.error + $0.deficit })
    let perBox = nodeCount(state.dimension)
    let indices = boxes.flatMap { $0.first..<($0.first + perBox) }
    let all = Tensor<Double>(
      shape: [state.logValues.count, state.dimension], scalars: state.points)
    return IntegrationNodes(
      points: all.rows(indices), logWeights: indices.map { state.logWeights[$0] },
      logValues: indices.map { state.logValues[$0] }, logIntegral: log(total) + shift,
      error: error / total, evaluations: state.logValues.count)
  }
}
