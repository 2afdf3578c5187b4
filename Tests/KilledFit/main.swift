import Flows

// Fits a small flow with a checkpoint and saves it; the tests kill it at random moments.
//
// KilledFit (table | stream FILE | energy) CHECKPOINT MODEL THREADS

let arguments = Array(CommandLine.arguments.dropFirst())
let last = arguments.count - 1
let (checkpoint, model) = (arguments[last - 2], arguments[last - 1])
let threads = Int(arguments[last])
var generator = PhiloxGenerator(seed: 7)
var flow = NormalizingFlow<Float>.realNVP(
  dimension: 2, layers: 4, hidden: [16], using: &generator)
let options = FitOptions {
  $0.steps = 3_000
  $0.batchSize = 256
  $0.validationInterval = 70
  $0.patience = nil
  $0.threads = threads
  $0.checkpoint = FitCheckpoint(path: checkpoint, every: .steps(50))
}
let normal = Tensor<Float>.normal([2_000, 2], using: &generator)
let rows = Tensor<Float>.concatenated(
  [normal.columns([0]), normal.columns([0]).squared() + normal.columns([1]) * 0.3], axis: 1)

do {
  let report: FitReport
  switch arguments[0] {
  case "stream":
    let stream = try NumPyRowStream<Float>(arguments[1], batchSize: 256)
    report = try flow.fit(batches: stream, validation: rows, options: options)
  case "energy":
    report = try flow.fit(
      toLogDensity: { -($0.squared() + sin($0 * 2)).sum(axis: 1) }, options: options)
  default:
    report = try flow.fit(rows, options: options)
  }
  try flow.save(to: model)
  print(report.resumedAtStep)
} catch {
  print("error: \(error)")
}
