/// The distribution function F(x) = P(X ≤ x) of a density of one column, and its inverse.
///
/// In closed form where the density has one: a ``ColumnwiseDistribution``, a flow over such a base
/// (F of the base at T⁻¹(x)), or a mixture of these; then accurate as `Scalar` is. Otherwise by
/// adaptive quadrature over the whole support, prepared once: errors are some 10⁻⁹ in `Double` and
/// 10⁻⁶ in `Float`, some 10⁻⁷ where the density is infinite at an end of its support other than 0.
public struct DistributionFunction: Sendable {
  private let cumulative: @Sendable (Double) -> Double
  private let inverse: @Sendable (Double) -> Double
  /// Where the density can be positive.
  public let support: Support
  /// ∫ p over the support before it is divided by it: 1 for a density that is normalised, which is
  /// worth a look for one that claims to be; exactly 1 in closed form.
  public let mass: Double
  /// What the error of F is expected to be at most; 0 in closed form.
  public let error: Double

  init(_ table: CumulativeTable, support: Support) {
    cumulative = { table.cumulativeProbability(of: $0) }
    inverse = { table.quantile($0) }
    self.support = support
    (mass, error) = (table.mass, table.error)
  }

  /// The closed form of a density that has one.
  init<D: Distribution>(closed density: D, context: Tensor<D.Scalar>?) {
    typealias Row = Tensor<D.Scalar>
    cumulative = { x in
      let row = Row(rows: [x], columns: 1)
      return Double(density.closedCumulativeProbability(of: row, context: context)?.scalar ?? .nan)
    }
    inverse = { p in
      let row = Row(rows: [p], columns: 1)
      return Double(density.closedQuantile(of: row, context: context)?.scalar ?? .nan)
    }
    support = density.support[0]
    (mass, error) = (1, 0)
  }

  /// F(x) = P(X ≤ x); NaN for NaN.
  public func cumulativeProbability(of x: Double) -> Double {
    if x <= support.bounds.low { return 0 }
    if x >= support.bounds.high { return 1 }
    return cumulative(x)
  }

  /// The place below which a share p lies; at 0 and 1 the ends of the support.
  public func quantile(_ probability: Double) -> Double {
    precondition(
      probability >= 0 && probability <= 1, "a probability lies in [0, 1]; got \(probability)")
    return inverse(probability)
  }

  /// The place with as much of the density below as above.
  public var median: Double { quantile(0.5) }

  /// The equal-tailed interval that holds a share of the density.
  ///
  /// For the shortest one see
  /// ``Distribution/highestDensityRegion(probability:context:draws:using:)``.
  public func credibleInterval(_ probability: Double) -> ClosedRange<Double> {
    quantile((1 - probability) / 2)...quantile((1 + probability) / 2)
  }
}

extension Distribution {
  /// The distribution function of a density of one column, prepared for many questions.
  ///
  /// - Parameter context: one row for a conditional density.
  /// - Precondition: the density has one column; others have
  ///   ``marginal(column:context:draws:using:)``.
  /// - Throws: ``FlowsError`` (`.invalidData`) where draws or log-densities are not finite.
  /// - Complexity: without a closed form, some thousand log-densities.
  public func distributionFunction(context: Tensor<Scalar>? = nil) throws -> DistributionFunction {
    checkOneColumn()
    let context = contextRow(context)
    if hasClosedForm {
      let places = Tensor<Scalar>([[0.25], [0.5], [0.75]])
      let rows = repeated(context, count: 3)
      if let quantiles = closedQuantile(of: places, context: rows),
        closedCumulativeProbability(of: quantiles, context: rows) != nil
      {
        return DistributionFunction(closed: self, context: context)
      }
    }
    // The draws only show where the density is, so that results do not depend on a generator.
    var generator = PhiloxGenerator(seed: 0xcdf)
    let draws = Tensor<Double>(self.draws(2_048, row: context, using: &generator)).scalars
    let table = try CumulativeTable(
      support: support[0], kinks: kinks[0], draws: draws,
      noise: 16 * Double(Scalar.ulpOfOne)
    ) { places in
      logDensities(
        of: Tensor(rows: places, columns: 1), context: repeated(context, count: places.count))
    }
    return DistributionFunction(table, support: support[0])
  }

  /// F(x | context) = P(X ≤ x | context) of each row: x `[rows, 1]` → `[rows, 1]`.
  ///
  /// - Parameters:
  ///   - x: places.
  ///   - context: `[rows, contextDimension]`, or one row for all.
  /// - Precondition: the density has one column.
  /// - Throws: as ``distributionFunction(context:)``.
  /// - Complexity: without a closed form, one table for each distinct row of context.
  public func cumulativeProbability(of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil) throws
    -> Tensor<Scalar>
  {
    checkOneColumn()
    checkRows(x)
    let x = x.detached
    let context = contextRows(context, count: x.shape[0])
    if let known = closedCumulativeProbability(of: x, context: context) { return known.detached }
    return try eachRow(x, context: context) { $0.cumulativeProbability(of: $1) }
  }

  /// The place below which a share p of the density lies, for each row: p `[rows, 1]` →
  /// `[rows, 1]`.
  ///
  /// - Parameters:
  ///   - probability: shares in [0, 1].
  ///   - context: `[rows, contextDimension]`, or one row for all.
  /// - Precondition: the density has one column.
  /// - Throws: as ``distributionFunction(context:)``.
  public func quantile(of probability: Tensor<Scalar>, context: Tensor<Scalar>? = nil) throws
    -> Tensor<Scalar>
  {
    checkOneColumn()
    checkRows(probability)
    let p = probability.detached
    precondition(
      p.withScalars { $0.allSatisfy { $0 >= 0 && $0 <= 1 } }, "probabilities lie in [0, 1]")
    let context = contextRows(context, count: p.shape[0])
    if let known = closedQuantile(of: p, context: context) { return known.detached }
    return try eachRow(p, context: context) { $0.quantile($1) }
  }

  /// The place below which a share p of a density of one column lies; `context` is one row.
  public func quantile(_ probability: Double, context: Tensor<Scalar>? = nil) throws -> Double {
    try distributionFunction(context: context).quantile(probability)
  }

  /// The median of a density of one column; `context` is one row.
  public func median(context: Tensor<Scalar>? = nil) throws -> Double {
    try distributionFunction(context: context).median
  }

  /// The equal-tailed interval that holds a share of a density of one column; `context` is one row.
  public func credibleInterval(_ probability: Double, context: Tensor<Scalar>? = nil) throws
    -> ClosedRange<Double>
  {
    try distributionFunction(context: context).credibleInterval(probability)
  }

  private func checkOneColumn() {
    precondition(
      dimension == 1,
      "a distribution function is that of one column; the density has \(dimension), for which "
        + "marginal(column:context:draws:using:) works from draws")
  }

  /// Asks the distribution function of each row's context.
  private func eachRow(
    _ x: Tensor<Scalar>, context: Tensor<Scalar>?,
    _ question: (DistributionFunction, Double) -> Double
  ) throws -> Tensor<Scalar> {
    let places = Tensor<Double>(x).scalars
    guard let context else {
      let function = try distributionFunction()
      return Tensor(rows: places.map { question(function, $0) }, columns: 1)
    }
    var groups: [[Scalar]: [Int]] = [:]
    for row in places.indices {
      groups[context[rows: row..<row + 1].scalars, default: []].append(row)
    }
    let rows = Array(groups.values)
    var functions = [Result<DistributionFunction, any Error>?](repeating: nil, count: rows.count)
    functions.withUnsafeMutableBufferPointer { functions in
      let results = functions
      Workers.run(rows.count, threads: Workers.count) { index in
        let first = rows[index][0]
        results[index] = Result {
          try distributionFunction(context: context[rows: first..<first + 1])
        }
      }
    }
    var values = [Double](repeating: 0, count: places.count)
    for (function, rows) in zip(functions, rows) {
      guard let function = try function?.get() else { continue }
      for row in rows { values[row] = question(function, places[row]) }
    }
    return Tensor(rows: values, columns: 1)
  }
}
