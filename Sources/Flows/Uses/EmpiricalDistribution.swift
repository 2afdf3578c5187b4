/// The distribution of some draws of a number: shares and quantiles with their sampling errors.
public struct EmpiricalDistribution: Hashable, Sendable, Codable {
  /// The draws in ascending order.
  public let sortedValues: [Double]

  /// The distribution of independent draws.
  ///
  /// - Precondition: there is one at least, and none is NaN.
  public init(_ values: [Double]) {
    precondition(
      !values.isEmpty && !values.contains(where: \.isNaN),
      "an empirical distribution is one of at least one number, none of them NaN")
    sortedValues = values.sorted()
  }

  /// The number of draws.
  public var count: Int { sortedValues.count }

  /// The share of draws up to x, an estimate of P(X ≤ x), with its standard error.
  ///
  /// The error is √((k + 1)(n − k + 1) / (n + 2)² / (n + 3)) for k of n draws: about √(p(1 − p)/n),
  /// and not 0 where k is 0 or n.
  public func cumulativeProbability(of x: Double) -> Estimate {
    let (k, n) = (Double(sortedValues.firstIndex(above: x)), Double(count))
    return Estimate(
      value: k / n,
      standardError: ((k + 1) * (n - k + 1) / (n + 3)).squareRoot() / (n + 2))
  }

  /// The place below which a share p of the draws lies, with its standard error.
  ///
  /// Interpolated between order statistics as NumPy does. The error is half the distance of the
  /// order statistics √(n p (1 − p)) to either side, which needs no density; NaN where they lie
  /// beyond the draws.
  public func quantile(_ probability: Double) -> Estimate {
    precondition(
      probability >= 0 && probability <= 1, "a probability lies in [0, 1]; got \(probability)")
    let last = Double(count - 1)
    func value(at place: Double) -> Double {
      let index = Swift.min(Int(place), Swift.max(0, count - 2))
      let upper = sortedValues[Swift.min(index + 1, count - 1)]
      let share = place - Double(index)
      return share == 0
        ? sortedValues[index] : sortedValues[index] + share * (upper - sortedValues[index])
    }
    let place = probability * last
    let reach = (Double(count) * probability * (1 - probability)).squareRoot()
    let isWithin = reach > 0 && place - reach >= 0 && place + reach <= last
    return Estimate(
      value: value(at: place),
      standardError: isWithin ? (value(at: place + reach) - value(at: place - reach)) / 2 : .nan)
  }

  /// The median with its standard error.
  public var median: Estimate { quantile(0.5) }

  /// The interval that leaves out the same share of the draws on either side, with errors of both
  /// ends.
  public func credibleInterval(_ probability: Double) -> (low: Estimate, high: Estimate) {
    let out = (1 - probability) / 2
    return (quantile(out), quantile(1 - out))
  }
}

extension [Double] {
  /// In ascending numbers, the first index whose number exceeds x.
  func firstIndex(above x: Double) -> Int { firstIndex(after: { $0 <= x }) }

  /// In ascending numbers, the first index whose number is not below x.
  func firstIndex(from x: Double) -> Int { firstIndex(after: { $0 < x }) }

  private func firstIndex(after isBefore: (Double) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if isBefore(self[middle]) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}

extension Distribution {
  /// The distribution of one column, from draws: for densities of any number of columns.
  ///
  /// Densities of one column have ``distributionFunction(context:)``, which is exact or numerical.
  ///
  /// - Parameters:
  ///   - column: which column.
  ///   - context: one row for a conditional density.
  ///   - draws: the number of draws; errors fall as 1/√draws.
  ///   - generator: their source.
  public func marginal(
    column: Int, context: Tensor<Scalar>? = nil, draws: Int = 65_536,
    using generator: inout PhiloxGenerator
  ) -> EmpiricalDistribution {
    precondition(
      column >= 0 && column < dimension, "column \(column) is not one of \(dimension) columns")
    let rows = self.draws(draws, row: contextRow(context), using: &generator)
    return EmpiricalDistribution(Tensor<Double>(rows[columns: column..<column + 1]).scalars)
  }
}
