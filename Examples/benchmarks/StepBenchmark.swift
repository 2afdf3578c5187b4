import Flows
import Foundation

/// Times training steps and log-densities of the RLE RealNVP beside the machine's own limit.
///
/// Each trial is bracketed by two samples of the multiply-add peak, because the clock of a shared
/// machine moves; the median of the trials' fractions is what counts.
struct StepBenchmark {
  /// What is timed.
  enum Workload: String, CaseIterable {
    /// Forward, backward and Adam.
    case training = "training step"
    /// The log-density of every row.
    case logDensity = "log-density"
  }

  let dimension: Int
  let batch: Int
  let threads: Int
  let trials: Int

  /// What a run came to.
  struct Outcome: Encodable {
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

  func name(of workload: Workload) -> String {
    "RLE RealNVP D=\(dimension) B=\(batch) \(workload.rawValue)"
  }

  // Forward, the products that are executed: only the columns that a coupling uses.
  private var forwardOperationsPerRow: Double {
    let passed = Double(dimension / 2)
    let network = passed * 64 + 64 * 64 + 64 * (Double(dimension) - passed)
    return 2 * network * 2 * 6
  }

  func run(_ workloads: [Workload]) -> [Outcome] {
    var generator = PhiloxGenerator(seed: 1)
    let data = Tensor<Float>.normal([batch, dimension], using: &generator)
    let flow =
      dimension == 2
      ? NormalizingFlow<Float>.rle(dimension: 2, using: &generator)
      : NormalizingFlow<Float>.realNVP(
        dimension: dimension, layers: 6, scale: .tanh(bound: 1), using: &generator)
    Workers.count = threads
    let trainer = Trainer(flow, threads: threads)
    return workloads.map { workload in
      switch workload {
      case .training:
        measure(workload, operations: 3 * forwardOperationsPerRow * Double(batch)) {
          _ = trainer.step(rows: batch, learningRate: 1e-4) { model, rows in
            -model.logDensity(of: data[rows: rows]).sum()
          }
        }
      case .logDensity:
        measure(workload, operations: forwardOperationsPerRow * Double(batch)) {
          _ = flow.logDensity(of: data)
        }
      }
    }
  }

  private func measure(_ workload: Workload, operations: Double, _ work: () -> Void) -> Outcome {
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
    return Outcome(
      name: name(of: workload), dimension: dimension, batch: batch, threads: threads,
      secondsPerStep: time, rowsPerSecond: Double(batch) / time,
      fractionOfPeak: fractions[trials / 2], fractionOfPeak10: fractions[trials / 10],
      fractionOfPeak90: fractions[trials - 1 - trials / 10],
      peakFlopsPerSecond: samples.map(\.peak).sorted()[trials / 2])
  }
}
