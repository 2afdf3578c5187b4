extension Distribution {
  /// F(x | context) of each row of a density of one column: uniform on [0, 1] where rows follow the
  /// density (the probability integral transform).
  ///
  /// `UniformityTest(values)` tests it. Densities of more columns have
  /// ``densityRanks(of:context:draws:using:)`` and, column by column,
  /// ``columnRanks(of:context:draws:using:)``.
  ///
  /// - Throws: as ``distributionFunction(context:)``.
  public func probabilityIntegralTransform(
    of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil
  ) throws -> [Double] {
    Tensor<Double>(try cumulativeProbability(of: x, context: context)).scalars.map {
      Swift.min(1, Swift.max(0, $0))
    }
  }

  /// For each row the share of the density that is higher than at the row, from draws.
  ///
  /// It is the probability of the smallest highest-density region that holds the row: near 0 at the
  /// mode, near 1 far out. Rows that follow the density have ranks that are uniform on [0, 1],
  /// exactly, for any number of columns: the rank is (#{draws with a higher log p} + U)/(m + 1),
  /// with U uniform on [0, 1) (and ties broken by it).
  ///
  /// Without context all rows are ranked among the same m draws, so that ranks depend on each other
  /// a little (as n·m/(n + m) independent ones would tell as much); with context each row has draws
  /// of its own.
  ///
  /// - Parameters:
  ///   - x: rows `[n, dimension]`.
  ///   - context: `[n, contextDimension]`, or one row for all.
  ///   - draws: the number m of draws, for each row where there is context.
  ///   - generator: their source.
  public func densityRanks(
    of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil, draws: Int = 1_000,
    using generator: inout PhiloxGenerator
  ) -> [Double] {
    checkRows(x)
    let context = contextRows(context, count: x.shape[0])
    let own = logDensities(of: x, context: context)
    return ranks(of: own.map { -$0 }, context, draws, &generator) { rows, context in
      logDensities(of: rows, context: context).map { -$0 }
    }
  }

  /// For each number of each row its rank among draws of its column, `[n, dimension]`: the
  /// probability integral transform of the marginal densities.
  ///
  /// (#{draws below} + U)/(m + 1) with U uniform on [0, 1): uniform on [0, 1], exactly, in each
  /// column, for rows that follow the density. Draws are shared, or each row's own, as for
  /// ``densityRanks(of:context:draws:using:)``.
  public func columnRanks(
    of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil, draws: Int = 1_000,
    using generator: inout PhiloxGenerator
  ) -> Tensor<Double> {
    checkRows(x)
    let context = contextRows(context, count: x.shape[0])
    let start = generator
    let columns = (0..<dimension).map { column in
      // The same draws for every column.
      generator = start
      return ranks(of: x.columnScalars(column), context, draws, &generator) { rows, _ in
        rows.columnScalars(column)
      }
    }
    return Tensor.stacked(columns.map { Tensor($0) }, axis: 1)
  }

  /// The rank of each value among values of draws.
  private func ranks(
    of values: [Double], _ context: Tensor<Scalar>?, _ draws: Int,
    _ generator: inout PhiloxGenerator,
    _ measure: (Tensor<Scalar>, Tensor<Scalar>?) -> [Double]
  ) -> [Double] {
    precondition(draws >= 1, "ranks are those among one draw or more; got \(draws)")
    let count = values.count
    let spots = Tensor<Double>.uniform([count], using: &generator).scalars
    func rank(_ index: Int, below: Int, equal: Int) -> Double {
      (Double(below) + spots[index] * Double(equal + 1)) / Double(draws + 1)
    }
    guard let context else {
      let sorted = measure(sample(draws, context: nil, using: &generator).detached, nil).sorted()
      return values.indices.map { index in
        let below = sorted.firstIndex(from: values[index])
        return rank(index, below: below, equal: sorted.firstIndex(above: values[index]) - below)
      }
    }
    // Some rows at a time, so that memory does not grow with rows times draws.
    let chunk = Swift.max(1, 65_536 / draws)
    var result: [Double] = []
    for first in stride(from: 0, to: count, by: chunk) {
      let rows = first..<Swift.min(count, first + chunk)
      let repeated = context.rows(rows.flatMap { Array(repeating: $0, count: draws) })
      let sampled = sample(repeated.shape[0], context: repeated, using: &generator).detached
      let measured = measure(sampled, repeated)
      for (offset, row) in rows.enumerated() {
        var (below, equal) = (0, 0)
        for draw in measured[(offset * draws)..<((offset + 1) * draws)] {
          if draw < values[row] { below += 1 } else if draw == values[row] { equal += 1 }
        }
        result.append(rank(row, below: below, equal: equal))
      }
    }
    return result
  }
}

extension Tensor {
  fileprivate func columnScalars(_ column: Int) -> [Double] {
    Tensor<Double>(self[columns: column..<column + 1].detached).scalars
  }
}
