import Flows
import Foundation

/// What timing a workload came to, beside the machine's own limit.
///
/// Each trial is bracketed by two samples of the multiply-add peak, because the clock of a shared
/// machine moves; the median of the trials' fractions is what counts.
struct BenchmarkOutcome: Encodable {
  let name: String
  let dimension: Int
  let batch: Int
  let threads: Int
  let secondsPerStep: Double
  let rowsPerSecond: Double
  /// Of the multiply-add peak, counted on the operations executed in the products.
  let fractionOfPeak: Double
  let fractionOfPeak10: Double
  let fractionOfPeak90: Double
  let peakFlopsPerSecond: Double

  /// Times some work.
  ///
  /// - Parameters:
  ///   - name: of the workload.
  ///   - dimension: the number of columns.
  ///   - batch: the number of rows.
  ///   - threads: threads that the work uses.
  ///   - trials: how often it is timed.
  ///   - operations: floating-point operations that its products execute.
  ///   - work: what is timed.
  init(
    name: String, dimension: Int, batch: Int, threads: Int, trials: Int, operations: Double,
    _ work: () -> Void
  ) {
    let clock = ContinuousClock()
    func seconds(_ repeats: Int) -> Double {
      let start = clock.now
      for _ in 0..<repeats { work() }
      let elapsed = (clock.now - start).components
      return (Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18) / Double(repeats)
    }
    let first = seconds(3)
    let repeats = max(1, Int(1e-3 / first))
    var samples: [(fraction: Double, seconds: Double, peak: Double)] = []
    var before = MachinePeak.floatOperationsPerSecond(threads: threads)
    for _ in 0..<trials {
      let time = seconds(repeats)
      let after = MachinePeak.floatOperationsPerSecond(threads: threads)
      let peak = (before + after) / 2
      samples.append((operations / time / peak, time, peak))
      before = after
    }
    let fractions = samples.map(\.fraction).sorted()
    let time = samples.map(\.seconds).sorted()[trials / 2]
    self.name = name
    self.dimension = dimension
    self.batch = batch
    self.threads = threads
    secondsPerStep = time
    rowsPerSecond = Double(batch) / time
    fractionOfPeak = fractions[trials / 2]
    fractionOfPeak10 = fractions[trials / 10]
    fractionOfPeak90 = fractions[trials - 1 - trials / 10]
    peakFlopsPerSecond = samples.map(\.peak).sorted()[trials / 2]
  }

  /// One line for people.
  var line: String {
    func number(_ value: Double, _ format: String) -> String { String(format: format, value) }
    return name + ": " + number(secondsPerStep * 1e6, "%.0f") + " µs, "
      + number(rowsPerSecond / 1e6, "%.3f") + " Mrow/s, "
      + number(100 * fractionOfPeak, "%.1f") + " % of peak ["
      + number(100 * fractionOfPeak10, "%.1f") + ", " + number(100 * fractionOfPeak90, "%.1f")
      + "], peak " + number(peakFlopsPerSecond / 1e9, "%.0f") + " GFLOP/s, \(threads) threads"
  }
}
