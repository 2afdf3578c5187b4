/// Reads the JSON of a safetensors header.
///
/// The grammar of the header has a fixed depth, so a general JSON reader is not needed: whatever is
/// nested deeper is refused where it starts. Reading it directly keeps the order of the names and
/// lets messages say what was expected at which byte.
struct SafetensorsHeaderParser {
  private var scanner: ByteScanner

  /// Reads `bytes`, which must be valid UTF-8.
  init(_ bytes: ArraySlice<UInt8>) { scanner = ByteScanner(bytes) }

  /// Reads the whole header.
  mutating func parse() throws -> SafetensorsHeader {
    var header = SafetensorsHeader()
    var names: Set<String> = []
    try object { parser, name in
      guard names.insert(name).inserted else {
        throw SafetensorsHeader.malformed("the name comes twice in the header", name)
      }
      if name == SafetensorsHeader.metadataKey {
        header.metadata = try parser.texts()
      } else {
        header.entries.append(try parser.entry(name))
      }
    }
    scanner.skipSpace()
    if scanner.next != nil { throw failure("expected its end") }
    return header
  }

  private mutating func texts() throws -> [String: String] {
    var texts: [String: String] = [:]
    try object { parser, key in
      guard texts.updateValue(try parser.string(), forKey: key) == nil else {
        throw SafetensorsHeader.malformed(
          "the key comes twice in \"\(SafetensorsHeader.metadataKey)\"", key)
      }
    }
    return texts
  }

  private mutating func entry(_ name: String) throws -> SafetensorsEntry {
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    try object { parser, key in
      switch key {
      case "dtype" where typeName == nil: typeName = try parser.string()
      case "shape" where shape == nil: shape = try parser.integers()
      case "data_offsets" where offsets == nil: offsets = try parser.integers()
      case "dtype", "shape", "data_offsets":
        throw SafetensorsHeader.malformed("the key \(key.quotedExcerpt) comes twice", name)
      default:
        throw SafetensorsHeader.malformed(
          "expected the keys \"dtype\", \"shape\" and \"data_offsets\", "
            + "found \(key.quotedExcerpt)", name)
      }
    }
    guard let typeName else { throw missing("dtype", name) }
    guard let shape else { throw missing("shape", name) }
    guard let offsets else { throw missing("data_offsets", name) }
    guard let type = SafetensorsHeader.elementTypes[typeName] else {
      throw FlowsError(
        .unsupported,
        "expected elements of a type such as \"F32\" or \"F64\", found \(typeName.quotedExcerpt)",
        field: name)
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw SafetensorsHeader.malformed(
        "expected \"data_offsets\" to be a begin and an end, found \(offsets.prefix(8))", name)
    }
    return SafetensorsEntry(
      name: name, elementType: type, shape: shape, range: offsets[0]..<offsets[1])
  }

  private func missing(_ key: String, _ name: String) -> FlowsError {
    SafetensorsHeader.malformed("the key \"\(key)\" is missing", name)
  }

  private mutating func object(
    _ member: (inout SafetensorsHeaderParser, String) throws -> Void
  ) throws {
    scanner.skipSpace()
    guard scanner.take("{") else { throw failure("expected \"{\"") }
    scanner.skipSpace()
    if scanner.take("}") { return }
    repeat {
      let key = try string()
      scanner.skipSpace()
      guard scanner.take(":") else { throw failure("expected \":\"") }
      try member(&self, key)
      scanner.skipSpace()
    } while scanner.take(",")
    guard scanner.take("}") else { throw failure("expected \",\" or \"}\"") }
  }

  private mutating func integers() throws -> [Int] {
    scanner.skipSpace()
    guard scanner.take("[") else { throw failure("expected \"[\"") }
    scanner.skipSpace()
    if scanner.take("]") { return [] }
    var integers: [Int] = []
    repeat {
      scanner.skipSpace()
      guard let integer = scanner.takeInteger() else {
        throw failure("expected a whole number from 0 to \(Int.max)")
      }
      integers.append(integer)
      scanner.skipSpace()
    } while scanner.take(",")
    guard scanner.take("]") else { throw failure("expected \",\" or \"]\"") }
    return integers
  }

  private mutating func string() throws -> String {
    scanner.skipSpace()
    guard scanner.take("\"") else { throw failure("expected a quoted text") }
    var text: [UInt8] = []
    while let byte = scanner.take() {
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"): text += try escape()
      case 0..<0x20:
        throw SafetensorsHeader.malformed(
          "the header is not valid: the text \(quotedExcerpt(text)) contains a control character")
      default: text.append(byte)
      }
    }
    throw SafetensorsHeader.malformed(
      "the header is not valid: the text \(quotedExcerpt(text)) does not end")
  }

  private mutating func escape() throws -> [UInt8] {
    switch scanner.take() {
    case UInt8(ascii: "\""): return [0x22]
    case UInt8(ascii: "\\"): return [0x5C]
    case UInt8(ascii: "/"): return [0x2F]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"): break
    default: throw failure("expected one of the escapes of JSON before this place")
    }
    var units = [try codeUnit()]
    if UTF16.isLeadSurrogate(units[0]), scanner.take(word: "\\u") { units.append(try codeUnit()) }
    var decoder = UTF16()
    var iterator = units.makeIterator()
    // A pair that is no pair decodes to an error, or leaves a unit behind.
    guard case .scalarValue(let scalar) = decoder.decode(&iterator),
      units.count == UTF16.width(scalar)
    else { throw failure("expected a Unicode character in the escape before this place") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func codeUnit() throws -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = scanner.next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue
      else { throw failure("expected four hexadecimal digits") }
      _ = scanner.take()
      unit = unit << 4 | UInt16(digit)
    }
    return unit
  }

  private func failure(_ expected: String) -> FlowsError {
    SafetensorsHeader.malformed("the header is not valid: \(expected), \(scanner.found)")
  }
}
