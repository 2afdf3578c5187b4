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
    let elapsed = seconds(clock.now - start)
    var operations = 0.0
    var sink = 0.0
    fk_multiply_add_peak(FK_FLOAT, 1, &operations, &sink)
    return operations * Double(iterations) * Double(threads) / elapsed
  }

  /// Copies from one buffer to another, on `threads` threads at once, in bytes per second; those
  /// that are read and those that are written are both counted.
  ///
  /// - Parameters:
  ///   - threads: threads that copy, each a buffer of its own.
  ///   - bytes: the size of all source buffers together. The default is larger than most caches; a
  ///     small one gives the rate within a cache. So much is allocated twice for the length of the
  ///     call.
  /// - Precondition: there is at least one thread and a byte for each.
  public static func copyBytesPerSecond(
    threads: Int = Workers.count, bytes: Int = 1 << 28
  ) -> Double {
    precondition(
      threads > 0 && bytes >= threads,
      "a copy needs at least one thread and a byte for each; got \(threads) threads and "
        + "\(bytes) bytes")
    let share = bytes / threads
    // Short copies are repeated until they take long beside the start of a thread.
    let passes = 2 * Swift.max(2, (1 << 24) / share)
    let size = threads * share
    let a = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    let b = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 64)
    defer {
      a.deallocate()
      b.deallocate()
    }
    // The threads that copy also touch the memory first, which is where the system places it.
    Workers.run(threads, threads: threads) { index in
      (a + index * share).initializeMemory(as: UInt8.self, repeating: 1, count: share)
      (b + index * share).initializeMemory(as: UInt8.self, repeating: 2, count: share)
    }
    let clock = ContinuousClock()
    let start = clock.now
    Workers.run(threads, threads: threads) { index in
      let (left, right) = (a + index * share, b + index * share)
      for _ in 0..<passes / 2 {
        right.copyMemory(from: left, byteCount: share)
        left.copyMemory(from: right, byteCount: share)
      }
    }
    return 2 * Double(size) * Double(passes) / seconds(clock.now - start)
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }
}
