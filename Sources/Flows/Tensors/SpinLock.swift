internal import CFlowKernels

/// Mutual exclusion for sections of some hundred nanoseconds that tiles pass all the time: a worker
/// that finds it held looks again rather than sleeps.
final class SpinLock: @unchecked Sendable {
  private let flag: UnsafeMutablePointer<Int32>

  init() {
    flag = .allocate(capacity: 1)
    flag.initialize(to: 0)
  }

  deinit { flag.deallocate() }

  func held<Result>(_ body: () throws -> Result) rethrows -> Result {
    fk_spin_lock(flag)
    defer { fk_spin_unlock(flag) }
    return try body()
  }
}
