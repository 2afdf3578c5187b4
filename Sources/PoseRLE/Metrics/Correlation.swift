/// Correlations of paired numbers, such as the confidence of poses with their similarity to the truth.
///
/// With an interval over images:
///
/// ```swift
/// let interval = Bootstrap().interval(images: images) { rows in
///   Correlation.spearman(rows.map { confidence[$0] }, rows.map { error[$0] })
/// }
/// ```
///
/// ``JointTable/poseMeans`` and ``KeypointEvaluation/matches(atThreshold:in:)`` give errors and
/// similarities of poses.
public enum Correlation {
  /// Pearson's correlation, Σ (x − x̄)(y − ȳ) / √(Σ (x − x̄)² Σ (y − ȳ)²), in [−1, 1].
  ///
  /// - Returns: nil where it is not defined: fewer than two pairs, one side constant, or numbers
  ///   that are not finite.
  public static func pearson(_ x: [Double], _ y: [Double]) -> Double? {
    precondition(x.count == y.count, "values come in pairs; got \(x.count) and \(y.count)")
    guard x.count > 1, x != Array(repeating: x[0], count: x.count),
      y != Array(repeating: y[0], count: y.count)
    else { return nil }
    let (a, b) = (centred(x), centred(y))
    var (product, squareA, squareB) = (0.0, 0.0, 0.0)
    for (a, b) in zip(a, b) {
      product += a * b
      squareA += a * a
      squareB += b * b
    }
    let correlation = product / (squareA * squareB).squareRoot()
    return correlation.isFinite ? min(max(correlation, -1), 1) : nil
  }

  /// Spearman's rank correlation: Pearson's of the ranks, equal values sharing their mean rank.
  ///
  /// - Returns: nil where it is not defined, as for ``pearson(_:_:)``.
  public static func spearman(_ x: [Double], _ y: [Double]) -> Double? {
    guard !x.contains(where: \.isNaN), !y.contains(where: \.isNaN) else { return nil }
    return pearson(ranks(x), ranks(y))
  }

  /// The ranks of values, 1 for the smallest; equal values share the mean of theirs.
  ///
  /// - Precondition: no value is NaN.
  public static func ranks(_ values: [Double]) -> [Double] {
    precondition(!values.contains(where: \.isNaN), "NaN has no rank")
    let order = values.indices.sorted { values[$0] < values[$1] }
    var ranks = [Double](repeating: 0, count: values.count)
    var start = 0
    while start < order.count {
      var end = start + 1
      while end < order.count, values[order[end]] == values[order[start]] { end += 1 }
      for place in start..<end { ranks[order[place]] = Double(start + end + 1) / 2 }
      start = end
    }
    return ranks
  }

  /// The values about their mean, in units of the largest, so that squares cannot overflow.
  private static func centred(_ values: [Double]) -> [Double] {
    let mean = values.reduce(0) { $0 + $1 / Double(values.count) }
    let deviations = values.map { $0 - mean }
    let largest = deviations.map(\.magnitude).max() ?? 0
    return largest > 0 ? deviations.map { $0 / largest } : deviations
  }
}
