import Flows
import Foundation

/// The order in which training visits samples: a fresh shuffle for each pass.
///
/// The order of a pass is a function of the seed and the number of the pass, so that any step can
/// be found again. A last, smaller batch of a pass is left out, except where a pass has no other.
public struct EpochOrder: Sendable {
  /// The samples of a pass.
  public let samples: [Int]
  /// Samples of a step.
  public let batchSize: Int
  private let generator: PhiloxGenerator
  private let recent = RecentEpochs()

  /// Batches of some samples of a source.
  ///
  /// - Precondition: there is at least one sample, and batches are not empty.
  public init(_ samples: [Int], batchSize: Int, seed: UInt64) {
    precondition(
      !samples.isEmpty && batchSize > 0,
      "an order has samples and batches of at least one; got \(samples.count) and \(batchSize)")
    self.samples = samples
    self.batchSize = min(batchSize, samples.count)
    generator = PhiloxGenerator(seed: seed, stream: 1)
  }

  /// Batches of all samples `0 ..< count`.
  ///
  /// - Precondition: there is at least one sample, and batches are not empty.
  public init(count: Int, batchSize: Int, seed: UInt64) {
    self.init(Array(0..<max(0, count)), batchSize: batchSize, seed: seed)
  }

  /// The number of batches of a pass.
  public var stepsPerEpoch: Int { samples.count / batchSize }

  /// All samples in the order of a pass, counted from 0.
  public func order(ofEpoch epoch: Int) -> [Int] {
    precondition(epoch >= 0, "passes are counted from 0; got \(epoch)")
    return recent.order(epoch) {
      var own = generator.forked(UInt64(epoch))
      return samples.shuffled(portably: &own)
    }
  }

  /// The samples of a step, counted from 0 over all passes.
  public func indices(ofStep step: Int) -> [Int] {
    precondition(step >= 0, "steps are counted from 0; got \(step)")
    let first = step % stepsPerEpoch * batchSize
    return Array(order(ofEpoch: step / stepsPerEpoch)[first..<first + batchSize])
  }
}

/// The orders of the last two passes that were asked for, since loaders ask for every step, and for
/// those around the end of a pass in turns.
private final class RecentEpochs: @unchecked Sendable {
  private let lock = NSLock()
  private var orders: [(epoch: Int, order: [Int])] = []

  func order(_ epoch: Int, make: () -> [Int]) -> [Int] {
    lock.withLock {
      if let known = orders.first(where: { $0.epoch == epoch }) { return known.order }
      let made = make()
      orders = Array(([(epoch, made)] + orders).prefix(2))
      return made
    }
  }
}
