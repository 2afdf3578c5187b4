import Dispatch
import Flows

/// The samples of another source, made once and kept in memory.
///
/// For sources that take long to make a sample, such as a generator, and are read again and again.
public struct StoredSource: KeypointSource {
  /// The samples.
  private let samples: [KeypointSample]
  /// As of the source that was read.
  public let skeleton: Skeleton
  /// As of the source that was read.
  public let channels: Int
  /// As of the source that was read.
  public let boxPadding: Double
  /// As of the source that was read.
  public let fingerprint: UInt64
  /// The number of samples.
  public var count: Int { samples.count }

  /// Reads all samples of a source, on some threads.
  ///
  /// - Throws: what the source throws for the first sample that cannot be made.
  public init(_ source: any KeypointSource, threads: Int = Workers.count) throws {
    precondition(threads > 0, "samples are read by at least one thread; got \(threads)")
    var results = [Result<KeypointSample, any Error>?](repeating: nil, count: source.count)
    results.withUnsafeMutableBufferPointer { buffer in
      nonisolated(unsafe) let results = buffer
      DispatchQueue.concurrentPerform(iterations: threads) { thread in
        for index in stride(from: thread, to: results.count, by: threads) {
          results[index] = Result { try source.sample(index) }
        }
      }
    }
    samples = try results.compactMap { try $0?.get() }
    skeleton = source.skeleton
    channels = source.channels
    boxPadding = source.boxPadding
    fingerprint = source.fingerprint
  }

  /// The sample of an index in `0 ..< count`.
  public func sample(_ index: Int) throws -> KeypointSample { samples[index] }
}
