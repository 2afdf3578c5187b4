import ExampleSupport
import Flows

/// What timing a workload came to, beside the machine's own limit.
///
/// The clock of a shared machine moves, so that the median of the trials' fractions is what counts.
struct BenchmarkOutcome: Encodable {
  let name: String
  let dimension: Int
  let batch: Int
  let threads: Int
  let instructionSet: String
  let secondsPerStep: Double
  let rowsPerSecond: Double
  /// What the rows are.
  let unit: RateUnit
  /// What the fractions are of: `multiply-adds`, counted on the operations that products execute,
  /// or `copy`, counted on the bytes that have to be read and written.
  let limit: String
  let fractionOfPeak: Double
  let fractionOfPeak10: Double
  let fractionOfPeak90: Double
  /// The same counted on the operations of the published dense networks; nil where there is no such
  /// count.
  ///
  /// Where fewer operations give the same numbers it may exceed 1.
  let denseFractionOfPeak: Double?
  /// The limit itself, floating-point operations or bytes per second.
  let peakPerSecond: Double
  /// Operations or bytes per second of the work.
  let workPerSecond: Double

  init(_ timed: TimedWorkload) {
    let workload = timed.workload
    let trials = timed.trials
    let (work, dense): (Double, Double?)
    switch workload.cost {
    case .products(let executed, let published):
      (limit, work, dense) = ("multiply-adds", executed, published)
    case .traffic(let bytes, _): (limit, work, dense) = ("copy", bytes, nil)
    }
    let fractions = trials.map { work / $0.seconds / $0.limit }
    let time = trials.map(\.seconds).median
    name = workload.name
    dimension = workload.dimension
    batch = workload.batch
    threads = workload.threads
    unit = workload.unit
    instructionSet = (workload.instructionSet ?? .current).rawValue
    secondsPerStep = time / Double(workload.stepsPerRun)
    rowsPerSecond = Double(workload.batch) / secondsPerStep
    fractionOfPeak = fractions.median
    fractionOfPeak10 = fractions.quantile(0.1)
    fractionOfPeak90 = fractions.quantile(0.9)
    denseFractionOfPeak = dense.map { fractions.median * $0 / work }
    peakPerSecond = trials.map(\.limit).median
    workPerSecond = work / time
  }

  /// The figures of one line for people.
  var line: String {
    func percent(_ value: Double) -> String { fixed(100 * value, 1) }
    let isCopy = limit == "copy"
    var parts = [
      "\(unit.text(rowsPerSecond)) \(unit.name)", timeText(secondsPerStep),
      "\(percent(fractionOfPeak)) % of \(isCopy ? "copy" : "peak") "
        + "[\(percent(fractionOfPeak10)), \(percent(fractionOfPeak90))]",
    ]
    if let denseFractionOfPeak { parts.append("dense \(percent(denseFractionOfPeak)) %") }
    let unit = isCopy ? "GB/s" : "GFLOP/s"
    parts.append("\(fixed(workPerSecond / 1e9, 1)) of \(fixed(peakPerSecond / 1e9, 0)) \(unit)")
    return name + ": " + parts.joined(separator: ", ")
  }
}

/// A time, as people read it.
func timeText(_ seconds: Double) -> String {
  switch seconds {
  case ..<1e-3: fixed(seconds * 1e6, 1) + " µs"
  case ..<1: fixed(seconds * 1e3, 2) + " ms"
  default: fixed(seconds, 2) + " s"
  }
}
