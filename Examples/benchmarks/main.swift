import Flows

for threads in [1, 2] {
  for batch in [256, 4096] {
    for outcome in StepBenchmark(dimension: 2, batch: batch, threads: threads, trials: 40).run() {
      let rate = Double(batch) / outcome.secondsPerStep / 1e6
      print(
        "threads \(threads) batch \(batch) \(outcome.name): \(outcome.secondsPerStep * 1e6) µs, "
          + "\(rate) Mrow/s, fraction \(outcome.fractionOfPeak) "
          + "[\(outcome.fractions.low), \(outcome.fractions.high)] of \(outcome.peak / 1e9) GFLOP/s"
      )
    }
  }
}
