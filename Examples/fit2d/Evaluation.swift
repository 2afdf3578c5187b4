import ExampleSupport
import Flows

/// How close a learned density is to the truth, and to a density at all.
struct Evaluation {
  /// Mean −log q on fresh draws (or held-out rows), in nats.
  let testNegativeLogLikelihood: Double
  let testStandardError: Double
  /// KL(true ‖ model) with its standard error; nil where the truth is not known.
  let divergence: (value: Double, standardError: Double)?
  /// ∫ q over a window that holds at least 0.9999 of the model's own samples.
  let integral: Double
  /// The same with twice the step.
  let coarseIntegral: Double

  init(_ flow: NormalizingFlow<Float>, draws: [Double], truth: [Double]?, seed: UInt64) {
    let logModel = flow.logDensity(of: Tensor(points: draws)).scalars.map(Double.init)
    (testNegativeLogLikelihood, testStandardError) = Evaluation.mean(logModel.map { -$0 })
    divergence = truth.map { truth in
      let (value, error) = Evaluation.mean(zip(truth, logModel).map { $0 - $1 })
      return (value, error)
    }
    var generator = PhiloxGenerator(seed: seed, stream: 0x1e57)
    let samples = flow.sample(200_000, using: &generator)
    integral = Evaluation.integral(of: flow, around: samples, cells: 800)
    coarseIntegral = Evaluation.integral(of: flow, around: samples, cells: 400)
  }

  private static func mean(_ values: [Double]) -> (mean: Double, standardError: Double) {
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (squares / (n - 1) / n).squareRoot())
  }

  // Midpoint rule on the public log-density, over the box that leaves out 0.00002 of the samples at
  // each side of each column.
  private static func integral(
    of flow: NormalizingFlow<Float>, around samples: Tensor<Float>, cells: Int
  ) -> Double {
    func range(_ column: Int) -> (low: Double, width: Double) {
      let sorted = samples[columns: column..<column + 1].scalars.sorted()
      let margin = Int(Double(sorted.count) * 2e-5)
      let low = Double(sorted[margin])
      return (low, Double(sorted[sorted.count - 1 - margin]) - low)
    }
    let (x, y) = (range(0), range(1))
    let steps =
      (Tensor<Double>.linearSpace(0...Double(cells - 1), count: cells) + 0.5) / Double(cells)
    let xs = (steps * x.width + x.low).expanded(axis: 0).broadcast(to: [cells, cells])
    let ys = (steps * y.width + y.low).expanded(axis: 1).broadcast(to: [cells, cells])
    let points = Tensor.stacked([xs.flattened(), ys.flattened()], axis: 1)
    let density = exp(Tensor<Double>(flow.logDensity(of: Tensor<Float>(points))))
    return density.sum().scalar * x.width * y.width / Double(cells * cells)
  }
}
