/// A place where a density is locally largest, as a search found it.
public struct DensityMode: Hashable, Sendable, Codable {
  /// The place, one number for each column.
  public let point: [Double]
  /// log p there, in nats.
  public let logDensity: Double
  /// The length of ∇ log p there, in nats per spread of a column: 0 at a smooth maximum.
  ///
  /// It is not near 0 at a kink, nor where the density is largest at an end of its support.
  public let gradientNorm: Double
  /// Whether the Hessian of log p, by central differences of the scores, is negative definite there
  /// and the gradient vanishes: true for a smooth, strict maximum.
  public let isMaximum: Bool
  /// How many ascents ended here.
  public let ascents: Int
}

extension Distribution {
  /// The modes of the density, the highest first: gradient ascent on log p from many starts.
  ///
  /// Starts are draws of high density that are far from any draw of a higher one (as in Rodriguez
  /// and Laio, Science 344, 2014), so that each hill gets one. All ascents run side by side, by
  /// BFGS with backtracking on exact scores. Two results are one mode unless log p dips between
  /// them. Arithmetic is that of `Scalar`; a model in `Float` gives modes to about three digits of
  /// a column's spread, the same model in `Double` to about eight.
  ///
  /// A mode that draws do not come near is not found, and a sharp peak may have next to no mass:
  /// for a place that is typical, take a region instead.
  ///
  /// - Parameters:
  ///   - context: one row for a conditional density.
  ///   - starts: the number of ascents.
  ///   - draws: the number of draws that starts are chosen from.
  ///   - generator: their source.
  /// - Throws: ``FlowsError`` (`.invalidData`) where the log-density is finite at none of the
  ///   draws.
  public func modes(
    context: Tensor<Scalar>? = nil, starts: Int = 32, draws: Int = 2_048,
    using generator: inout PhiloxGenerator
  ) throws -> [DensityMode] {
    precondition(starts >= 1 && draws >= 2, "a search has a start and at least two draws")
    let context = contextRow(context)
    let pool = self.draws(draws, row: context, using: &generator)
    let heights = logDensities(of: pool, context: repeated(context, count: draws))
    let search = ModeSearch(
      columns: dimension, kinks: kinks, tolerance: Double(Scalar.ulpOfOne)
    ) { places in
      let count = places.count / dimension
      let result = logDensityAndScore(
        of: Tensor(rows: places, columns: dimension), context: repeated(context, count: count))
      return (
        Tensor<Double>(result.logDensity).scalars.map { $0.isNaN ? -.infinity : $0 },
        Tensor<Double>(result.score).scalars
      )
    }
    return try search.run(from: Tensor<Double>(pool).scalars, heights, starts: starts)
  }
}
