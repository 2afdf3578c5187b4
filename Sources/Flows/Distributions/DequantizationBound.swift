/// The bound on log P of levels as a function of rows [levels, standard draws], which is how a fit sees
/// it: a step's noise is then part of its rows, and the loss a sum over rows without draws of its own.
struct DequantizationBound<Density: Distribution>: Distribution {
  typealias Scalar = Density.Scalar

  var density: Density
  var dequantization: any Dequantization<Scalar>
  var levelUnits: Standardization<Scalar>
  let cells: DiscreteCells<Scalar>

  var dimension: Int { density.dimension + cells.discrete.count }
  var contextDimension: Int { density.contextDimension }
  var mixesRows: Bool { density.mixesRows }

  /// log p(x + step · u) + Σ log step − log q(u | x).
  func logDensity(of rows: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(rows)
    let (spread, logNoise) = spread(rows)
    let total = density.logDensity(of: spread, context: context) - logNoise
    return total + Scalar(cells.logVolume)
  }

  private func spread(_ rows: Tensor<Scalar>) -> (Tensor<Scalar>, Tensor<Scalar>) {
    let x = rows.slice(0..<density.dimension, axis: 1)
    let levels = levelUnits.inverse(x.columns(cells.discrete), context: nil).value
    let (noise, logNoise) = dequantization.noise(
      for: levels, from: rows.slice(density.dimension..<dimension, axis: 1))
    return (cells.adding(noise, to: x), logNoise)
  }

  func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    preconditionFailure("a bound is evaluated and fitted; draw from the density instead")
  }

  mutating func prepare(with rows: Tensor<Scalar>, context: Tensor<Scalar>?) {
    density.prepare(with: spread(rows).0, context: context)
  }

  mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("density", &density)
    visitor.enter("dequantization")
    dequantization.visitParameters(&visitor)
    visitor.leave()
    visitor.visit("levelUnits", &levelUnits)
  }
}

/// A density of rows that need not be regular: discrete ones.
protocol TakesDiscreteRows {}

extension DequantizationBound: TakesDiscreteRows {}

/// Batches of a table, each row followed by standard draws.
struct NoisyRows<Scalar: TensorScalar>: BatchStream {
  let identity: String
  let table: Batch<Scalar>
  let order: RowOrder
  let dequantization: any Dequantization<Scalar>
  let generator: PhiloxGenerator

  func batch(at step: Int) -> Batch<Scalar> {
    let chosen = UnsafeBufferPointer(start: order.batch(of: step), count: order.batchRows)
    let rows = table.rows(chosen.map { Int($0) })
    var own = generator.forked(UInt64(step))
    let source = dequantization.source(order.batchRows, using: &own)
    return Batch(data: .concatenated([rows.data, source], axis: 1), context: rows.context)
  }
}

/// The cells of discrete columns.
struct DiscreteCells<Scalar: TensorScalar>: Sendable {
  /// The discrete columns.
  let discrete: [Int]
  private let steps: [Double]
  private let origins: [Double]
  private let dimension: Int
  /// Σ log step.
  let logVolume: Double

  init(_ columns: [Quantization]) {
    dimension = columns.count
    discrete = columns.indices.filter { columns[$0] != .continuous }
    precondition(!discrete.isEmpty, "a discrete distribution has a column on a grid; got none")
    steps = columns.compactMap(\.step)
    origins = columns.compactMap { column in
      if case .grid(_, let origin) = column { origin } else { nil }
    }
    precondition(
      steps.allSatisfy { $0 > 0 && $0.isFinite } && origins.allSatisfy(\.isFinite),
      "the step of a grid is positive, and its origin a number; got \(columns)")
    logVolume = steps.reduce(0) { $0 + logarithm($1) }
  }

  /// x + step · u in the discrete columns.
  func adding(_ noise: Tensor<Scalar>, to x: Tensor<Scalar>) -> Tensor<Scalar> {
    let moved = noise * Tensor(steps.map { Scalar($0) })
    return x
      + (discrete.count == dimension
        ? moved : moved.scattering(discrete, axis: 1, count: dimension))
  }

  /// Discrete columns at the lower ends of their cells.
  func floored(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    let (step, origin) = (
      Tensor(steps.map { Scalar($0) }), Tensor(origins.map { Scalar($0) })
    )
    let levels = floor((x.columns(discrete) - origin) / step) * step + origin
    let isDiscrete = Tensor<Scalar>.ones([discrete.count])
      .scattering(discrete, axis: 0, count: dimension)
    return Tensor.select(
      where: isDiscrete, levels.scattering(discrete, axis: 1, count: dimension), else: x)
  }

  func requireLevels(_ data: Tensor<Scalar>) throws {
    let rows = data.shape[0]
    try data.withScalars { values in
      for (place, column) in discrete.enumerated() {
        let (step, origin) = (steps[place], origins[place])
        for row in 0..<rows {
          let value = Double(values[row * dimension + column])
          let level = (value - origin) / step
          if Swift.abs(level - level.rounded()) < 0.01 { continue }
          throw FlowsError(
            .invalidData,
            "expected a value \(shortText(origin)) + k · \(shortText(step)) with an integer k, got "
              + "\(value)", row: row + 1, column: column + 1, field: "data")
        }
      }
    }
  }
}

extension Standardization {
  /// True where it changes nothing.
  var isIdentity: Bool {
    scale.withScalars { $0.allSatisfy { $0 == 1 } }
      && shift.withScalars { $0.allSatisfy { $0 == 0 } }
  }
}
