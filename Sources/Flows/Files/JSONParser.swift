/// Reads a JSON document (RFC 8259).
///
/// Foundation's decoder finds out by trial and error what a value is, at some 20 microseconds a trial;
/// a hostile file of a megabyte would keep it busy for half a minute.
struct JSONParser {
  /// How deep arrays and objects may be nested.
  static let largestDepth = 256

  private var scanner: ByteScanner
  private let bytes: [UInt8]
  private let subject: String
  private var numbers = DecimalParser(single: false)

  /// Reads the bytes of a document as a value.
  ///
  /// - Parameter subject: What is being read, to begin a message.
  static func parse(_ bytes: [UInt8], subject: String) throws -> JSONValue {
    guard String(validUTF8: bytes) != nil else {
      throw FlowsError(.malformedFile, "\(subject): it is not UTF-8")
    }
    var parser = JSONParser(bytes, subject)
    let value = try parser.value(depth: 0)
    parser.scanner.skipSpace()
    if parser.scanner.next != nil { throw parser.failure("expected its end") }
    return value
  }

  private init(_ bytes: [UInt8], _ subject: String) {
    self.bytes = bytes
    self.subject = subject
    scanner = ByteScanner(bytes[...])
  }

  private mutating func value(depth: Int) throws -> JSONValue {
    guard depth <= Self.largestDepth else {
      throw failure("expected at most \(Self.largestDepth) levels")
    }
    scanner.skipSpace()
    switch scanner.next {
    case UInt8(ascii: "\""): return .string(try scanner.takeJSONText(subject))
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case let next? where next == UInt8(ascii: "-") || (0x30...0x39).contains(next):
      return try number()
    default: break
    }
    if scanner.take(word: "true") { return .bool(true) }
    if scanner.take(word: "false") { return .bool(false) }
    if scanner.take(word: "null") { return .null }
    throw failure("expected a value")
  }

  private mutating func object(depth: Int) throws -> JSONValue {
    _ = scanner.take("{")
    var members: [String: JSONValue] = [:]
    scanner.skipSpace()
    if scanner.take("}") { return .object(members) }
    repeat {
      let key = try scanner.takeJSONText(subject)
      scanner.skipSpace()
      guard scanner.take(":") else { throw failure("expected \":\"") }
      guard members.updateValue(try value(depth: depth + 1), forKey: key) == nil else {
        throw FlowsError(.malformedFile, "\(subject): a key comes twice", field: key)
      }
      scanner.skipSpace()
    } while scanner.take(",")
    guard scanner.take("}") else { throw failure("expected \",\" or \"}\"") }
    return .object(members)
  }

  private mutating func array(depth: Int) throws -> JSONValue {
    _ = scanner.take("[")
    var elements: [JSONValue] = []
    scanner.skipSpace()
    if scanner.take("]") { return .array(elements) }
    repeat {
      elements.append(try value(depth: depth + 1))
      scanner.skipSpace()
    } while scanner.take(",")
    guard scanner.take("]") else { throw failure("expected \",\" or \"]\"") }
    return .array(elements)
  }

  private mutating func number() throws -> JSONValue {
    let start = scanner.position
    let isNegative = scanner.take("-")
    let digits = scanner.position
    if let magnitude = scanner.takeInteger(), !isAtFraction, !isNegative || magnitude > 0 {
      return .integer(isNegative ? -magnitude : magnitude)
    }
    while let next = scanner.next, isPartOfNumber(next) { _ = scanner.take() }
    let end = scanner.position
    // What is left of the grammar's rules: no zero in front of other digits, digits around a point.
    let hasZeroInFront =
      digits + 1 < end && bytes[digits] == 0x30 && (0x30...0x39).contains(bytes[digits + 1])
    let point = bytes[digits..<end].firstIndex(of: UInt8(ascii: "."))
    let hasBarePoint =
      point.map { $0 == digits || $0 + 1 == end || !(0x30...0x39).contains(bytes[$0 + 1]) } ?? false
    let text = bytes[start..<end]
    if point == nil, !hasZeroInFront, let least = Int(String(decoding: text, as: UTF8.self)),
      least == .min
    {
      return .integer(least)
    }
    guard !hasZeroInFront, !hasBarePoint, let value = numbers.parse(bytes, start, end),
      value.isFinite
    else {
      throw FlowsError(
        .malformedFile,
        "\(subject): expected a number in the range of Double, "
          + "found \(quotedExcerpt(text))")
    }
    return .number(value)
  }

  private var isAtFraction: Bool { scanner.next.map(isPartOfNumber) ?? false }

  private func isPartOfNumber(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains(byte)
  }

  private func failure(_ expected: String) -> FlowsError {
    scanner.jsonFailure(subject, expected)
  }
}
