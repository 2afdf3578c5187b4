import Flows

/// Times training steps and log-densities of the RLE flow beside the machine's own limit.
///
/// Each trial is bracketed by two samples of the multiply-add peak, because the clock of a shared
/// machine moves; the median of the trials' fractions is what counts.
struct StepBenchmark {
  let dimension: Int
  let batch: Int
  let threads: Int
  let trials: Int

  /// What a run came to.
  struct Outcome {
    let name: String
    let secondsPerStep: Double
    let fractionOfPeak: Double
    let fractions: (low: Double, high: Double)
    let peak: Double
  }

  /// Multiply-adds of the products that are executed for one row, forward: the used columns only.
  private var forwardOperationsPerRow: Double {
    let half = Double(dimension / 2)
    let network = half * 64 + 64 * 64 + 64 * (Double(dimension) - half)
    return 2 * network * 2 * 6
  }

  func run() -> [Outcome] {
    var generator = PhiloxGenerator(seed: 1)
    let data = Tensor<Float>.normal([batch, dimension], using: &generator)
    let flow =
      dimension == 2
      ? NormalizingFlow<Float>.rle(dimension: 2, using: &generator)
      : NormalizingFlow<Float>.realNVP(
        dimension: dimension, layers: 6, scale: .tanh(bound: 1), using: &generator)
    Workers.count = threads
    let trainer = Trainer(flow, threads: threads)
    let step = {
      _ = trainer.step(rows: batch, learningRate: 1e-4) { model, rows in
        -model.logDensity(of: data[rows: rows]).sum()
      }
    }
    return [
      measure("training step", operations: 3 * forwardOperationsPerRow * Double(batch), step),
      measure("log-density", operations: forwardOperationsPerRow * Double(batch)) {
        _ = flow.logDensity(of: data)
      },
    ]
  }

  private func measure(_ name: String, operations: Double, _ work: () -> Void) -> Outcome {
    let clock = ContinuousClock()
    func seconds(_ repeats: Int) -> Double {
      let start = clock.now
      for _ in 0..<repeats { work() }
      let elapsed = (clock.now - start).components
      return (Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18) / Double(repeats)
    }
    let first = seconds(5)
    let repeats = max(1, Int(2e-3 / first))
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
    return Outcome(
      name: name, secondsPerStep: samples.map(\.seconds).sorted()[trials / 2],
      fractionOfPeak: fractions[trials / 2],
      fractions: (fractions[trials / 10], fractions[trials - 1 - trials / 10]),
      peak: samples.map(\.peak).sorted()[trials / 2])
  }
}
