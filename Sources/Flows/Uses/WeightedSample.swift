/// Rows with importance weights: a sample of a density that cannot be drawn from directly.
public struct WeightedSample<Scalar: TensorScalar>: Sendable {
  /// The draws of the proposal, `[n, columns]`.
  public let rows: Tensor<Scalar>
  /// Their weights, and what tells whether to trust them.
  public let weights: ImportanceWeights

  /// Rows `[n, columns]` with the weight of each.
  public init(rows: Tensor<Scalar>, weights: ImportanceWeights) {
    precondition(
      rows.rank == 2 && rows.shape[0] == weights.logWeights.count,
      "every row has one weight; got the shape \(rows.shape) and \(weights.logWeights.count) weights"
    )
    self.rows = rows
    self.weights = weights
  }

  /// (Σ w)² / Σ w²: how many independent draws the rows are worth, at most.
  public var effectiveSampleSize: Double { weights.effectiveSampleSize }

  /// The mean of each column under the target, with its standard error.
  public var mean: [Estimate] {
    columnValues.map { weights.mean(of: $0) }
  }

  /// The mean of a function of rows under the target, with its standard error: `[n, columns]` →
  /// `[n]`.
  public func expectation(of function: (Tensor<Scalar>) -> Tensor<Scalar>) -> Estimate {
    let values = Tensor<Double>(function(rows))
    precondition(
      values.shape == [rows.shape[0]], "a function of rows has one value a row; got \(values.shape)"
    )
    return weights.mean(of: values.scalars)
  }

  /// The covariance of the columns under the target, `[columns][columns]`.
  public var covariance: [[Double]] {
    let (values, means) = (columnValues, mean.map(\.value))
    return values.indices.map { i in
      values.indices.map { j in
        weights.normalized.indices.reduce(0) { sum, row in
          let weight = weights.normalized[row]
          if weight == 0 { return sum }
          return sum + weight * (values[i][row] - means[i]) * (values[j][row] - means[j])
        }
      }
    }
  }

  /// The place below which a share p of a column lies under the target, with its standard error.
  ///
  /// The error is half the distance of the quantiles one standard error of the share to either
  /// side.
  public func quantile(_ probability: Double, column: Int) -> Estimate {
    precondition(
      probability > 0 && probability < 1, "a quantile is that of p in (0, 1); got \(probability)")
    precondition(
      column >= 0 && column < rows.shape[1], "column \(column) is not one of \(rows.shape[1])")
    let values = columnValues[column]
    let order = values.indices.filter { weights.normalized[$0] > 0 }.sorted {
      values[$0] < values[$1]
    }
    func place(_ level: Double) -> Double {
      var sum = 0.0
      for index in order {
        sum += weights.normalized[index]
        if sum >= level { return values[index] }
      }
      return order.last.map { values[$0] } ?? .nan
    }
    let error =
      (probability * (1 - probability) / Swift.max(1, effectiveSampleSize)).squareRoot()
    return Estimate(
      value: place(probability),
      standardError: (place(probability + error) - place(probability - error)) / 2)
  }

  /// Draws of the target without weights `[count, columns]`: rows by systematic resampling,
  /// shuffled.
  ///
  /// Rows repeat where weights differ; no more of them are distinct than have weight.
  public func resampled(_ count: Int, using generator: inout PhiloxGenerator) -> Tensor<Scalar> {
    let indices = weights.resampledIndices(count, using: &generator)
    return rows.rows(indices.shuffled(using: &generator))
  }

  private var columnValues: [[Double]] {
    let (scalars, columns) = (Tensor<Double>(rows).scalars, rows.shape[1])
    return (0..<columns).map { column in
      stride(from: column, to: scalars.count, by: columns).map { scalars[$0] }
    }
  }
}
