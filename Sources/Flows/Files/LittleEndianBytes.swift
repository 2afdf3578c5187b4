/// Reads and writes the whole numbers of binary records, least significant byte first.
struct LittleEndianBytes {
  let bytes: [UInt8]

  /// The number at a place, or nil where the bytes end before it does.
  func integer<Word: FixedWidthInteger & UnsignedInteger>(
    at place: Int, as type: Word.Type = Word.self
  ) -> Word? {
    let size = MemoryLayout<Word>.size
    guard place >= 0, place <= bytes.count - size else { return nil }
    return bytes[place..<place + size].reversed().reduce(0) { $0 << 8 | Word($1) }
  }

  /// The same as an `Int`; nil also where it is too large for one.
  func count<Word: FixedWidthInteger & UnsignedInteger>(at place: Int, as type: Word.Type) -> Int? {
    integer(at: place, as: type).flatMap { Int(exactly: $0) }
  }
}

extension [UInt8] {
  /// Appends a number, least significant byte first.
  mutating func append<Word: FixedWidthInteger & UnsignedInteger>(littleEndian word: Word) {
    for index in 0..<MemoryLayout<Word>.size {
      append(UInt8(truncatingIfNeeded: word >> Word(8 * index)))
    }
  }
}
