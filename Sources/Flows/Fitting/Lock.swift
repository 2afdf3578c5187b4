import Dispatch

/// Mutual exclusion for the few classes that are shared between threads.
final class Lock: Sendable {
  private let semaphore = DispatchSemaphore(value: 1)

  func held<Result>(_ body: () throws -> Result) rethrows -> Result {
    semaphore.wait()
    defer { semaphore.signal() }
    return try body()
  }
}
