#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The smallest region that holds a share of a density: {x : log p(x) ≥ t}.
///
/// t is an order statistic of log p at draws (Hyndman, "Computing and graphing highest density
/// regions", The American Statistician 50, 1996). Regions of another share have another t, and lie
/// within or around this one.
public struct HighestDensityRegion<Scalar: TensorScalar>: Sendable {
  /// The share α of the density that the region is to hold.
  public let probability: Double
  /// The log-density t that rows of the region reach, in nats, with the error of its estimate.
  public let logDensityThreshold: Estimate
  /// The number N of draws that the threshold is from.
  public let drawCount: Int
  /// The density.
  public let density: any Distribution<Scalar>
  /// The one row of context, for a conditional density.
  public let context: Tensor<Scalar>?
  /// The draws, `[N, dimension]`.
  let draws: Tensor<Scalar>
  let drawLogDensities: [Double]

  init(
    of density: any Distribution<Scalar>, probability: Double, context: Tensor<Scalar>?,
    draws: Tensor<Scalar>
  ) throws {
    self.density = density
    self.probability = probability
    self.context = context
    self.draws = draws
    let number = draws.shape[0]
    drawCount = number
    // Not the log-density that comes with a draw: its rounding differs from that of a given row.
    drawLogDensities = density.logDensities(
      of: draws, context: density.repeated(context, count: number))
    let sorted = drawLogDensities.sorted()
    guard let top = sorted.last, top > -.infinity, top < .infinity else {
      throw FlowsError(.invalidData, "the log-density is finite at none of the density's own draws")
    }
    // The least number of draws whose share is α or more lies within.
    let count = Double(number)
    let place = count - (probability * (count + 1)).rounded(.up)
    let reach = (count * probability * (1 - probability)).squareRoot()
    func value(_ place: Double) -> Double {
      sorted[Swift.min(number - 1, Swift.max(0, Int(place.rounded())))]
    }
    logDensityThreshold = Estimate(
      value: value(place), standardError: (value(place + reach) - value(place - reach)) / 2)
  }

  /// √(α(1 − α)/N): the error of the share that the region really holds.
  public var probabilityStandardError: Double {
    (probability * (1 - probability) / Double(drawCount)).squareRoot()
  }

  /// Whether each row lies in the region: `[rows, dimension]`; false for rows that are not finite.
  public func contains(_ x: Tensor<Scalar>) -> [Bool] {
    let rows = x.shape[0]
    return density.logDensities(of: x, context: density.repeated(context, count: rows)).map {
      $0 >= logDensityThreshold.value
    }
  }

  /// The length, area or volume of the region, in the units of the columns, with its Monte Carlo
  /// error: E[1{p(X) ≥ eᵗ} / p(X)] over the draws.
  public var volume: Estimate {
    Estimate(
      meanOf: drawLogDensities.map { $0 >= logDensityThreshold.value ? exp(-$0) : 0 })
  }

  /// The draws within, as numbers by column.
  func insideDraws() -> [[Double]] {
    let rows = drawLogDensities.indices.filter {
      drawLogDensities[$0] >= logDensityThreshold.value
    }
    let (scalars, columns) = (Tensor<Double>(draws.rows(rows)).scalars, draws.shape[1])
    return (0..<columns).map { column in
      stride(from: column, to: scalars.count, by: columns).map { scalars[$0] }
    }
  }
}

extension Distribution {
  /// The smallest region that holds a share of the density.
  ///
  /// - Parameters:
  ///   - probability: the share α, in (0, 1).
  ///   - context: one row for a conditional density.
  ///   - draws: the number N of draws; the share that the region really holds has the standard
  ///     error √(α(1 − α)/N).
  ///   - generator: their source.
  /// - Throws: ``FlowsError`` (`.invalidData`) where the density is finite at none of its draws.
  public func highestDensityRegion(
    probability: Double, context: Tensor<Scalar>? = nil, draws: Int = 65_536,
    using generator: inout PhiloxGenerator
  ) throws -> HighestDensityRegion<Scalar> {
    precondition(
      probability > 0 && probability < 1,
      "a region holds a share of the density in (0, 1); got \(probability)")
    precondition(draws >= 2, "there are at least two draws; got \(draws)")
    let context = contextRow(context)
    return try HighestDensityRegion(
      of: self, probability: probability, context: context,
      draws: self.draws(draws, row: context, using: &generator))
  }
}
