import CFlowKernels
import Foundation
import Testing

@testable import Flows

private final class Node {
  var value: Int
  init(_ value: Int) { self.value = value }
}

/// Makes a node for each index.
private struct MakeNodes: IndexedWork {
  let places: UnsafeMutablePointer<Node?>
  func callAsFunction(_ index: Int) { places[index] = Node(index) }
}

@Suite(
  "Counted calls for memory",
  .enabled(if: AllocationMeter.isCounting, "memory is counted with glibc and without sanitizers"))
struct AllocationMeterTests {
  private static let count = 1_000

  private func withPlaces<R>(_ body: (UnsafeMutablePointer<Node?>) throws -> R) rethrows -> R {
    let places = UnsafeMutablePointer<Node?>.allocate(capacity: Self.count)
    places.initialize(repeating: nil, count: Self.count)
    defer {
      places.deinitialize(count: Self.count)
      places.deallocate()
    }
    return try body(places)
  }

  @Test("every object is one, on workers as well", arguments: [1, 2, 4])
  func objects(threads: Int) {
    withPlaces { places in
      // Starting a thread takes memory.
      Workers.run(Self.count, threads: threads, MakeNodes(places: places))
      let (_, calls, everywhere) = AllocationMeter.calls {
        Workers.run(Self.count, threads: threads, MakeNodes(places: places))
      }
      #expect(calls == Self.count)
      #expect(everywhere >= calls)
      #expect((0..<Self.count).allSatisfy { places[$0]?.value == $0 })
    }
  }

  @Test("every function that takes memory is seen")
  func functions() {
    var status: CInt = -1
    let (_, calls, _) = AllocationMeter.calls {
      var block = malloc(10)
      block = realloc(block, 100_000)
      free(block)
      free(calloc(3, 5))
      free(aligned_alloc(64, 128))
      var aligned: UnsafeMutableRawPointer?
      status = posix_memalign(&aligned, 64, 100)
      free(aligned)
    }
    #expect(status == 0)
    #expect(calls == 5)
  }

  @Test("arithmetic asks for nothing")
  func nothing() {
    var sum = 0.0
    let (_, calls, _) = AllocationMeter.calls {
      for i in 1...1_000 { sum += 1 / Double(i) }
    }
    #expect(calls == 0)
    #expect(sum > 7)
  }

  @Test("jobs of workers ask for nothing, as closures for one block")
  func jobs() {
    withPlaces { places in
      let places = UncheckedPlaces(base: places)
      func job() { Workers.run(8, threads: 2) { places.base[$0] = nil } }
      job()
      #expect(AllocationMeter.calls { for _ in 0..<10 { job() } }.calls <= 10)
      #expect(
        AllocationMeter.calls {
          for _ in 0..<10 { Workers.run(8, threads: 2, Nothing()) }
        }.calls == 0)
    }
  }
}

private struct UncheckedPlaces: @unchecked Sendable {
  let base: UnsafeMutablePointer<Node?>
}

private struct Nothing: IndexedWork {
  func callAsFunction(_ index: Int) {}
}
