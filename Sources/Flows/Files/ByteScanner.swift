/// Walks through the bytes of a file's header, one token at a time.
///
/// Both header grammars, a Python literal and JSON, are read with it. No step goes past the end.
struct ByteScanner {
  private let bytes: ArraySlice<UInt8>
  private(set) var position: Int
  private let origin: Int

  /// Scans `bytes`; places in messages count from its first byte.
  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
    origin = bytes.startIndex
  }

  /// The next byte, or nil at the end.
  var next: UInt8? { position < bytes.endIndex ? bytes[position] : nil }

  /// Steps over the next byte and returns it.
  mutating func take() -> UInt8? {
    guard position < bytes.endIndex else { return nil }
    defer { position += 1 }
    return bytes[position]
  }

  /// Steps over the next byte if it is this one.
  mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard let next, UInt32(next) == character.value else { return false }
    position += 1
    return true
  }

  /// Steps over the given word if it comes next.
  mutating func take(word: StaticString) -> Bool {
    word.withUTF8Buffer { text in
      guard bytes[position...].starts(with: text) else { return false }
      position += text.count
      return true
    }
  }

  /// Steps over spaces, tabs and line ends.
  mutating func skipSpace() {
    while let next, next == 0x20 || next == 0x09 || next == 0x0A || next == 0x0D { position += 1 }
  }

  /// Steps over a whole number without sign, of decimal digits only.
  ///
  /// Returns nil for no digit, a leading zero, or a value beyond the range of `Int`.
  mutating func takeInteger() -> Int? {
    guard let first = next, (0x30...0x39).contains(first) else { return nil }
    let start = position
    var value = 0
    while let next, (0x30...0x39).contains(next) {
      let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tenfold.addingReportingOverflow(Int(next &- 0x30))
      if overflow || carry { return nil }
      value = sum
      position += 1
    }
    return first == 0x30 && position - start > 1 ? nil : value
  }

  /// What comes next and where, to end a sentence that says what was expected.
  var found: String {
    guard position < bytes.endIndex else { return "found its end" }
    return "found \(quotedExcerpt(bytes[position...].prefix(12))) at its byte \(position - origin)"
  }
}
