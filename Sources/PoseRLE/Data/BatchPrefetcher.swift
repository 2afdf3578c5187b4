import Flows
import Foundation

/// Loads the batches of coming steps on threads of its own and hands them out in order.
///
/// ```swift
/// let batches = BatchPrefetcher(steps: 0..<steps) { step in
///   try pipeline.batch(order.indices(ofStep: step), draw: UInt64(step))
/// }
/// while let batch = try batches.next() { … }
/// ```
///
/// What is handed out is what `load` returns for each step, whatever the number of threads. When
/// the prefetcher goes away, its threads end after the batch they are at.
public final class BatchPrefetcher<Batch: Sendable>: Sendable {
  /// How loading kept up.
  public struct Statistics: Hashable, Sendable {
    /// Batches that were handed out.
    public var batches = 0
    /// Batches that were not ready when they were asked for.
    public var waits = 0
    /// How long ``BatchPrefetcher/next()`` waited for them.
    public var waitedSeconds = 0.0
    /// The time that loading took, added up over all threads.
    public var loadedSeconds = 0.0
  }

  private let loader: Loader<Batch>

  /// Starts to load.
  ///
  /// - Parameters:
  ///   - steps: what is loaded, from the first to the last.
  ///   - depth: how many batches are ready or being loaded at most.
  ///   - threads: how many batches are loaded at the same time at most.
  ///   - load: makes the batch of a step; called on several threads at the same time.
  public init(
    steps: Range<Int>, depth: Int = 4, threads: Int = 1,
    load: @escaping @Sendable (_ step: Int) throws -> Batch
  ) {
    precondition(
      depth > 0 && threads > 0,
      "batches are loaded by at least one thread, at least one ahead; got \(threads) and \(depth)")
    loader = Loader(steps: steps, depth: depth, load: load)
    for _ in 0..<min(threads, depth, steps.count) {
      let thread = Thread { [loader] in loader.work() }
      thread.name = "PoseRLE.BatchPrefetcher"
      thread.start()
    }
  }

  deinit { loader.cancel(waits: false) }

  /// The batch of the next step; nil after the last one.
  ///
  /// - Throws: what `load` threw for this step, and from then on for every later one;
  ///   `CancellationError` after ``cancel()``.
  public func next() throws -> Batch? { try loader.next() }

  /// Ends loading; returns when no thread loads any more, which takes as long as a batch at most.
  public func cancel() { loader.cancel(waits: true) }

  /// How loading kept up so far.
  public var statistics: Statistics { loader.read(\.statistics) }
}

extension CropPipeline {
  /// Loads the batches of an order ahead; the draw of a batch is the number of its step.
  public func prefetched(
    _ order: EpochOrder, steps: Range<Int>, depth: Int = 4, threads: Int = 1
  ) -> BatchPrefetcher<KeypointBatch> {
    BatchPrefetcher(steps: steps, depth: depth, threads: threads) { step in
      try batch(order.indices(ofStep: step), draw: UInt64(step))
    }
  }
}

/// What a prefetcher and its threads share; a thread keeps this alive, not the prefetcher.
private final class Loader<Batch: Sendable>: @unchecked Sendable {
  private let steps: Range<Int>
  private let depth: Int
  private let load: @Sendable (Int) throws -> Batch

  /// Guards all that follows, and tells of every change of it.
  private let condition = NSCondition()
  private var nextToLoad: Int
  private var nextToHandOut: Int
  private var ready: [Int: Result<Batch, any Error>] = [:]
  private var loading = 0
  private var hasFailed = false
  private var isCancelled = false
  private(set) var statistics = BatchPrefetcher<Batch>.Statistics()

  init(steps: Range<Int>, depth: Int, load: @escaping @Sendable (Int) throws -> Batch) {
    self.steps = steps
    self.depth = depth
    self.load = load
    nextToLoad = steps.lowerBound
    nextToHandOut = steps.lowerBound
  }

  /// The life of one thread.
  func work() {
    condition.lock()
    defer { condition.unlock() }
    while true {
      while !isCancelled, !hasFailed, nextToLoad < steps.upperBound,
        nextToLoad >= nextToHandOut + depth
      { condition.wait() }
      guard !isCancelled, !hasFailed, nextToLoad < steps.upperBound else { return }
      let step = nextToLoad
      nextToLoad += 1
      loading += 1
      condition.unlock()
      let start = ContinuousClock.now
      let result = Result { try load(step) }
      let seconds = start.secondsToNow
      condition.lock()
      loading -= 1
      statistics.loadedSeconds += seconds
      if !isCancelled { ready[step] = result }
      // Steps before this one are being loaded or ready, so that each still gets its batch.
      if case .failure = result { hasFailed = true }
      condition.broadcast()
    }
  }

  func next() throws -> Batch? {
    condition.lock()
    defer { condition.unlock() }
    var start: ContinuousClock.Instant?
    while true {
      if isCancelled { throw CancellationError() }
      guard nextToHandOut < steps.upperBound else { return nil }
      if let result = ready[nextToHandOut] {
        if let start {
          statistics.waits += 1
          statistics.waitedSeconds += start.secondsToNow
        }
        // A failure stays, so that every later call throws it again.
        let batch = try result.get()
        ready[nextToHandOut] = nil
        nextToHandOut += 1
        statistics.batches += 1
        condition.broadcast()
        return batch
      }
      if start == nil { start = .now }
      condition.wait()
    }
  }

  func cancel(waits: Bool) {
    condition.lock()
    defer { condition.unlock() }
    isCancelled = true
    ready = [:]
    condition.broadcast()
    while waits, loading > 0 { condition.wait() }
  }

  func read<Value>(_ path: KeyPath<Loader, Value>) -> Value {
    condition.lock()
    defer { condition.unlock() }
    return self[keyPath: path]
  }
}

extension ContinuousClock.Instant {
  fileprivate var secondsToNow: Double {
    let parts = (ContinuousClock.now - self).components
    return Double(parts.seconds) + Double(parts.attoseconds) * 1e-18
  }
}
