/// The order in which rows are visited: a fresh shuffle for each pass, each a function of the seed
/// and the number of the pass alone, so that any step can be found again.
final class RowOrder: @unchecked Sendable {
  private let memory: UnsafeMutablePointer<Int64>
  private let rows: [Int64]
  private let generator: PhiloxGenerator
  private let batch: Int
  private var epoch = -1

  /// Batches of `batch` of the given rows; a last, smaller batch of a pass is left out, except
  /// where a pass has no other.
  init(rows: [Int], batch: Int, generator: PhiloxGenerator) {
    self.rows = rows.map(Int64.init)
    self.batch = Swift.min(batch, rows.count)
    self.generator = generator
    memory = .allocate(capacity: Swift.max(1, rows.count))
  }

  deinit { memory.deallocate() }

  var batchRows: Int { batch }

  /// The rows of a step, valid until the next call.
  func batch(of step: Int) -> UnsafePointer<Int64> {
    let batches = rows.count / batch
    let wanted = step / batches
    if wanted != epoch {
      epoch = wanted
      for (index, row) in rows.enumerated() { memory[index] = row }
      var own = generator.forked(UInt64(wanted))
      UnsafeMutableBufferPointer(start: memory, count: rows.count).shuffle(portably: &own)
    }
    return UnsafePointer(memory + (step % batches) * batch)
  }
}

extension UnsafeMutableBufferPointer {
  /// Fisher and Yates, with the generator's own integers so that the order is the same anywhere.
  func shuffle(portably generator: inout PhiloxGenerator) {
    for index in stride(from: count - 1, to: 0, by: -1) {
      swapAt(index, Int(generator.next().multipliedFullWidth(by: UInt64(index + 1)).high))
    }
  }
}

extension Array {
  /// The elements in random order, the same on every platform, which `shuffled(using:)` does not promise
  /// (Fisher and Yates).
  public func shuffled(portably generator: inout PhiloxGenerator) -> [Element] {
    var copy = self
    copy.withUnsafeMutableBufferPointer { $0.shuffle(portably: &generator) }
    return copy
  }
}
