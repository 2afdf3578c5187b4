/// Lossless compression into a zlib stream (RFC 1950 and RFC 1951).
enum Deflate {
  /// Matches at least this long are taken without looking whether the next byte starts a better one.
  private static let goodLength = 64
  /// How many symbols share one pair of prefix codes.
  private static let symbolsPerBlock = 40_000

  /// Compresses bytes; the same bytes always give the same stream.
  static func zlibStream(_ bytes: [UInt8]) -> [UInt8] {
    var writer = BitWriter()
    writer.append(bytes: [0x78, 0x9C])
    bytes.withUnsafeBufferPointer { compress($0, to: &writer) }
    writer.alignToByte()
    let sum = Checksums.adler32(bytes)
    writer.append(bytes: (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })
    return writer.bytes
  }

  private static func compress(_ bytes: UnsafeBufferPointer<UInt8>, to writer: inout BitWriter) {
    var finder = MatchFinder(chainLimit: 24)
    var block = DeflateBlock()
    var position = 0
    var waiting: (length: Int, distance: Int)?
    while position < bytes.count {
      if block.count >= symbolsPerBlock, waiting == nil {
        block.flush(to: &writer, isLast: false)
      }
      let known = waiting?.length ?? 0
      let found =
        known >= goodLength
        ? nil : finder.longestMatch(at: position, in: bytes, longerThan: known)
      finder.insert(position, in: bytes)
      if let match = waiting, found == nil {
        // The match that began one byte earlier stands.
        block.appendMatch(length: match.length, distance: match.distance)
        let end = position + match.length - 1
        position += 1
        while position < end {
          finder.insert(position, in: bytes)
          position += 1
        }
        waiting = nil
        continue
      }
      // A better match starts here, so the byte before is written by itself.
      if waiting != nil { block.appendLiteral(bytes[position - 1]) }
      waiting = found
      if found == nil { block.appendLiteral(bytes[position]) }
      position += 1
    }
    // Only a match of the very last bytes could still wait, and those are too few for one.
    precondition(waiting == nil, "A match cannot reach past the end of the data.")
    block.flush(to: &writer, isLast: true)
  }
}
