/// Reads a pickle from its first byte on, of a file in parts as they are needed.
struct PickleCursor {
  private static let partCount = 1 << 16

  private let source: ByteSource
  private let end: Int
  /// The place of the next byte.
  private(set) var position: Int
  private var part: LittleEndianBytes

  init(_ source: ByteSource, _ range: Range<Int>) {
    self.source = source
    position = range.lowerBound
    end = range.upperBound
    part = LittleEndianBytes(bytes: [], origin: range.lowerBound)
  }

  /// The bytes that are left.
  var remaining: Int { end - position }

  mutating func byte() throws -> UInt8 {
    if position >= part.end { try refill(1) }
    defer { position += 1 }
    return part.bytes[position - part.origin]
  }

  /// The next bytes, all of which must be there.
  mutating func bytes(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= remaining else { throw Self.ended }
    if count > part.end - position { try refill(count) }
    defer { position += count }
    return part.slice(position..<position + count)
  }

  /// Passes over bytes, all of which must be there.
  mutating func skip(_ count: Int) throws {
    guard count <= remaining else { throw Self.ended }
    position += count
  }

  /// A whole number, least significant byte first.
  mutating func count(_ size: Int) throws -> Int {
    let word = try bytes(size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let count = Int(exactly: word) else { throw Self.ended }
    return count
  }

  /// A text of so many bytes.
  mutating func text(_ count: Int) throws -> String {
    let bytes = try bytes(count)
    guard let text = String(validUTF8: bytes) else {
      throw FlowsError(.malformedFile, "a text of the pickle is not valid UTF-8")
    }
    return text
  }

  /// The bytes up to the end of the line, as a name.
  mutating func line() throws -> String {
    var bytes: [UInt8] = []
    while true {
      let next = try byte()
      if next == 0x0A { break }
      bytes.append(next)
      guard bytes.count <= 1_000 else {
        throw FlowsError(.malformedFile, "a name of the pickle has more than 1000 bytes")
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static let ended = FlowsError(.malformedFile, "the pickle ends too early")

  private mutating func refill(_ count: Int) throws {
    guard count <= remaining else { throw Self.ended }
    part = try source.window(position..<min(end, position + max(count, Self.partCount)))
  }
}
