/// Reads the entries of a ZIP archive and checks all of it but their contents.
///
/// The format is PKWARE's APPNOTE.TXT 6.3. Of everything that it describes, archives of one part with
/// entries that are stored or deflated are read, in the narrow and the wide (ZIP64) form.
struct ZIPReader {
  private let source: ByteSource
  /// The bytes of the directory.
  private let reader: LittleEndianBytes
  private let directory: ZIPDirectory

  /// An entry and where it lies in the archive.
  struct Placed: Sendable {
    var name: String
    var method: ZIPEntry.Method
    /// The CRC-32 of the content.
    var checksum: UInt32
    /// The size of the content.
    var size: Int
    /// The content, packed.
    var payload: Range<Int>
    /// All that belongs to the entry.
    fileprivate var range: Range<Int>
  }

  /// What both headers of an entry say.
  private struct Fields {
    var flags: UInt16
    var method: UInt16
    var checksum: UInt32
    var packedSize: Int
    var size: Int

    /// Sizes and checksum follow the data instead of standing in the header before it.
    var hasDescriptor: Bool { flags & 0x8 != 0 }
  }

  /// The entries of an archive, in the order of its directory.
  static func read(_ bytes: [UInt8]) throws -> [ZIPEntry] {
    try places(.memory(bytes)).map {
      ZIPEntry(
        name: $0.name, method: $0.method, checksum: $0.checksum, size: $0.size,
        payload: bytes[$0.payload])
    }
  }

  /// Where the entries of an archive lie; of a file, their contents are not read.
  static func places(_ source: ByteSource) throws -> [Placed] {
    try ZIPReader(source).entries()
  }

  private init(_ source: ByteSource) throws {
    self.source = source
    directory = try ZIPDirectory(source)
    reader = try source.window(directory.range)
  }

  private func entries() throws -> [Placed] {
    var placed: [Placed] = []
    var names: Set<String> = []
    var position = directory.range.lowerBound
    while position < directory.range.upperBound {
      let next = try entry(at: &position, number: placed.count + 1)
      guard names.insert(next.name).inserted else {
        throw Self.malformed("the archive holds two entries of this name", next.name)
      }
      placed.append(next)
    }
    guard placed.count == directory.entryCount else {
      throw Self.malformed(
        "expected \(counted(directory.entryCount, "entry", "entries")) in the directory, "
          + "found \(placed.count)")
    }
    try checkOverlaps(placed)
    return placed
  }

  private func checkOverlaps(_ placed: [Placed]) throws {
    var end = 0
    for next in placed.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
      guard next.range.lowerBound >= end else {
        throw Self.malformed("the entry overlaps another one", next.name)
      }
      end = next.range.upperBound
    }
  }

  // MARK: - Directory

  /// The entry whose record in the directory begins at `position`, which moves to the next.
  private func entry(at position: inout Int, number: Int) throws -> Placed {
    let start = position
    let end = directory.range.upperBound
    guard end - start >= 46, reader.integer(at: start, as: UInt32.self) == 0x0201_4B50 else {
      throw Self.malformed("expected the record of entry \(number) at byte \(start)")
    }
    let nameStart = start + 46
    let extraStart = nameStart + field(start + 28)
    let commentStart = extraStart + field(start + 30)
    position = commentStart + field(start + 32)
    guard position <= end else {
      throw Self.malformed("the record of entry \(number) goes on after the end of the directory")
    }
    let isMarked = field(start + 8) & 0x800 != 0
    let nameBytes = reader.slice(nameStart..<extraStart)
    let name = try Self.name(nameBytes, isMarked: isMarked, number: number)

    var wide = try WideFields(reader, extraStart..<commentStart, name)
    let fields = try fields(reader, start + 8, &wide, name)
    let headerStart = try wide.value(reader.count(at: start + 42, as: UInt32.self))
    let disk = field(start + 34) == 0xFFFF ? try wide.disk() : field(start + 34)
    guard disk == 0 else { throw Self.unsupported("it lies in another part of the archive", name) }
    let method = try method(fields, name)
    try checkSizes(fields, method, name)

    let data = try data(fields, headerStart, name: nameBytes, name)
    return Placed(
      name: name, method: method, checksum: fields.checksum, size: fields.size, payload: data,
      range: headerStart..<data.upperBound)
  }

  /// The fields that lie at the same distances in both headers, from the flags on.
  private func fields(
    _ reader: LittleEndianBytes, _ start: Int, _ wide: inout WideFields, _ name: String
  ) throws -> Fields {
    // The wide fields come in this order: first the size of the content, then of what is packed.
    let size = try wide.value(reader.count(at: start + 16, as: UInt32.self))
    let packedSize = try wide.value(reader.count(at: start + 12, as: UInt32.self))
    return Fields(
      flags: reader.integer(at: start) ?? 0, method: reader.integer(at: start + 2) ?? 0,
      checksum: reader.integer(at: start + 8) ?? 0, packedSize: packedSize, size: size)
  }

  private func method(_ fields: Fields, _ name: String) throws -> ZIPEntry.Method {
    // Encryption, encryption of another kind, and encryption of the directory.
    guard fields.flags & 0x2041 == 0 else { throw Self.unsupported("it is encrypted", name) }
    guard fields.flags & 0x20 == 0 else { throw Self.unsupported("it is a patch", name) }
    guard let method = ZIPEntry.Method(rawValue: fields.method) else {
      throw Self.unsupported("it is packed by method \(fields.method)", name)
    }
    return method
  }

  private func checkSizes(_ fields: Fields, _ method: ZIPEntry.Method, _ name: String) throws {
    switch method {
    case .stored:
      guard fields.size == fields.packedSize else {
        throw Self.malformed(
          "expected \(counted(fields.size, "byte")) of stored data, found \(fields.packedSize)",
          name)
      }
    case .deflated:
      let (largest, overflow) = fields.packedSize.multipliedReportingOverflow(
        by: ZIPEntry.largestRatio)
      guard overflow || fields.size <= largest else {
        throw Self.malformed(
          "\(counted(fields.packedSize, "byte")) of compressed data cannot hold the declared "
            + counted(fields.size, "byte"), name)
      }
    }
  }

  // MARK: - Data

  /// The place of an entry's data, once the header before it agrees with the directory.
  private func data(
    _ expected: Fields, _ start: Int, name nameBytes: ArraySlice<UInt8>, _ name: String
  ) throws -> Range<Int> {
    let end = directory.range.lowerBound
    guard start <= end - 30 else {
      throw Self.malformed("expected the header of the entry at byte \(start)", name)
    }
    let head = try source.window(start..<start + 30)
    guard head.integer(at: start, as: UInt32.self) == 0x0403_4B50,
      let nameCount = head.count(at: start + 26, as: UInt16.self),
      let extraCount = head.count(at: start + 28, as: UInt16.self)
    else {
      throw Self.malformed("expected the header of the entry at byte \(start)", name)
    }
    let extraStart = start + 30 + nameCount
    let dataStart = extraStart + extraCount
    guard dataStart <= end, expected.packedSize <= end - dataStart else {
      throw Self.malformed("the entry overlaps the directory", name)
    }
    let header = try source.window(start..<dataStart)
    guard header.slice(start + 30..<extraStart) == nameBytes else {
      throw Self.malformed("the header of the entry gives another name", name)
    }
    var wide = try WideFields(header, extraStart..<dataStart, name)
    let found = try fields(header, start + 6, &wide, name)
    _ = try method(found, name)
    let agrees =
      found.hasDescriptor
      || (found.checksum == expected.checksum && found.size == expected.size
        && found.packedSize == expected.packedSize)
    guard found.method == expected.method, agrees else {
      throw Self.malformed("the header of the entry contradicts the directory", name)
    }
    return dataStart..<dataStart + expected.packedSize
  }

  private func field(_ place: Int) -> Int { reader.count(at: place, as: UInt16.self) ?? 0 }

  // MARK: - Names

  /// The name of an entry; ASCII, or UTF-8 where the entry says so.
  private static func name(
    _ bytes: ArraySlice<UInt8>, isMarked: Bool, number: Int
  ) throws -> String {
    let shown = String(decoding: bytes, as: UTF8.self)
    if bytes.isEmpty { throw malformed("entry \(number) of the archive has no name") }
    guard bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw malformed("the name contains a control character", shown)
    }
    guard String(validUTF8: bytes) != nil else {
      throw malformed("the name is not valid UTF-8", shown)
    }
    guard isMarked || bytes.allSatisfy({ $0 < 0x80 }) else {
      throw malformed("the name is not ASCII and the entry does not say that it is UTF-8", shown)
    }
    return shown
  }

  static func malformed(_ message: String, _ name: String? = nil) -> FlowsError {
    FlowsError(.malformedFile, message, field: name)
  }

  private static func unsupported(_ message: String, _ name: String) -> FlowsError {
    FlowsError(.unsupported, "the entry cannot be read: \(message)", field: name)
  }
}

/// The values of an entry that need more than 32 bits, from the ZIP64 part of its extra field.
///
/// They stand there only where the narrow field is all ones, in the order of the header.
private struct WideFields {
  private let reader: LittleEndianBytes
  private let name: String
  private var position = 0
  private var end = 0

  init(_ reader: LittleEndianBytes, _ extra: Range<Int>, _ name: String) throws {
    self.reader = reader
    self.name = name
    var start = extra.lowerBound
    // Some writers pad the field by up to three bytes.
    while start + 4 <= extra.upperBound {
      let next = start + 4 + (reader.count(at: start + 2, as: UInt16.self) ?? 0)
      guard next <= extra.upperBound else {
        throw ZIPReader.malformed("the extra field of the entry is not valid", name)
      }
      if reader.integer(at: start, as: UInt16.self) == 1 {
        guard end == 0 else {
          throw ZIPReader.malformed("the entry has two ZIP64 fields", name)
        }
        (position, end) = (start + 4, next)
      }
      start = next
    }
  }

  /// The value of a narrow field, or the next wide one in its place.
  mutating func value(_ narrow: Int?) throws -> Int {
    if let narrow, narrow != 0xFFFF_FFFF { return narrow }
    guard position + 8 <= end, let value = reader.count(at: position, as: UInt64.self) else {
      throw ZIPReader.malformed("the ZIP64 field of the entry lacks a value", name)
    }
    position += 8
    return value
  }

  mutating func disk() throws -> Int {
    guard position + 4 <= end, let value = reader.count(at: position, as: UInt32.self) else {
      throw ZIPReader.malformed("the ZIP64 field of the entry lacks a value", name)
    }
    position += 4
    return value
  }
}
