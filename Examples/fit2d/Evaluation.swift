import ExampleSupport
import Flows

/// How close a learned density is to the truth, and to a density at all.
struct Evaluation {
  /// Mean log q of fresh draws (or held-out rows), in nats.
  let logLikelihood: Estimate
  /// KL(true ‖ model); nil where the truth is not known.
  let divergence: Estimate?
  /// ∫ q over a window that holds at least 0.9999 of the model's own samples.
  let integral: Double
  /// The same with twice the step.
  let coarseIntegral: Double

  init(_ flow: NormalizingFlow<Float>, draws: [Double], truth: [Double]?, seed: UInt64) {
    let model = flow.logLikelihood(of: Tensor(points: draws))
    logLikelihood = model.mean
    divergence = truth.map { LogLikelihood(rows: $0).difference(from: model) }
    var generator = PhiloxGenerator(seed: seed, stream: 0x1e57)
    let samples = flow.sample(200_000, using: &generator)
    let (x, y) = (Evaluation.range(samples, 0), Evaluation.range(samples, 1))
    let result = Quadrature().integrate(x: x, y: y) { flow.logDensity(of: $0) }
    (integral, coarseIntegral) = (result.fine, result.coarse)
  }

  // All but 0.00002 of the samples at either side of a column.
  private static func range(_ samples: Tensor<Float>, _ column: Int) -> ClosedRange<Double> {
    let sorted = samples[columns: column..<column + 1].scalars.sorted()
    let margin = Int(Double(sorted.count) * 2e-5)
    return Double(sorted[margin])...Double(sorted[sorted.count - 1 - margin])
  }
}
