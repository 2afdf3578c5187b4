@testable import Flows

/// Builds ZIP archives that are right, with every field within reach, so that tests can spoil them.
struct ZIPForge {
  /// A file for the archive.
  struct Part {
    var name: String
    var content: [UInt8]
    /// A raw deflate stream of the content; nil stores it.
    var deflated: [UInt8]?
    /// Whether sizes and checksum follow the data.
    var hasDescriptor = false
    /// Whether sizes stand in ZIP64 fields.
    var isWide = false
  }

  private(set) var bytes: [UInt8] = []
  /// Places and sizes of the fields, such as `local0.method` and `end.count`.
  private(set) var fields: [(name: String, place: Int, size: Int)] = []

  init(_ parts: [Part], isWide: Bool = false) {
    let starts = parts.enumerated().map { index, part in
      let start = bytes.count
      appendLocal(part, "local\(index)")
      return start
    }
    let directory = bytes.count
    for (index, part) in parts.enumerated() {
      appendCentral(part, starts[index], "central\(index)")
    }
    appendEnd(directory..<bytes.count, parts.count, isWide)
  }

  /// Replaces a field by a value.
  mutating func set(_ name: String, to value: UInt64) {
    guard let field = fields.first(where: { $0.name == name }) else {
      preconditionFailure("there is no field \(name)")
    }
    for index in 0..<field.size {
      bytes[field.place + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * index))
    }
  }

  /// The value of a field.
  func value(_ name: String) -> UInt64 {
    guard let field = fields.first(where: { $0.name == name }) else {
      preconditionFailure("there is no field \(name)")
    }
    return bytes[field.place..<field.place + field.size].reversed().reduce(0) {
      $0 << 8 | UInt64($1)
    }
  }

  /// A deflate stream that only stores the bytes, for which no compressor is needed.
  static func stream(storing bytes: [UInt8]) -> [UInt8] {
    let count = UInt16(bytes.count)
    var stream: [UInt8] = [1]
    stream.append(littleEndian: count)
    stream.append(littleEndian: ~count)
    return stream + bytes
  }

  private mutating func append(_ value: Int, _ size: Int, _ name: String) {
    fields.append((name, bytes.count, size))
    for index in 0..<size { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * index))) }
  }

  private mutating func appendShared(_ part: Part, isLocal: Bool, _ prefix: String) {
    let isASCII = part.name.utf8.allSatisfy { $0 < 0x80 }
    let later = part.hasDescriptor && isLocal
    let wide = part.isWide
    append((isASCII ? 0 : 0x800) | (part.hasDescriptor ? 8 : 0), 2, prefix + ".flags")
    append(part.deflated == nil ? 0 : 8, 2, prefix + ".method")
    append(0x21_0000, 4, prefix + ".date")
    append(later ? 0 : checksum(part), 4, prefix + ".checksum")
    let packed = (part.deflated ?? part.content).count
    append(wide ? 0xFFFF_FFFF : later ? 0 : packed, 4, prefix + ".packed")
    append(wide ? 0xFFFF_FFFF : later ? 0 : part.content.count, 4, prefix + ".size")
    append(part.name.utf8.count, 2, prefix + ".nameLength")
    append(wide ? 20 : 0, 2, prefix + ".extraLength")
  }

  private mutating func appendNames(_ part: Part, isLocal: Bool, _ prefix: String) {
    let later = part.hasDescriptor && isLocal
    fields.append((prefix + ".name", bytes.count, min(part.name.utf8.count, 1)))
    bytes += part.name.utf8
    guard part.isWide else { return }
    append(1, 2, prefix + ".extraKind")
    append(16, 2, prefix + ".extraSize")
    append(later ? 0 : part.content.count, 8, prefix + ".wideSize")
    append(later ? 0 : (part.deflated ?? part.content).count, 8, prefix + ".widePacked")
  }

  private mutating func appendLocal(_ part: Part, _ prefix: String) {
    append(0x0403_4B50, 4, prefix + ".signature")
    append(45, 2, prefix + ".version")
    appendShared(part, isLocal: true, prefix)
    appendNames(part, isLocal: true, prefix)
    let data = part.deflated ?? part.content
    fields.append((prefix + ".data", bytes.count, 1))
    bytes += data
    guard part.hasDescriptor else { return }
    append(0x0807_4B50, 4, prefix + ".descriptor")
    append(checksum(part), 4, prefix + ".descriptorChecksum")
    append(data.count, part.isWide ? 8 : 4, prefix + ".descriptorPacked")
    append(part.content.count, part.isWide ? 8 : 4, prefix + ".descriptorSize")
  }

  private mutating func appendCentral(_ part: Part, _ start: Int, _ prefix: String) {
    append(0x0201_4B50, 4, prefix + ".signature")
    append(45 << 16 | 45, 4, prefix + ".versions")
    appendShared(part, isLocal: false, prefix)
    append(0, 2, prefix + ".commentLength")
    append(0, 2, prefix + ".disk")
    append(0, 6, prefix + ".attributes")
    append(start, 4, prefix + ".start")
    appendNames(part, isLocal: false, prefix)
  }

  private mutating func appendEnd(_ directory: Range<Int>, _ count: Int, _ isWide: Bool) {
    if isWide {
      let start = bytes.count
      append(0x0606_4B50, 4, "wideEnd.signature")
      append(44, 8, "wideEnd.recordSize")
      append(45 << 16 | 45, 4, "wideEnd.versions")
      append(0, 4, "wideEnd.disk")
      append(0, 4, "wideEnd.firstDisk")
      append(count, 8, "wideEnd.countHere")
      append(count, 8, "wideEnd.count")
      append(directory.count, 8, "wideEnd.size")
      append(directory.lowerBound, 8, "wideEnd.start")
      append(0x0706_4B50, 4, "locator.signature")
      append(0, 4, "locator.disk")
      append(start, 8, "locator.start")
      append(1, 4, "locator.disks")
    }
    append(0x0605_4B50, 4, "end.signature")
    append(0, 2, "end.disk")
    append(0, 2, "end.firstDisk")
    append(isWide ? 0xFFFF : count, 2, "end.countHere")
    append(isWide ? 0xFFFF : count, 2, "end.count")
    append(isWide ? 0xFFFF_FFFF : directory.count, 4, "end.size")
    append(isWide ? 0xFFFF_FFFF : directory.lowerBound, 4, "end.start")
    append(0, 2, "end.commentLength")
  }

  private func checksum(_ part: Part) -> Int { Int(ZIPEntry.checksum(part.content[...])) }
}
