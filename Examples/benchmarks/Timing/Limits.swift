import Flows

/// What the machine can do, sampled beside the work that is compared with it.
final class Limits {
  private var copies: [Copy: Double] = [:]

  private struct Copy: Hashable {
    let buffer: Int
    let threads: Int
  }

  /// Forgets the samples of the round before.
  func beginRound() { copies.removeAll() }

  /// The limit of a workload now: operations or bytes per second.
  ///
  /// The multiply-add peak is sampled each time, because the clock of a shared machine moves; a
  /// copy of large buffers takes long and is sampled once a round.
  func sample(_ workload: Workload) -> Double {
    switch workload.cost {
    case .products:
      let instructionSet = workload.instructionSet ?? .current
      return InstructionSet.with(instructionSet) {
        // The first one wakes the threads.
        _ = MachinePeak.floatOperationsPerSecond(threads: workload.threads)
        return MachinePeak.floatOperationsPerSecond(threads: workload.threads)
      }
    case .traffic(_, let buffer):
      let copy = Copy(buffer: buffer, threads: workload.threads)
      if let rate = copies[copy] { return rate }
      let rate = MachinePeak.copyBytesPerSecond(threads: workload.threads, bytes: buffer)
      copies[copy] = rate
      return rate
    }
  }
}
