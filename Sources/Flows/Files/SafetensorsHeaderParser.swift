/// Reads the JSON of a safetensors header.
///
/// The grammar of the header has a fixed depth, so a general JSON reader is not needed: whatever is
/// nested deeper is refused where it starts. Reading it directly keeps the order of the names and
/// lets messages say what was expected at which byte.
struct SafetensorsHeaderParser {
  private static let subject = "the header is not valid"
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

  private mutating func string() throws -> String { try scanner.takeJSONText(Self.subject) }

  private func failure(_ expected: String) -> FlowsError {
    scanner.jsonFailure(Self.subject, expected)
  }
}
