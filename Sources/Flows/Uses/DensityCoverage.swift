/// How often the highest-density regions of a density hold rows, beside how often they should.
public struct DensityCoverage: Hashable, Sendable, Codable {
  /// What was seen at one level.
  public struct Level: Hashable, Sendable, Codable {
    /// The share of the density that the region holds.
    public let probability: Double
    /// The share of the rows that lie in it; its standard error is that of rows and draws together
    /// if the density is right.
    public let coverage: Estimate
  }

  /// One entry for each level.
  public let levels: [Level]
  /// The rank of each row; see ``Distribution/densityRanks(of:context:draws:using:)``.
  public let ranks: [Double]
  /// Whether the ranks are uniform, as they are if the rows follow the density.
  public let uniformity: UniformityTest
  /// The mean rank less ½: above 0 where rows lie further out than the density says (it is too
  /// narrow), below 0 where it is too wide.
  public let bias: Estimate
}

extension Distribution {
  /// How often the highest-density regions hold rows that were not trained on.
  ///
  /// Exact for any number of columns, conditional densities included: regions are told by ranks
  /// among draws, and no threshold or integral is approximated.
  ///
  /// - Parameters:
  ///   - x: rows `[n, dimension]`.
  ///   - context: `[n, contextDimension]`, or one row for all.
  ///   - levels: the probabilities of the regions, in [0, 1].
  ///   - draws: the number of draws, for each row where there is context.
  ///   - generator: their source.
  /// - Throws: ``FlowsError`` (`.invalidData`) where there are no rows.
  public func coverage(
    of x: Tensor<Scalar>, context: Tensor<Scalar>? = nil, levels: [Double] = [0.5, 0.8, 0.95],
    draws: Int = 1_000, using generator: inout PhiloxGenerator
  ) throws -> DensityCoverage {
    precondition(
      levels.allSatisfy { $0 >= 0 && $0 <= 1 }, "a level lies in [0, 1]; got \(levels)")
    checkRows(x)
    let rows = x.shape[0]
    guard rows > 0 else { throw FlowsError(.invalidData, "coverage is that of one row or more") }
    let ranks = densityRanks(of: x, context: context, draws: draws, using: &generator)
    let (n, m) = (Double(rows), Double(draws))
    let effective = contextDimension > 0 ? n : n * m / (n + m)
    return DensityCoverage(
      levels: levels.map { level in
        DensityCoverage.Level(
          probability: level,
          coverage: Estimate(
            value: Double(ranks.count { $0 <= level }) / n,
            standardError: (level * (1 - level) / effective).squareRoot()))
      }, ranks: ranks, uniformity: UniformityTest(ranks, effectiveCount: effective),
      bias: Estimate(
        value: ranks.reduce(0, +) / n - 0.5,
        standardError: (1 / (12 * effective)).squareRoot()))
  }
}
