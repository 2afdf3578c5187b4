extension ByteScanner {
  /// Steps over a quoted text of JSON and returns what it stands for.
  ///
  /// - Parameter subject: What is being read, to begin a message: "the header is not valid".
  mutating func takeJSONText(_ subject: String) throws -> String {
    skipSpace()
    guard take("\"") else { throw jsonFailure(subject, "expected a quoted text") }
    var text: [UInt8] = []
    while let byte = take() {
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += try takeJSONEscape(subject)
      case 0..<0x20:
        throw FlowsError(
          .malformedFile,
          "\(subject): the text \(quotedExcerpt(text)) contains a control character")
      default: text.append(byte)
      }
    }
    throw FlowsError(
      .malformedFile, "\(subject): the text \(quotedExcerpt(text)) does not end")
  }

  /// An error that says what was expected and what comes next instead.
  func jsonFailure(_ subject: String, _ expected: String) -> FlowsError {
    FlowsError(.malformedFile, "\(subject): \(expected), \(found)")
  }

  private mutating func takeJSONEscape(_ subject: String) throws -> [UInt8] {
    switch take() {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5C]
    case UInt8(ascii: "/"): return [0x2F]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): break
    default:
      throw jsonFailure(subject, "expected one of the escapes of JSON before this place")
    }
    var units = [try takeCodeUnit(subject)]
    if UTF16.isLeadSurrogate(units[0]), take(word: "\\u") {
      units.append(try takeCodeUnit(subject))
    }
    var decoder = UTF16()
    var iterator = units.makeIterator()
    // A pair that is no pair decodes to an error, or leaves a unit behind.
    guard case .scalarValue(let scalar) = decoder.decode(&iterator),
      units.count == UTF16.width(scalar)
    else {
      throw jsonFailure(
        subject, "expected a Unicode character in the escape before this place")
    }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func takeCodeUnit(_ subject: String) throws -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { throw jsonFailure(subject, "expected four hexadecimal digits") }
      _ = take()
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }
}
