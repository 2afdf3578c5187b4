/// The mean of values that depend on one another within groups, with its standard error.
///
/// The error is the cluster-robust one, √(G/(G − 1)·Σ_g S_g²)/n with S_g the sum of a group's
/// deviations from the mean: the first-order form of a bootstrap over groups (Cameron and Miller,
/// 2015).
public struct ClusteredMean: Hashable, Sendable, Codable {
  /// The mean of all values.
  public let value: Double
  /// Its standard error; nil for a single group, which says nothing about other groups.
  public let standardError: Double?

  /// The mean of values, each with the index of its group.
  ///
  /// - Precondition: there is one value at least.
  public init(_ values: [Double], groups: [Int]) {
    precondition(
      !values.isEmpty && values.count == groups.count,
      "there is one group for each of one or more values; got \(values.count) and \(groups.count)")
    let count = Double(values.count)
    let mean = values.reduce(0, +) / count
    value = mean
    standardError = clusteredDeviation(values.map { $0 - mean }, groups: groups).map { $0 / count }
  }
}

/// √(G/(G − 1)·Σ_g S_g²) of deviations with a mean of zero; nil for a single group.
func clusteredDeviation(_ deviations: [Double], groups: [Int]) -> Double? {
  var sums: [Int: Double] = [:]
  for (deviation, group) in zip(deviations, groups) { sums[group, default: 0] += deviation }
  if sums.count < 2 { return nil }
  // In the order of the groups: a dictionary has another one in every run.
  let total = sums.sorted { $0.key < $1.key }.reduce(0) { $0 + $1.value * $1.value }
  return (total * Double(sums.count) / Double(sums.count - 1)).squareRoot()
}
