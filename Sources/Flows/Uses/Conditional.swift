extension Distribution {
  /// The density of the remaining columns given the values of some, as a weighted sample.
  ///
  /// By self-normalised importance sampling from the joint density: p(x_R | x_F = v) ∝ p(x_R, v).
  /// The proposal begins at those of the density's own draws whose fixed columns come nearest to v,
  /// moved there by local linear regression, and then follows the weights for some rounds
  /// (population Monte Carlo; Cappé et al., J. Comput. Graph. Stat. 13, 2004), in coordinates
  /// without bounds.
  ///
  /// ```swift
  /// let given = try flow.conditional(on: [0: 1.5, 3: -2], using: &generator)
  /// print(given.mean[1], given.quantile(0.9, column: 1))
  /// let rows = given.resampled(1_000, using: &generator)   // complete rows, columns 0 and 3 fixed
  /// ```
  ///
  /// The rows of the result are complete, with the fixed columns in place, and `weights.logMean` is
  /// the log-density of the fixed columns, log p(x_F = v), in nats.
  ///
  /// - Parameters:
  ///   - values: the values of the fixed columns by their number, not all columns.
  ///   - context: one row for a conditional density.
  ///   - draws: the number of weighted rows.
  ///   - leastEffectiveSampleSize: the effective sample size below which the result is refused.
  ///   - generator: the source of the draws.
  /// - Throws: ``FlowsError`` (`.invalidData`) where the values lie outside of the support, where
  ///   the density vanishes at them as far as the search sees, or where the effective sample size
  ///   is too small: more draws may help, or the values are too unlikely under the density.
  /// - Complexity: about 16,384 draws of the density, and `draws` + 12,288 log-densities.
  public func conditional(
    on values: [Int: Double], context: Tensor<Scalar>? = nil, draws: Int = 8_192,
    leastEffectiveSampleSize: Double = 100, using generator: inout PhiloxGenerator
  ) throws -> WeightedSample<Scalar> {
    precondition(
      !values.isEmpty && values.count < dimension
        && values.keys.allSatisfy { $0 >= 0 && $0 < dimension },
      "some columns of 0..<\(dimension) are fixed, and not all; got \(values.keys.sorted())")
    precondition(draws >= 2, "there are at least two draws; got \(draws)")
    for (column, value) in values.sorted(by: { $0.key < $1.key }) {
      guard support[column].contains(value) else {
        throw FlowsError(
          .invalidData, "expected a number in \(support[column]), got \(value)",
          column: column + 1, field: "values")
      }
    }
    let context = contextRow(context)
    let sampler = ConditionalSampler(
      values: values, free: (0..<dimension).filter { values[$0] == nil }, support: support
    ) { rows in
      logDensities(
        of: Tensor(rows: rows, columns: dimension),
        context: repeated(context, count: rows.count / dimension))
    }
    let pool = Tensor<Double>(self.draws(16_384, row: context, using: &generator)).scalars
    var points = sampler.start(pool)
    var effective = 64.0
    for _ in 0..<6 {
      let proposal = KernelProposal(
        points: points, dimension: sampler.free.count, effectiveCount: effective)
      let trial = sampler.weighted(2_048, proposal, using: &generator)
      if trial.weights.effectiveSampleSize > 1_024 { break }
      (points, effective) = sampler.next(trial.coordinates, trial.weights, using: &generator)
    }
    let proposal = KernelProposal(
      points: points, dimension: sampler.free.count, effectiveCount: effective)
    let result = sampler.weighted(draws, proposal, using: &generator)
    let size = result.weights.effectiveSampleSize
    guard size >= leastEffectiveSampleSize else {
      let given = values.sorted { $0.key < $1.key }.map { "column \($0.key) = \($0.value)" }
      throw FlowsError(
        .invalidData,
        "given \(given.joined(separator: ", ")), \(draws) draws are worth "
          + "\((size * 10).rounded() / 10) independent ones, fewer than \(leastEffectiveSampleSize): "
          + "the density is too small or too rugged there; try more draws, or fewer fixed columns",
        field: "values")
    }
    return WeightedSample(
      rows: Tensor(rows: result.rows, columns: dimension), weights: result.weights)
  }
}

/// The parts of a search for a conditional density; points are in coordinates without bounds.
private struct ConditionalSampler {
  let values: [Int: Double]
  let free: [Int]
  let support: [Support]
  let logDensity: ([Double]) -> [Double]

  private var columns: Int { support.count }

  /// Where the proposal begins: draws whose fixed columns are nearest to the values, moved there.
  func start(_ pool: [Double]) -> [Double] {
    let count = pool.count / columns
    let fixed = values.keys.sorted()
    let coordinates = support.map { UnboundedCoordinate($0) }
    func table(_ chosen: [Int]) -> [[Double]] {
      chosen.map { column in
        (0..<count).map { coordinates[column].coordinate(of: pool[$0 * columns + column]) }
      }
    }
    let goal = fixed.map { coordinates[$0].coordinate(of: values[$0] ?? 0) }
    let (given, rest) = (table(fixed), table(free))
    let spread = given.map { column -> Double in
      let sorted = column.sorted()
      let width = sorted[count * 9 / 10] - sorted[count / 10]
      return width > 0 ? width : 1
    }
    let distances = (0..<count).map { row in
      given.indices.reduce(0) { sum, index in
        let distance = (given[index][row] - goal[index]) / spread[index]
        return sum + distance * distance
      }
    }
    let order = distances.indices.filter { distances[$0].isFinite }.sorted {
      distances[$0] < distances[$1]
    }
    let near = Array(order.prefix(1_024))
    // Rows [given − goal, 1] against the rest; what the slopes explain is taken off.
    let design = Tensor<Double>(
      near.map { row in given.indices.map { (given[$0][row] - goal[$0]) / spread[$0] } + [1] })
    let response = Tensor<Double>(near.map { row in rest.map { $0[row] } })
    let width = fixed.count + 1
    let gram = design.transposed().matmul(design) + Tensor<Double>.identity(width) * 1e-6
    var moved = response
    if let lower = gram.choleskyFactor() {
      let inverse = lower.inverseOfLowerTriangle()
      let slopes = inverse.transposed().matmul(inverse).matmul(design.transposed())
        .matmul(response)
      moved =
        response
        - design[columns: 0..<fixed.count].matmul(slopes[rows: 0..<fixed.count])
    }
    return moved[rows: 0..<Swift.min(256, near.count)].scalars
  }

  /// Draws of a proposal with their weights: complete rows, and the coordinates of the free
  /// columns.
  func weighted(_ count: Int, _ proposal: KernelProposal, using generator: inout PhiloxGenerator)
    -> (rows: [Double], coordinates: [Double], weights: ImportanceWeights)
  {
    let points = proposal.sample(count, using: &generator)
    let logProposal = proposal.logDensity(of: points)
    let coordinates = free.map { UnboundedCoordinate(support[$0]) }
    var rows = [Double](repeating: 0, count: count * columns)
    var logSlopes = [Double](repeating: 0, count: count)
    for row in 0..<count {
      for (column, value) in values { rows[row * columns + column] = value }
      for (index, column) in free.enumerated() {
        let (x, logSlope) = coordinates[index].value(at: points[row * free.count + index])
        rows[row * columns + column] = x
        logSlopes[row] += logSlope
      }
    }
    let logTarget = logDensity(rows)
    let logWeights = (0..<count).map { row in
      logTarget[row].isFinite ? logTarget[row] + logSlopes[row] - logProposal[row] : -.infinity
    }
    return (rows, points, ImportanceWeights(logWeights: logWeights))
  }

  /// The points that the next proposal follows; weights that single out a few are tempered.
  func next(
    _ coordinates: [Double], _ weights: ImportanceWeights, using generator: inout PhiloxGenerator
  ) -> (points: [Double], effectiveCount: Double) {
    var tempered = weights
    var power = 1.0
    while tempered.effectiveSampleSize < 64 && power > 0.01 {
      power *= 0.7
      tempered = ImportanceWeights(logWeights: weights.logWeights.map { $0 * power })
    }
    let n = free.count
    guard tempered.effectiveSampleSize > 0 else { return (coordinates, 64) }
    let indices = tempered.resampledIndices(512, using: &generator)
    return (
      indices.flatMap { coordinates[($0 * n)..<($0 * n + n)] },
      Swift.min(512, tempered.effectiveSampleSize)
    )
  }
}
