import Dispatch

/// Runs long, blocking work away from the threads of Swift concurrency.
enum Background {
  /// Set by a task's cancellation handler, read by the work.
  private final class Flag: @unchecked Sendable {
    private let lock = DispatchQueue(label: "flows.cancellation")
    private var value = false
    var isSet: Bool { lock.sync { value } }
    func set() { lock.sync { value = true } }
  }

  static func run<Result: Sendable>(
    _ work: @escaping @Sendable (_ isCancelled: @escaping () -> Bool) throws -> Result
  ) async throws -> Result {
    let flag = Flag()
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
          continuation.resume(with: .init { try work { flag.isSet } })
        }
      }
    } onCancel: {
      flag.set()
    }
  }
}
