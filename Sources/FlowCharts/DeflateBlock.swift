/// A run of literals and matches that shares one pair of prefix codes.
struct DeflateBlock {
  /// Literals as themselves; matches as `1 << 31 | (length - 3) << 16 | (distance - 1)`.
  private var symbols: [UInt32] = []
  private var literalCounts = [Int](repeating: 0, count: 286)
  private var distanceCounts = [Int](repeating: 0, count: 30)
  private var extraBits = 0

  var count: Int { symbols.count }

  mutating func appendLiteral(_ byte: UInt8) {
    symbols.append(UInt32(byte))
    literalCounts[Int(byte)] += 1
  }

  mutating func appendMatch(length: Int, distance: Int) {
    symbols.append(1 << 31 | UInt32(length - 3) << 16 | UInt32(distance - 1))
    let lengthCode = DeflateBlock.lengthCode(length)
    let distanceCode = DeflateBlock.distanceCode(distance)
    literalCounts[257 + lengthCode] += 1
    distanceCounts[distanceCode] += 1
    extraBits += Int(DeflateBlock.lengthExtra[lengthCode])
    extraBits += Int(DeflateBlock.distanceExtra[distanceCode])
  }

  /// Writes the block with whichever codes make it smaller, then empties it.
  mutating func flush(to writer: inout BitWriter, isLast: Bool) {
    literalCounts[256] = 1
    let literals = HuffmanCode(frequencies: literalCounts, limit: 15)
    let distances = HuffmanCode(frequencies: distanceCounts, limit: 15)
    let header = DeflateHeader(literals: literals, distances: distances)
    let dynamicCost =
      header.cost + literals.cost(of: literalCounts) + distances.cost(of: distanceCounts)
    let fixedCost =
      DeflateBlock.fixedLiterals.cost(of: literalCounts)
      + DeflateBlock.fixedDistances.cost(of: distanceCounts)
    writer.append(isLast ? 1 : 0, count: 1)
    if fixedCost <= dynamicCost {
      writer.append(1, count: 2)
      writeSymbols(
        to: &writer, literals: DeflateBlock.fixedLiterals, distances: DeflateBlock.fixedDistances)
    } else {
      writer.append(2, count: 2)
      header.write(to: &writer)
      writeSymbols(to: &writer, literals: literals, distances: distances)
    }
    self = DeflateBlock()
  }

  private func writeSymbols(
    to writer: inout BitWriter, literals: HuffmanCode, distances: HuffmanCode
  ) {
    for symbol in symbols {
      guard symbol >> 31 == 1 else {
        writer.append(literals.codes[Int(symbol)], count: Int(literals.lengths[Int(symbol)]))
        continue
      }
      let length = Int(symbol >> 16 & 0xFF) + 3
      let distance = Int(symbol & 0xFFFF) + 1
      let lengthCode = DeflateBlock.lengthCode(length)
      let distanceCode = DeflateBlock.distanceCode(distance)
      writer.append(
        literals.codes[257 + lengthCode], count: Int(literals.lengths[257 + lengthCode]))
      writer.append(
        UInt32(length) - DeflateBlock.lengthBase[lengthCode],
        count: Int(DeflateBlock.lengthExtra[lengthCode]))
      writer.append(distances.codes[distanceCode], count: Int(distances.lengths[distanceCode]))
      writer.append(
        UInt32(distance) - DeflateBlock.distanceBase[distanceCode],
        count: Int(DeflateBlock.distanceExtra[distanceCode]))
    }
    writer.append(literals.codes[256], count: Int(literals.lengths[256]))
  }
}

extension DeflateBlock {
  static let lengthExtra: [UInt8] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  static let lengthBase: [UInt32] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
    131, 163, 195, 227, 258,
  ]
  static let distanceExtra: [UInt8] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12,
    13, 13,
  ]
  static let distanceBase: [UInt32] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
    2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577,
  ]

  static let fixedLiterals = HuffmanCode(
    lengths: (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 })
  static let fixedDistances = HuffmanCode(lengths: [UInt8](repeating: 5, count: 30))

  private static let codeOfLength: [UInt8] = (0...258).map { length in
    UInt8(max(0, (lengthBase.lastIndex { $0 <= UInt32(length) } ?? 0)))
  }

  static func lengthCode(_ length: Int) -> Int { Int(codeOfLength[length]) }

  static func distanceCode(_ distance: Int) -> Int {
    if distance <= 4 { return distance - 1 }
    // Every power of two is halved into two codes, chosen by the second highest bit.
    let top = Int.bitWidth - 1 - (distance - 1).leadingZeroBitCount
    return 2 * top + ((distance - 1) >> (top - 1) & 1)
  }
}
