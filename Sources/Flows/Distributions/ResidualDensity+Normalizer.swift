extension ResidualDensity {
  /// log ∫ Q·G with its error and cost, without derivatives, whatever ``normalization`` says.
  ///
  /// * One or two columns: adaptive cubature in boxes split at the kinks of both densities, refined
  ///   where the product is, tails mapped to infinity. It stops where the rule expects a relative
  ///   error of 10⁻⁵; `standardError` is that expectation.
  /// * More columns: 16 random shifts of two lattices, one through Q's quantiles and one through the
  ///   map of G (draws, where a density has neither), weighted by the balance heuristic, with as
  ///   many, eight times or an eighth as many points of Q as of G, whichever some draws say is best;
  ///   `standardError` comes from the spread over the shifts.
  ///
  /// Shifts and draws come from a fixed seed: equal models have equal normalisers.
  ///
  /// - Parameter mostNodes: about how many nodes the integral may use; where nil 50,000 in one or two
  ///   columns, few of which are usually needed (boxes that were split count on top), and 131,072
  ///   beyond, all of which are used and up to an eighth more.
  /// - Returns: log Z in nats, the error expected of it, and the number of evaluations of Q·G.
  /// - Precondition: the density takes no context; see ``logNormalizer(context:)``.
  public func normalizer(mostNodes: Int? = nil) -> (
    logValue: Double, standardError: Double, nodes: Int
  ) {
    requireNoContext()
    let nodes = withoutRecording.integrationNodes(
      mostNodes: mostNodes.map { Swift.min($0, 1 << 40) }, contextRow: nil)
    return (nodes.logIntegral, nodes.error, nodes.evaluations)
  }

  /// What ``logDensity(of:context:)`` subtracts, of rank 0: log ∫ Q·G for `.exact`, the number for
  /// `.given`, 0 for `.omitted`.
  ///
  /// Derivatives flow to the parameters of both densities: for given nodes and weights
  /// ∇ log Z = Σ_i r_i ∇ log QG(x_i), r_i the share of node i. They are those of the sum over the
  /// nodes, recorded on the tape for all nodes at once; training loops take ``trainingNodes(using:)``.
  public func logNormalizer() -> Tensor<Scalar> {
    requireNoContext()
    switch normalization {
    case .omitted: return Tensor(0)
    case .given(let logValue): return Tensor(Scalar(logValue))
    case .exact: return recordedLogNormalizer(contextRow: nil)
    }
  }

  /// log ∫ Q·G given each row of context: `[rows, contextDimension]` → `[rows]`.
  ///
  /// - Complexity: one integral for each distinct row.
  public func logNormalizer(context: Tensor<Scalar>) -> Tensor<Scalar> {
    precondition(
      context.rank == 2 && context.storage.shape[1] == contextDimension && contextDimension > 0,
      "the density takes \(contextDimension) columns of context; got the shape \(context.shape)")
    let rows = context.storage.shape[0]
    switch normalization {
    case .omitted: return .zeros([rows])
    case .given(let logValue): return Tensor(repeating: Scalar(logValue), shape: [rows])
    case .exact: break
    }
    if rows == 0 { return .zeros([0]) }
    let scalars = context.scalars
    var places: [[Scalar]: Int] = [:]
    var values: [Tensor<Scalar>] = []
    let indices = (0..<rows).map { row in
      let key = Array(scalars[(row * contextDimension)..<((row + 1) * contextDimension)])
      // A row that is tracked has a derivative of its own.
      if !context.isTracked, let place = places[key] { return place }
      places[key] = values.count
      values.append(recordedLogNormalizer(contextRow: context[rows: row..<(row + 1)]))
      return values.count - 1
    }
    return Tensor.stacked(values, axis: 0).gathering(indices, axis: 0)
  }

  private func requireNoContext() {
    precondition(
      contextDimension == 0,
      "without context there is one normaliser; this density takes \(contextDimension) columns of "
        + "context: use logNormalizer(context:)")
  }

  private func recordedLogNormalizer(contextRow: Tensor<Scalar>?) -> Tensor<Scalar> {
    let nodes = withoutRecording.integrationNodes(
      mostNodes: nil, contextRow: contextRow?.detached)
    let value = Tensor(Scalar(nodes.logIntegral))
    func recorded(_ points: Tensor<Double>) -> Tensor<Scalar> {
      let rows = points.storage.shape[0]
      return unnormalizedLogDensity(
        of: Tensor(points), context: contextRow?.broadcast(to: [rows, contextDimension]))
    }
    // Which parameters are tracked is seen from a result.
    guard recorded(nodes.points[rows: 0..<1]).isTracked else { return value }
    let kept = nodes.largest(nodes.logWeights.count, negligible: 1e-8)
    let sum = (recorded(kept.points) + Tensor(Tensor<Double>(kept.logWeights))).logSumExp(axis: 0)
    // The value is that of all nodes, to the last bit.
    return value + (sum - sum.detached)
  }

  // MARK: - Nodes

  /// Nodes and weights for log ∫ Q·G, chosen for the parameters as they are.
  ///
  /// - Precondition: the receiver is `withoutRecording`.
  func integrationNodes(mostNodes: Int?, contextRow: Tensor<Scalar>?) -> IntegrationNodes {
    if dimension > 2 {
      return quasiMonteCarloNodes(
        perShift: (mostNodes ?? 131_072) / ResidualRule.shifts, shifts: ResidualRule.shifts,
        draws: 1_024, contextRow: contextRow, generator: ResidualRule.generator)
    }
    return cubatureNodes(
      ResidualRule.exact(dimension: dimension, mostNodes: mostNodes ?? 50_000),
      contextRow: contextRow, generator: ResidualRule.generator)
  }

  private func cubatureNodes(
    _ rule: ResidualRule, contextRow: Tensor<Scalar>?, generator: PhiloxGenerator
  ) -> IntegrationNodes {
    let draws = pilotDraws(rule.draws, contextRow, generator)
    let mostBreaks = Swift.max(12, Int(Double(rule.mostBoxes / 2).squareRoot()))
    let axes = zip(support, draws.breaks(kinks: kinks)).map { support, split in
      AxisSegment.covering(
        support, breaks: thinned(split.places, to: mostBreaks), hull: split.hull)
    }
    let domain =
      axes.count == 1
      ? axes[0].map { [$0] } : axes[0].flatMap { first in axes[1].map { [first, $0] } }
    let cubature = AdaptiveCubature(
      rule: dimension == 1 ? .kronrod7 : .kronrod5, tolerance: rule.tolerance,
      mostBoxes: rule.mostBoxes
    ) { points in
      let count = points.storage.shape[0]
      let rows = contextRow?.broadcast(to: [count, contextDimension])
      return Tensor<Double>(unnormalizedLogDensity(of: Tensor(points), context: rows)).scalars
    }
    var nodes = cubature.integrate(domain, guardedBy: draws)
    nodes.evaluations += 2 * rule.draws
    return nodes
  }

  private func quasiMonteCarloNodes(
    perShift: Int, shifts: Int, draws: Int, contextRow: Tensor<Scalar>?,
    generator: PhiloxGenerator
  ) -> IntegrationNodes {
    let counts = pilotDraws(draws, contextRow, generator).bestCounts(
      among: ResidualRule.latticeCounts(perShift: perShift))
    var generator = generator
    var parts: [Tensor<Double>] = []
    var (logWeights, logProducts, estimates) = ([Double](), [Double](), [Double]())
    for _ in 0..<shifts {
      let (points, context) = pooled(
        LatticePoints.shifted(counts.0, dimension: dimension, using: &generator),
        LatticePoints.shifted(counts.1, dimension: dimension, using: &generator), contextRow,
        &generator)
      let first = logValues(points, context, baseLogDensity)
      let second = logValues(points, context, shapeLogDensity)
      let weights = balancedLogWeights(first, second, counts: counts)
      let products = zip(first, second).map { $0 + $1 }
      estimates.append(logSum(zip(weights, products).map { $0 + $1 }))
      logWeights += weights.map { $0 - logReal(Double(shifts)) }
      logProducts += products
      parts.append(Tensor(points))
    }
    return IntegrationNodes(
      points: .concatenated(parts), logWeights: logWeights, logValues: logProducts,
      logIntegral: logSum(estimates) - logReal(Double(shifts)),
      error: relativeStandardError(estimates), evaluations: logProducts.count + 2 * draws)
  }

  /// As many draws of Q as of G.
  private func pilotDraws(
    _ count: Int, _ contextRow: Tensor<Scalar>?, _ generator: PhiloxGenerator
  ) -> PilotDraws {
    var generator = generator.forked(1)
    let first = Tensor<Double>.uniform([count, dimension], using: &generator)
    let second = Tensor<Double>.uniform([count, dimension], using: &generator)
    let bounds = LatticePoints.open
    let (points, context) = pooled(
      first.clipped(to: bounds), second.clipped(to: bounds), contextRow, &generator)
    return PilotDraws(
      points: Tensor(points), first: logValues(points, context, baseLogDensity),
      second: logValues(points, context, shapeLogDensity))
  }

  /// Draws of Q, then draws of G, from uniforms each, with rows of context.
  private func pooled(
    _ first: Tensor<Double>, _ second: Tensor<Double>, _ contextRow: Tensor<Scalar>?,
    _ generator: inout PhiloxGenerator
  ) -> (points: Tensor<Scalar>, context: Tensor<Scalar>?) {
    func rows(_ count: Int) -> Tensor<Scalar>? {
      contextRow?.broadcast(to: [count, contextDimension])
    }
    let (count, otherCount) = (first.storage.shape[0], second.storage.shape[0])
    let one = base.transported(
      Tensor(first), context: base.contextDimension > 0 ? rows(count) : nil, using: &generator)
    let other = shape.transported(
      Tensor(second), context: shape.contextDimension > 0 ? rows(otherCount) : nil,
      using: &generator)
    return (.concatenated([one, other]), rows(count + otherCount))
  }

  private func logValues(
    _ points: Tensor<Scalar>, _ context: Tensor<Scalar>?,
    _ logDensity: (Tensor<Scalar>, Tensor<Scalar>?) -> Tensor<Scalar>
  ) -> [Double] {
    Tensor<Double>(Tiles.map(points, context, isTiled: true, columns: nil, logDensity)).scalars
  }
}

/// Every n-th of some places, the first and the last among them: a mixture of many kinked parts would
/// spend all nodes before the first refinement.
private func thinned(_ places: [Double], to count: Int) -> [Double] {
  if places.count <= count { return places }
  return (0..<count).map { places[$0 * (places.count - 1) / (count - 1)] }
}

extension ResidualDensity: NodeNormalized {
  var isNormalizedByNodes: Bool { normalization == .exact && contextDimension == 0 }

  /// Few nodes for log ∫ Q·G at the parameters as they are, for one step of a training loop.
  ///
  /// With points x_i and log-weights w_i, log Z ≈ log Σ exp(w_i + log QG(x_i)), and its gradient is
  /// that of Σ r_i log QG(x_i), r = softmax(w + log QG(x)) constant:
  ///
  /// ```swift
  /// let (points, logWeights) = model.trainingNodes(using: generator)
  /// let terms = model.unnormalizedLogDensity(of: points) + logWeights
  /// let shares = exp(terms - terms.logSumExp(axis: 0))
  /// // added to the sum of −unnormalizedLogDensity over n rows:
  /// // n * (shares * tracked.unnormalizedLogDensity(of: points)).sum()
  /// ```
  ///
  /// At most 128 nodes in one column, 1,024 in two, by the cubature of ``normalizer(mostNodes:)``
  /// with fewer boxes; 2,304 at most beyond, one random shift of its lattices. Another generator
  /// places the boxes, or the shift, elsewhere, so that errors do not add up over the steps.
  ///
  /// Measured with trained flows: log Z within 10⁻⁶, 3·10⁻³ and 0.01 nats in one, two, and three to
  /// six columns; the gradient within 0.03 %, mostly 1.5 to 5 %, and 5 to 20 % of its norm.
  public func trainingNodes(using generator: PhiloxGenerator) -> (
    points: Tensor<Scalar>, logWeights: Tensor<Scalar>
  ) {
    requireNoContext()
    let constant = withoutRecording
    let nodes: IntegrationNodes
    if dimension > 2 {
      // Points where the product is 0 have no derivative to add: 0 · (−∞) is not a number.
      nodes = constant.quasiMonteCarloNodes(
        perShift: 2_048, shifts: 1, draws: 128, contextRow: nil, generator: generator
      ).largest(.max, negligible: 0)
    } else {
      let rule = ResidualRule.training(dimension: dimension)
      nodes = constant.cubatureNodes(rule, contextRow: nil, generator: generator)
        .largest(rule.mostNodes, negligible: rule.negligible)
    }
    return (Tensor(nodes.points), Tensor(Tensor<Double>(nodes.logWeights)))
  }
}
