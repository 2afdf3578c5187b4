import Foundation
import Testing

@testable import Flows

/// A value behind a lock (`Mutex` needs a later system than the package).
private final class Locked<Value>: @unchecked Sendable {
  private let lock = NSLock()
  private var value: Value

  init(_ value: Value) { self.value = value }

  func withLock<R>(_ body: (inout Value) -> R) -> R {
    lock.withLock { body(&value) }
  }
}

@Suite("Workers", .serialized)
struct WorkersTests {
  @Test("run every index exactly once", arguments: 1...8)
  func once(_ threads: Int) {
    for count in [0, 1, 2, 7, 64, 1_000] {
      let calls = Locked([Int](repeating: 0, count: count))
      Workers.run(count, threads: threads) { index in calls.withLock { $0[index] += 1 } }
      let wrong = calls.withLock { calls in calls.indices.filter { calls[$0] != 1 } }
      #expect(wrong.isEmpty, "\(threads) threads, \(count) indices: \(wrong)")
    }
  }

  @Test("run nested calls on the thread that makes them")
  func nested() {
    let sums = Locked([Int](repeating: 0, count: 16))
    Workers.run(16, threads: 4) { outer in
      var sum = 0
      // Not synchronised: correct only because the inner run stays on this thread.
      Workers.run(100, threads: 4) { sum += $0 }
      sums.withLock { $0[outer] = sum }
    }
    #expect(sums.withLock { $0 } == [Int](repeating: 4_950, count: 16))
  }

  @Test("use the caller's instruction set")
  func instructionSet() {
    for set in InstructionSet.available {
      let seen = Locked(Set<InstructionSet>())
      InstructionSet.with(set) {
        Workers.run(64, threads: 4) { _ in
          let current = InstructionSet.current
          _ = seen.withLock { $0.insert(current) }
        }
      }
      #expect(seen.withLock { $0 } == [set])
    }
    #expect(InstructionSet.available.first == .baseline)
  }

  @Test("serve callers on many threads at the same time")
  func manyCallers() async {
    await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask {
          var total = 0
          for _ in 0..<50 {
            let sum = Locked(0)
            Workers.run(20, threads: 3) { index in sum.withLock { $0 += index } }
            total += sum.withLock { $0 }
          }
          return total
        }
      }
      for await total in group { #expect(total == 50 * 190) }
    }
  }

  @Test("take memory back on another thread than gave it")
  func memoryAcrossThreads() {
    let made = Locked([Tensor<Float>]())
    for _ in 0..<20 {
      Workers.run(32, threads: 4) { index in
        let tensor = Tensor<Float>(repeating: Float(index), shape: [index * 37 + 1])
        made.withLock { $0.append(tensor) }
      }
      let wrong = made.withLock { tensors in
        let wrong = tensors.filter { tensor in
          tensor.scalars.contains { $0 != Float((tensor.count - 1) / 37) }
        }
        tensors.removeAll()
        return wrong.count
      }
      #expect(wrong == 0)
    }
  }
}
