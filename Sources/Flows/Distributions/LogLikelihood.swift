/// A number with its standard error.
public struct Estimate: Hashable, Sendable, Codable, CustomStringConvertible {
  /// The estimate.
  public let value: Double
  /// The standard deviation of the estimate over repeated samples; NaN where one row says nothing
  /// about it.
  public let standardError: Double

  /// An estimate from its parts.
  public init(value: Double, standardError: Double) {
    self.value = value
    // One kind of NaN, since descriptions tell them apart.
    self.standardError = standardError.isNaN ? .nan : standardError
  }

  /// The standard error; nil where it is not known.
  var knownStandardError: Double? { standardError.isNaN ? nil : standardError }

  /// "value ± standard error", with four digits after the point.
  public var description: String { "\(rounded(value)) ± \(rounded(standardError))" }

  private func rounded(_ number: Double) -> String {
    number.magnitude < 1e9 ? "\((number * 1e4).rounded() / 1e4)" : "\(number)"
  }

  /// The mean of independent values, weighted where weights are given.
  ///
  /// Without weights the standard error is s / √n with s² = Σ (v − m)² / (n − 1); with weights w, the
  /// square root of n / (n − 1) · Σ w² (v − m)² / (Σ w)². Rows of weight 0 do not count. A value of
  /// −∞ makes the mean −∞ and the error NaN.
  public init(meanOf values: [Double], weights: [Double]? = nil) {
    precondition(
      weights.map { $0.count == values.count } ?? true, "every value has one weight")
    let all = Tensor(values)
    guard let weights else {
      let count = Double(values.count)
      let mean = values.isEmpty ? .nan : all.mean().scalar
      let squares = (all - mean).squared().sum().scalar
      self.init(value: mean, standardError: (squares / ((count - 1) * count)).squareRoot())
      return
    }
    let kept = values.indices.filter { weights[$0] > 0 }
    let (v, w) = (Tensor(kept.map { values[$0] }), Tensor(kept.map { weights[$0] }))
    let (total, count) = (w.sum().scalar, Double(kept.count))
    let mean = kept.isEmpty ? .nan : (v * w).sum().scalar / total
    let squares = ((v - mean) * w).squared().sum().scalar
    self.init(
      value: mean, standardError: (squares * count / (count - 1)).squareRoot() / total)
  }
}

extension Estimate {
  private enum CodingKeys: CodingKey {
    case value, standardError
  }

  /// Reads an estimate; a missing standard error is NaN.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      value: try container.decode(Double.self, forKey: .value),
      standardError: try container.decodeIfPresent(Double.self, forKey: .standardError) ?? .nan)
  }

  /// Writes an estimate; a standard error that is not known is left out, since JSON has no NaN.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(value, forKey: .value)
    try container.encodeIfPresent(knownStandardError, forKey: .standardError)
  }
}

/// The log-likelihood of rows under a density: each row's, and their mean with its standard error.
public struct LogLikelihood: Hashable, Sendable, Codable {
  /// log p of each row, in nats.
  public let rows: [Double]
  /// The weight of each row; nil where rows count alike.
  public let weights: [Double]?

  /// The log-likelihood of rows whose log-densities are known.
  public init(rows: [Double], weights: [Double]? = nil) {
    precondition(weights.map { $0.count == rows.count } ?? true, "every row has one weight")
    self.rows = rows
    self.weights = weights
  }

  /// The mean over the rows with its standard error, in nats per row.
  public var mean: Estimate { Estimate(meanOf: rows, weights: weights) }

  /// By how much this mean exceeds another over the *same* rows, with the error of the difference.
  ///
  /// Rows are compared one by one, so that what makes a row hard for both models cancels: the error
  /// is far below that of either mean, and a difference of more than two errors is worth a look.
  public func difference(from other: LogLikelihood) -> Estimate {
    precondition(
      rows.count == other.rows.count && weights == other.weights,
      "a paired comparison needs the same rows; got \(rows.count) and \(other.rows.count)")
    return Estimate(meanOf: zip(rows, other.rows).map { $0 - $1 }, weights: weights)
  }
}

extension Distribution {
  /// The log-likelihood of rows: `[n, dimension]`, context `[n, contextDimension]`, weights `[n]`.
  public func logLikelihood(
    of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil, weights: Tensor<Scalar>? = nil
  ) -> LogLikelihood {
    precondition(
      weights.map { $0.shape == [x.shape[0]] } ?? true, "every row has one weight")
    return LogLikelihood(
      rows: Tensor<Double>(logDensity(of: x, context: context).detached).scalars,
      weights: weights.map { Tensor<Double>($0).scalars })
  }
}
