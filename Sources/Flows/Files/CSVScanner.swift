/// Splits the text of a CSV file into records and fields.
struct CSVScanner {
  /// The place of a field's content in the text, without quotes and without space around it.
  struct Field {
    var start: Int
    var end: Int
    var quoted: Bool
  }

  let bytes: [UInt8]
  /// The byte between fields, or nil for any amount of white space.
  var delimiter: UInt8?
  /// The line of ``position``, counted from 1.
  private(set) var line = 1
  private var position: Int

  private static let quote = UInt8(ascii: "\"")
  private static let lineFeed = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")
  private static let space = UInt8(ascii: " ")
  private static let tab = UInt8(ascii: "\t")

  /// Starts after a byte order mark, if there is one.
  init(_ bytes: [UInt8]) throws {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw FlowsError(.unsupported, "expected text in UTF-8, found UTF-16")
    }
    self.bytes = bytes
    position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
  }

  /// The byte of a delimiter, if the character can be one.
  static func delimiterByte(_ character: Character) throws -> UInt8 {
    guard let byte = character.asciiValue, character.utf8.count == 1,
      byte == tab || byte >= space, byte != 0x7F, !character.isLetter, !character.isNumber,
      !"\"+-.#".contains(character)
    else {
      throw FlowsError(
        .invalidConfiguration,
        "expected a delimiter such as a comma, found \(String(character).quotedExcerpt)")
    }
    return byte
  }

  /// The number of fields of the next record, as far as it can be read.
  var nextFieldCount: Int {
    var probe = self
    var count = 0
    _ = try? probe.scanRecord { _ in count += 1 }
    return count
  }

  /// The fields of the next record and the line it starts on, or nil at the end of the text.
  ///
  /// Blank lines and comment lines are passed over.
  mutating func next(into fields: inout [Field]) throws -> Int? {
    fields.removeAll(keepingCapacity: true)
    return try scanRecord { fields.append($0) }
  }

  @inline(__always)
  private mutating func scanRecord(_ body: (Field) -> Void) throws -> Int? {
    guard skipToRecord() else { return nil }
    let start = line
    var column = 0
    while true {
      column += 1
      skipPadding()
      if position < bytes.count, bytes[position] == Self.quote {
        body(try quotedField(record: start, column: column))
      } else {
        body(plainField())
      }
      if delimiter == nil {
        skipPadding()
        if !atLineEnd { continue }
      } else if !atLineEnd {
        position += 1  // The delimiter.
        continue
      }
      skipLineEnd()
      return start
    }
  }

  /// Chooses the delimiter by the first record, as ``CSVOptions/Delimiter/automatic`` says.
  mutating func detectDelimiter() {
    var probe = self
    guard probe.skipToRecord() else { return }
    var unquoted: [UInt8] = []
    var isQuoted = false
    for byte in bytes[probe.position...] {
      if byte == Self.quote {
        isQuoted.toggle()
        unquoted.append(byte)
      } else if !isQuoted {
        if byte == Self.lineFeed || byte == Self.carriageReturn { break }
        unquoted.append(byte)
      }
    }
    // Space at the end separates nothing; space at the start was passed over.
    while let last = unquoted.last, isSpace(last) { unquoted.removeLast() }

    let candidates = [UInt8(ascii: ";"), Self.tab, UInt8(ascii: ",")]
    if let found = candidates.first(where: unquoted.contains) {
      delimiter = found
    } else {
      delimiter = unquoted.contains(Self.space) ? nil : UInt8(ascii: ",")
    }
  }

  private func isSpace(_ byte: UInt8) -> Bool { byte == Self.space || byte == Self.tab }

  private var atLineEnd: Bool {
    guard position < bytes.count else { return true }
    return bytes[position] == Self.lineFeed || bytes[position] == Self.carriageReturn
  }

  private mutating func skipPadding() {
    while position < bytes.count, isSpace(bytes[position]), bytes[position] != delimiter {
      position += 1
    }
  }

  private mutating func skipLineEnd() {
    guard position < bytes.count else { return }
    let isReturn = bytes[position] == Self.carriageReturn
    position += 1
    if isReturn, position < bytes.count, bytes[position] == Self.lineFeed { position += 1 }
    line += 1
  }

  /// Passes over blank lines and comments; false at the end of the text.
  private mutating func skipToRecord() -> Bool {
    while true {
      skipPadding()
      guard position < bytes.count else { return false }
      if bytes[position] == UInt8(ascii: "#") {
        while !atLineEnd { position += 1 }
      }
      guard atLineEnd else { return true }
      skipLineEnd()
    }
  }

  private mutating func plainField() -> Field {
    let start = position
    if let delimiter {
      while position < bytes.count {
        let byte = bytes[position]
        if byte == delimiter || byte == Self.lineFeed || byte == Self.carriageReturn { break }
        position += 1
      }
    } else {
      while !atLineEnd, !isSpace(bytes[position]) { position += 1 }
    }
    var end = position
    while end > start, isSpace(bytes[end - 1]) { end -= 1 }
    return Field(start: start, end: end, quoted: false)
  }

  private mutating func quotedField(record: Int, column: Int) throws -> Field {
    position += 1
    let start = position
    while position < bytes.count {
      let byte = bytes[position]
      if byte == Self.quote {
        if position + 1 < bytes.count, bytes[position + 1] == Self.quote {
          position += 2
          continue
        }
        let end = position
        position += 1
        let closed = position
        skipPadding()
        let separated = delimiter == nil && position > closed
        guard atLineEnd || separated || bytes[position] == delimiter else {
          let rest = bytes[position...].prefix { $0 != Self.lineFeed && $0 != Self.carriageReturn }
          throw FlowsError(
            .malformedFile,
            "expected the end of the field after its closing quote, found "
              + quotedExcerpt(rest), row: record, column: column)
        }
        return Field(start: start, end: end, quoted: true)
      }
      if byte == Self.lineFeed || byte == Self.carriageReturn {
        skipLineEnd()
      } else {
        position += 1
      }
    }
    throw FlowsError(
      .malformedFile, "expected a closing quote, found the end of the file", row: record,
      column: column)
  }

  /// The text of a field, doubled quotes made single; nil if it is not valid UTF-8.
  func text(_ field: Field) -> String? {
    guard field.quoted else { return String(validUTF8: bytes[field.start..<field.end]) }
    var content: [UInt8] = []
    var index = field.start
    while index < field.end {
      content.append(bytes[index])
      index += bytes[index] == Self.quote ? 2 : 1
    }
    return String(validUTF8: content)
  }
}
