/// Finds earlier occurrences of the bytes ahead, within the 32 KiB that deflate can refer to.
///
/// Positions with the same hash of three bytes form a chain from the newest to the oldest.
struct MatchFinder {
  static let minimumLength = 3
  static let maximumLength = 258
  private static let windowSize = 32768
  private static let hashBits: UInt32 = 15

  private var newest: [Int32]
  private var previous: [Int32]
  private let chainLimit: Int

  init(chainLimit: Int) {
    newest = [Int32](repeating: -1, count: 1 << MatchFinder.hashBits)
    previous = [Int32](repeating: -1, count: MatchFinder.windowSize)
    self.chainLimit = chainLimit
  }

  /// Makes a position known to later searches.
  mutating func insert(_ position: Int, in bytes: UnsafeBufferPointer<UInt8>) {
    guard position + MatchFinder.minimumLength <= bytes.count else { return }
    let slot = MatchFinder.hash(position, in: bytes)
    previous[position & (MatchFinder.windowSize - 1)] = newest[slot]
    newest[slot] = Int32(truncatingIfNeeded: position)
  }

  /// Gives the longest match for the bytes at a position that beats the given length.
  func longestMatch(
    at position: Int, in bytes: UnsafeBufferPointer<UInt8>, longerThan shortest: Int
  ) -> (length: Int, distance: Int)? {
    let limit = min(MatchFinder.maximumLength, bytes.count - position)
    guard limit >= MatchFinder.minimumLength, limit > shortest else { return nil }
    var best = max(shortest, MatchFinder.minimumLength - 1)
    var bestDistance = 0
    var candidate = Int(newest[MatchFinder.hash(position, in: bytes)])
    var remaining = chainLimit
    while candidate >= 0, position - candidate < MatchFinder.windowSize, remaining > 0 {
      // A longer match must agree at the byte just past the best one; that rejects most.
      if bytes[candidate + best] == bytes[position + best] {
        var length = 0
        while length < limit, bytes[candidate + length] == bytes[position + length] { length += 1 }
        if length > best {
          best = length
          bestDistance = position - candidate
          if length == limit { break }
        }
      }
      let older = Int(previous[candidate & (MatchFinder.windowSize - 1)])
      // The table is circular: an entry that is not older was overwritten.
      if older >= candidate { break }
      candidate = older
      remaining -= 1
    }
    return bestDistance > 0 ? (best, bestDistance) : nil
  }

  private static func hash(_ position: Int, in bytes: UnsafeBufferPointer<UInt8>) -> Int {
    let key =
      UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8
      | UInt32(bytes[position + 2]) << 16
    return Int((key &* 0x9E37_79B1) >> (32 - hashBits))
  }
}
