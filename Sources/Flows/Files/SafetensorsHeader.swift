/// What the header of a safetensors file says of one array.
struct SafetensorsEntry: Equatable, Sendable {
  var name: String
  var elementType: ElementType
  var shape: [Int]
  /// The place of the data, counted from the end of the header.
  var range: Range<Int>
}

/// The header of a safetensors file: where it ends, and whether it describes the data behind it.
struct SafetensorsHeader: Equatable {
  static let metadataKey = "__metadata__"
  static let maximumLength = 100_000_000

  static let elementTypes: [String: ElementType] = [
    "BOOL": .bool, "U8": .uint8, "I8": .int8, "U16": .uint16, "I16": .int16, "F16": .float16,
    "BF16": .bfloat16, "U32": .uint32, "I32": .int32, "F32": .float32, "U64": .uint64,
    "I64": .int64, "F64": .float64,
  ]

  var metadata: [String: String] = [:]

  /// The arrays in the order of their data.
  var entries: [SafetensorsEntry] = []

  /// Reads and checks the header of a whole file.
  ///
  /// - Returns: The header and the place of the first byte after it.
  static func read(_ bytes: [UInt8]) throws -> (header: SafetensorsHeader, dataStart: Int) {
    guard bytes.count >= 8 else {
      throw malformed("expected at least 8 bytes, found \(bytes.count)")
    }
    let declared = bytes[0..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard declared <= UInt64(maximumLength) else {
      throw malformed(
        "expected a header of at most \(maximumLength) bytes, found a length of \(declared)")
    }
    let end = 8 + Int(declared)
    guard end <= bytes.count else {
      throw malformed(
        "expected a header of \(counted(end - 8, "byte")), found \(bytes.count - 8)")
    }
    guard String(validUTF8: bytes[8..<end]) != nil else {
      throw malformed("the header is not valid UTF-8")
    }
    var parser = SafetensorsHeaderParser(bytes[8..<end])
    var header = try parser.parse()
    try header.arrange(dataCount: bytes.count - end)
    return (header, end)
  }

  /// Puts the entries in the order of their data and checks that they cover it exactly.
  private mutating func arrange(dataCount: Int) throws {
    // Arrays without elements share their place with others; the sort must not shuffle them.
    entries = entries.enumerated().sorted { left, right in
      let (a, b) = (left.element.range, right.element.range)
      return (a.lowerBound, a.upperBound, left.offset) < (b.lowerBound, b.upperBound, right.offset)
    }.map(\.element)

    var end = 0
    for entry in entries {
      guard let expected = entry.elementType.byteCount(shape: entry.shape) else {
        throw Self.malformed("the shape is larger than any file can be", entry.name)
      }
      guard entry.range.count == expected else {
        throw Self.malformed(
          "expected \(counted(expected, "byte")) of data for the shape \(excerpt(entry.shape)), "
            + "found \(entry.range.count)", entry.name)
      }
      guard entry.range.lowerBound == end else {
        let fault = entry.range.lowerBound < end ? "overlaps other data" : "leaves a gap before it"
        throw Self.malformed(
          "expected the data to begin at byte \(end), found \(entry.range.lowerBound), "
            + "which \(fault)", entry.name)
      }
      end = entry.range.upperBound
      guard end <= dataCount else {
        throw Self.malformed(
          "the data ends at byte \(end), but the file holds only \(dataCount)", entry.name)
      }
    }
    guard end == dataCount else {
      throw Self.malformed("expected \(counted(end, "byte")) of data, found \(dataCount)")
    }
  }

  static func malformed(_ message: String, _ field: String? = nil) -> FlowsError {
    FlowsError(.malformedFile, message, field: field)
  }

  /// The bytes that start a file: the length of the header and the header, padded with spaces.
  func bytes() throws -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let texts = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        .map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
      members.append("\"\(Self.metadataKey)\":{\(texts.joined(separator: ","))}")
    }
    for entry in entries {
      let type = Self.elementTypes.first { $0.value == entry.elementType }?.key ?? ""
      let shape = entry.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(Self.quoted(entry.name)):{\"dtype\":\"\(type)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(entry.range.lowerBound),\(entry.range.upperBound)]}")
    }
    var text = Array("{\(members.joined(separator: ","))}".utf8)
    text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
    guard text.count <= Self.maximumLength else {
      throw FlowsError(
        .unsupported,
        "expected a header of at most \(Self.maximumLength) bytes, found \(text.count)")
    }
    return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) } + text
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
