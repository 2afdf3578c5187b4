internal import CFlowKernels

/// The processor's limit, measured: what a fraction of peak is a fraction of.
public enum MachinePeak {
  /// `Float` multiply-adds that never leave the registers, on `threads` threads at once, in
  /// floating-point operations per second (a multiply-add is two).
  public static func floatOperationsPerSecond(threads: Int = Workers.count) -> Double {
    let iterations: Int64 = 4_000
    let clock = ContinuousClock()
    let start = clock.now
    Workers.run(threads, threads: threads) { _ in
      var operations = 0.0
      var sink = 0.0
      fk_multiply_add_peak(FK_FLOAT, iterations, &operations, &sink)
    }
    let elapsed = clock.now - start
    var operations = 0.0
    var sink = 0.0
    fk_multiply_add_peak(FK_FLOAT, 1, &operations, &sink)
    let seconds =
      Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
    return operations * Double(iterations) * Double(threads) / seconds
  }
}
