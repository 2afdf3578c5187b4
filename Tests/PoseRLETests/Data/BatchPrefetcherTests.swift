import Flows
import Foundation
import PoseRLE
import Testing

@Suite("Loading ahead")
struct BatchPrefetcherTests {
  /// What the closures of a test share.
  private final class Record: @unchecked Sendable {
    private let lock = NSLock()
    private var steps: [Int] = []
    var loaded: [Int] { lock.withLock { steps } }
    func add(_ step: Int) { lock.withLock { steps.append(step) } }
  }

  private struct Failure: Error, Equatable {
    var step: Int
  }

  private func eventually(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2_000 {
      if condition() { return true }
      Thread.sleep(forTimeInterval: 0.005)
    }
    return false
  }

  @Test("every pass visits every sample once, in an order of its own")
  func order() {
    let order = EpochOrder(count: 23, batchSize: 5, seed: 4)
    #expect(order.stepsPerEpoch == 4)
    var orders: Set<[Int]> = []
    for epoch in 0..<6 {
      #expect(order.order(ofEpoch: epoch).sorted() == Array(0..<23))
      orders.insert(order.order(ofEpoch: epoch))
      let steps = (0..<4).flatMap { order.indices(ofStep: 4 * epoch + $0) }
      #expect(steps == Array(order.order(ofEpoch: epoch)[..<20]))
    }
    #expect(orders.count == 6)
    #expect(
      EpochOrder(count: 23, batchSize: 5, seed: 4).indices(ofStep: 9) == order.indices(ofStep: 9))
    #expect(
      EpochOrder(count: 23, batchSize: 5, seed: 5).indices(ofStep: 9) != order.indices(ofStep: 9))
    let few = EpochOrder([7, 9], batchSize: 64, seed: 0)
    #expect(few.batchSize == 2 && few.stepsPerEpoch == 1)
    #expect(few.indices(ofStep: 5).sorted() == [7, 9])
  }

  @Test(
    "batches come in order, whatever the threads and the depth",
    arguments: [(1, 1), (1, 3), (4, 1), (5, 3), (64, 8)])
  func inOrder(depth: Int, threads: Int) throws {
    let record = Record()
    let batches = BatchPrefetcher(steps: 3..<40, depth: depth, threads: threads) { step in
      if step % 3 == 0 { Thread.sleep(forTimeInterval: 0.001) }
      record.add(step)
      return step * step
    }
    for step in 3..<40 { #expect(try batches.next() == step * step) }
    #expect(try batches.next() == nil && batches.next() == nil)
    #expect(record.loaded.sorted() == Array(3..<40))
    #expect(batches.statistics.batches == 37 && batches.statistics.loadedSeconds > 0)
    #expect(batches.statistics.waits <= 37)
    #expect(try BatchPrefetcher(steps: 5..<5) { $0 }.next() == nil)
  }

  @Test("no more is loaded than was asked for")
  func depth() throws {
    let record = Record()
    let batches = BatchPrefetcher(steps: 0..<100, depth: 3, threads: 2) { step in
      record.add(step)
      return step
    }
    #expect(eventually { record.loaded.count == 3 })
    Thread.sleep(forTimeInterval: 0.02)
    #expect(record.loaded.count == 3)
    #expect(try batches.next() == 0)
    #expect(eventually { record.loaded.count == 4 })
    batches.cancel()
  }

  @Test("a failure comes at its step, and again at every later one", arguments: [1, 3])
  func failure(threads: Int) throws {
    let batches = BatchPrefetcher(steps: 0..<50, depth: 6, threads: threads) { step in
      if step == 7 || step == 9 { throw Failure(step: step) }
      return step
    }
    for step in 0..<7 { #expect(try batches.next() == step) }
    for _ in 0..<3 { #expect(throws: Failure(step: 7)) { try batches.next() } }
  }

  @Test("cancelling ends loading, and those who wait")
  func cancelling() throws {
    let (record, gate) = (Record(), DispatchSemaphore(value: 0))
    let batches = BatchPrefetcher(steps: 0..<1_000, depth: 2, threads: 2) { step in
      if step > 1 { gate.wait() }
      record.add(step)
      return step
    }
    #expect(try batches.next() == 0 && batches.next() == 1)
    let outcomes = Record()
    Thread.detachNewThread {
      do { _ = try batches.next() } catch is CancellationError { outcomes.add(1) } catch {}
    }
    #expect(eventually { batches.statistics.batches == 2 })
    for _ in 0..<8 { gate.signal() }
    batches.cancel()
    let loaded = record.loaded.count
    #expect(throws: CancellationError.self) { try batches.next() }
    #expect(eventually { outcomes.loaded == [1] || batches.statistics.batches == 3 })
    #expect(record.loaded.count == loaded && loaded < 1_000)
  }

  @Test("threads end when the prefetcher goes away")
  func deinitialization() throws {
    let record = Record()
    weak var captured: Record?
    do {
      let held = Record()
      captured = held
      let batches = BatchPrefetcher(steps: 0..<1_000_000, depth: 4, threads: 3) { step in
        held.add(step)
        record.add(step)
        return step
      }
      #expect(try batches.next() == 0)
    }
    #expect(eventually { captured == nil })
    #expect(record.loaded.count < 1_000)
  }

  @Test("a pipeline's batches are the same ahead of time")
  func pipeline() throws {
    let source = CropPipelineTests.dots(width: 40, height: 30, deviation: 2)
    let pipeline = CropPipeline(source, input: .plain(16, 12), augmentation: .lspet, seed: 8)
    let order = EpochOrder(count: 4, batchSize: 3, seed: 8)
    for (depth, threads) in [(1, 1), (5, 3)] {
      let batches = pipeline.prefetched(order, steps: 2..<9, depth: depth, threads: threads)
      for step in 2..<9 {
        let batch = try #require(try batches.next())
        let expected = try pipeline.batch(order.indices(ofStep: step), draw: UInt64(step))
        #expect(batch.images == expected.images && batch.indices == expected.indices)
        #expect(batch.labels.positions == expected.labels.positions)
      }
    }
  }

  @Test("a sample that cannot be read is named at its step")
  func unreadable() throws {
    let good = CropPipelineTests.dots(width: 40, height: 30, deviation: 2)
    let source = MemorySource(count: 4) { index in
      if index == 2 { throw PoseError(.malformedFile, "expected a JPEG", file: "2.jpg") }
      return try good.sample(index)
    }
    let pipeline = CropPipeline(source, input: .plain(16, 12), seed: 8)
    let order = EpochOrder(count: 4, batchSize: 1, seed: 8)
    let bad = try #require((0..<4).first { order.indices(ofStep: $0) == [2] })
    let batches = pipeline.prefetched(order, steps: 0..<8, threads: 2)
    for _ in 0..<bad { #expect(try batches.next() != nil) }
    let error = #expect(throws: PoseError.self) { try batches.next() }
    #expect(error?.file == "2.jpg")
  }
}
