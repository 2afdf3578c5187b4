/// Reads and writes the whole numbers of binary records, least significant byte first.
struct LittleEndianBytes {
  let bytes: [UInt8]
  /// The place of the first byte: 0 for a whole file, more for a part of one.
  var origin = 0

  /// The place after the last byte.
  var end: Int { origin + bytes.count }

  /// The number at a place, or nil where the bytes end before it does.
  func integer<Word: FixedWidthInteger & UnsignedInteger>(
    at place: Int, as type: Word.Type = Word.self
  ) -> Word? {
    let size = MemoryLayout<Word>.size
    guard place >= origin, place <= end - size else { return nil }
    let place = place - origin
    return bytes[place..<place + size].reversed().reduce(0) { $0 << 8 | Word($1) }
  }

  /// The same as an `Int`; nil also where it is too large for one.
  func count<Word: FixedWidthInteger & UnsignedInteger>(at place: Int, as type: Word.Type) -> Int? {
    integer(at: place, as: type).flatMap { Int(exactly: $0) }
  }

  /// Some of the bytes, which must be there.
  func slice(_ range: Range<Int>) -> ArraySlice<UInt8> {
    bytes[range.lowerBound - origin..<range.upperBound - origin]
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
