import Testing

@testable import Flows

@Suite("Errors of NPZ files")
struct NPZErrorTests {
  /// Two arrays, the second deflated without compression.
  private func forge(_ change: (inout [ZIPForge.Part]) -> Void = { _ in }) throws -> ZIPForge {
    let contents = try [2, 3].map { try NumPyFile.encode(Tensor<Double>.ones([$0])) }
    var parts = [
      ZIPForge.Part(name: "a.npy", content: contents[0]),
      ZIPForge.Part(
        name: "b.npy", content: contents[1], deflated: ZIPForge.stream(storing: contents[1])),
    ]
    change(&parts)
    return ZIPForge(parts)
  }

  private func readAll(_ bytes: [UInt8], maximumBytes: Int = 1 << 20) throws {
    let file = try NPZFile(bytes: bytes, maximumBytes: maximumBytes)
    for name in file.names {
      let shape = try file.shape(of: name)
      #expect(try file.tensor(name, as: Float.self).shape == shape)
    }
  }

  private func text(_ bytes: [UInt8]) -> String { errorText { try readAll(bytes) } }

  /// The error where fields of the archive have other values.
  private func text(_ values: [String: UInt64]) throws -> String {
    var forge = try forge()
    for (field, value) in values { forge.set(field, to: value) }
    return text(forge.bytes)
  }

  @Test("are none in archives of any form", hasZlib)
  func forms() throws {
    for isWide in [false, true] {
      for hasDescriptor in [false, true] {
        let forge = try forge { parts in
          for index in parts.indices {
            parts[index].isWide = isWide
            parts[index].hasDescriptor = hasDescriptor
          }
        }
        try readAll(forge.bytes)
      }
    }
    // Bytes before the first entry and between entries are of no concern.
    var commented = try forge()
    commented.set("end.commentLength", to: 4)
    try readAll(commented.bytes + Array("PK\u{5}\u{6}".utf8))
  }

  @Test("for what is no archive")
  func noArchive() throws {
    #expect(text([]) == "expected a ZIP archive, found an empty file")
    let others = try [
      Array("PK".utf8), bytes(base64: NumPyGolden.float64), Array(forge().bytes.dropLast()),
    ]
    for bytes in others {
      #expect(text(bytes) == "expected a ZIP archive, found no end of a ZIP directory")
    }
    #expect(
      text(try forge().bytes + [0]) == "expected a ZIP archive, found no end of a ZIP directory")
  }

  @Test("for a directory that is not where it should be")
  func directory() throws {
    let forge = try forge()
    let (start, size) = (forge.value("end.start"), forge.value("end.size"))
    let end = start + size
    #expect(
      try text(["end.start": start + 1])
        == "expected the directory to end at byte \(end), where its end is recorded; it begins at "
        + "byte \(start + 1) and has \(size) bytes")
    #expect(try text(["end.size": 0xFFFF_FFFF]).hasPrefix("expected the directory to end at byte"))
    #expect(
      try text(["end.start": end, "end.size": 0])
        == "expected 2 entries in the directory, found 0")
    #expect(
      try text(["end.count": 1, "end.countHere": 1])
        == "expected 1 entry in the directory, found 2")
    #expect(
      try text(["end.count": 65_535, "end.countHere": 65_535])
        == "expected 65535 entries in the directory, found 2")
    #expect(
      try text(["central1.signature": 0]).hasPrefix("expected the record of entry 2 at byte"))
    #expect(
      try text(["central1.commentLength": 1])
        == "the record of entry 2 goes on after the end of the directory")
    #expect(
      try text(["central1.nameLength": 65_535])
        == "the record of entry 2 goes on after the end of the directory")
    for field in ["end.disk", "end.firstDisk", "end.countHere"] {
      #expect(try text([field: 1]) == "archives of several parts cannot be read")
    }
    #expect(
      try text(["central0.disk": 1])
        == "\"a.npy\": the entry cannot be read: it lies in another part of the archive")
  }

  @Test("for ZIP64 records that are wrong")
  func wideRecords() throws {
    let right = ZIPForge(
      [.init(name: "a.npy", content: try NumPyFile.encode(Tensor<Float>(1)), isWide: true)],
      isWide: true)
    try readAll(right.bytes)
    func text(_ field: String, _ value: UInt64) -> String {
      var forge = right
      forge.set(field, to: value)
      return self.text(forge.bytes)
    }
    let place = right.value("locator.start")
    #expect(text("wideEnd.signature", 0) == "expected a ZIP64 record at byte \(place)")
    #expect(text("wideEnd.recordSize", 45) == "expected a ZIP64 record at byte \(place)")
    #expect(text("wideEnd.recordSize", .max) == "expected a ZIP64 record at byte \(place)")
    #expect(text("locator.start", 0) == "expected a ZIP64 record at byte 0")
    #expect(
      text("locator.start", .max)
        == "the place of the ZIP64 record is larger than any file can be")
    #expect(
      text("wideEnd.size", .max)
        == "a value of the ZIP64 record is larger than any file can be")
    #expect(text("wideEnd.start", UInt64(Int.max)).hasPrefix("expected the directory to end at"))
    for (field, value) in [("end.count", 2), ("wideEnd.disk", 1), ("wideEnd.firstDisk", 1)] {
      #expect(
        text(field, UInt64(value))
          == "the two records at the end of the archive contradict each other")
    }
    #expect(text("locator.disks", 2) == "archives of several parts cannot be read")
    #expect(text("locator.disk", 1) == "archives of several parts cannot be read")
    #expect(text("wideEnd.count", .max >> 1) == "archives of several parts cannot be read")
    #expect(
      text("locator.signature", 0).hasPrefix("expected the directory to end at byte"))
    let lacks = "\"a.npy\": the ZIP64 field of the entry lacks a value"
    #expect(text("central0.extraKind", 2) == lacks)
    #expect(text("local0.extraKind", 2) == lacks)
    #expect(text("central0.wideSize", .max) == lacks)
    #expect(text("central0.start", 0xFFFF_FFFF) == lacks)
    #expect(text("central0.disk", 0xFFFF) == lacks)
    #expect(
      text("central0.extraSize", 17) == "\"a.npy\": the extra field of the entry is not valid")
  }

  @Test("for entries that are encrypted or packed in another way")
  func unsupported() throws {
    let prefix = "\"a.npy\": the entry cannot be read: "
    for flag: UInt64 in [1, 0x40, 0x2000] {
      #expect(try text(["central0.flags": flag]) == prefix + "it is encrypted")
      #expect(try text(["local0.flags": flag]) == prefix + "it is encrypted")
    }
    #expect(try text(["central0.flags": 0x20]) == prefix + "it is a patch")
    for method: UInt64 in [1, 9, 12, 14, 93, 95, 99] {
      #expect(try text(["central0.method": method]) == prefix + "it is packed by method \(method)")
    }
    var forge = try forge()
    forge.set("central0.method", to: 12)
    #expect(errorKind { try readAll(forge.bytes) } == .unsupported)
  }

  @Test("for headers that contradict the directory")
  func contradictions() throws {
    let message = "\"a.npy\": the header of the entry contradicts the directory"
    #expect(try text(["local0.method": 8]) == message)
    #expect(try text(["local0.checksum": 0]) == message)
    #expect(try text(["local0.size": 1]) == message)
    #expect(try text(["local0.packed": 1]) == message)
    #expect(
      try text(["local0.name": UInt64(UInt8(ascii: "b"))])
        == "\"a.npy\": the header of the entry gives another name")
    #expect(
      try text(["local0.nameLength": 4])
        == "\"a.npy\": the header of the entry gives another name")
    #expect(
      try text(["local0.signature": 0]) == "\"a.npy\": expected the header of the entry at byte 0")
    for start: UInt64 in [1, 0x7FFF_FFFF, try forge().value("end.start")] {
      #expect(
        try text(["central0.start": start])
          == "\"a.npy\": expected the header of the entry at byte \(start)")
    }
  }

  @Test("for entries that overlap", hasZlib)
  func overlaps() throws {
    let forge = try forge()
    let size = forge.value("local0.size")
    #expect(
      try text(["local0.extraLength": 60_000]) == "\"a.npy\": the entry overlaps the directory")
    #expect(
      try text(["local1.extraLength": 5]) == "\"b.npy\": the entry overlaps the directory")
    let more = Dictionary(
      uniqueKeysWithValues: ["local0.size", "local0.packed", "central0.size", "central0.packed"]
        .map { ($0, size + 8) })
    #expect(try text(more) == "\"b.npy\": the entry overlaps another one")
    // Two records of one entry, which needs two names to come so far.
    let twice = try self.forge { parts in
      parts[1] = parts[0]
      parts[1].name = "b.npy"
    }
    var same = twice
    same.set("central1.start", to: 0)
    #expect(text(same.bytes) == "\"b.npy\": the header of the entry gives another name")
  }

  @Test("for names that come twice or cannot be shown")
  func names() throws {
    func text(_ name: String, marked: Bool = true) throws -> String {
      var forge = try self.forge { $0[0].name = name }
      if !marked {
        forge.set("central0.flags", to: 0)
        forge.set("local0.flags", to: 0)
      }
      return self.text(forge.bytes)
    }
    #expect(try text("b.npy") == "\"b.npy\": the archive holds two entries of this name")
    #expect(try text("") == "entry 1 of the archive has no name")
    for character in ["\0", "\n", "\u{1B}", "\u{7F}"] {
      #expect(
        try text("x\(character).npy")
          == "\("x\(character).npy".quotedExcerpt): the name contains a control character")
    }
    #expect(
      try text("é.npy", marked: false)
        == "\"é.npy\": the name is not ASCII and the entry does not say that it is UTF-8")
    var forge = try forge()
    forge.set("central0.name", to: 0xFF)
    #expect(self.text(forge.bytes) == "\"\u{FFFD}.npy\": the name is not valid UTF-8")
  }

  @Test("for wrong checksums and sizes")
  func contents() throws {
    let wrong: [String: UInt64] = ["central0.checksum": 1, "local0.checksum": 1]
    #expect(try text(wrong) == "\"a\": the data does not match its checksum")
    var forge = try forge()
    let place = forge.fields.first { $0.name == "local0.data" }?.place ?? 0
    var changed = forge.bytes
    changed[place + 130] ^= 1
    #expect(text(changed) == "\"a\": the data does not match its checksum")
    #expect(
      try text(["central0.size": 1])
        == "\"a.npy\": expected 1 byte of stored data, found 144")
    forge = try self.forge { $0[0].content = [UInt8]("no array".utf8) }
    #expect(text(forge.bytes).hasPrefix("\"a\": expected a NumPy file, which starts with"))
    forge = try self.forge { $0[0].content.removeLast() }
    #expect(text(forge.bytes) == "\"a\": expected 16 bytes of data for the shape [2], found 15")
  }

  @Test("for streams that are broken or hold more or less than declared", hasZlib)
  func streams() throws {
    let content = try NumPyFile.encode(Tensor<Double>.ones([3]))
    let stream = ZIPForge.stream(storing: content)
    func text(_ stream: [UInt8], of size: Int) throws -> String {
      var forge = try forge { $0[1].deflated = stream }
      for field in ["local1.size", "central1.size"] { forge.set(field, to: UInt64(size)) }
      let file = try NPZFile(bytes: forge.bytes)
      // The header is right; this is about what follows.
      return errorText { try file.tensor("b", as: Float.self) }
    }
    let size = content.count
    let prefix = "\"b\": the compressed data "
    #expect(try text(stream, of: size) == "no error")
    #expect(try text(Array(stream.dropLast()), of: size) == prefix + "ends too early")
    #expect(try text(stream + [0], of: size) == prefix + "ends before its declared end")
    #expect(
      try text(stream, of: size - 8)
        == "\"b\": expected 24 bytes of data for the shape [3], found 16")
    let long = ZIPForge.stream(storing: content + [0])
    #expect(try text(long, of: size) == prefix + "holds more than the declared \(size) bytes")
    let short = ZIPForge.stream(storing: Array(content.dropLast()))
    #expect(try text(short, of: size) == prefix + "holds less than the declared \(size) bytes")
    var broken = stream
    broken[1] ^= 1
    #expect(try text(broken, of: size) == prefix + "is not valid")
    #expect(
      try text([], of: 0)
        == "\"b\": expected a NumPy file, which starts with \"\\x93NUMPY\", "
        + "found an empty file")
    #expect(
      errorText { try text(Array(stream.prefix(1)), of: 1033) }
        == "\"b.npy\": 1 byte of compressed data cannot hold the declared 1033 bytes")
  }

  @Test("for arrays beyond the limit", hasZlib)
  func limit() throws {
    let file = try NPZFile(bytes: bytes(base64: NPZGolden.compressed), maximumBytes: 8_127)
    #expect(try file.shape(of: "zeros") == [40, 50])
    #expect(
      errorText { try file.tensor("zeros", as: Float.self) }
        == "\"zeros\": the array has 8128 bytes, more than the limit of 8127; pass a larger "
        + "maximumBytes")
    #expect(errorKind { try file.tensor("zeros", as: Float.self) } == .unsupported)
    let enough = try NPZFile(bytes: bytes(base64: NPZGolden.compressed), maximumBytes: 8_128)
    #expect(try enough.tensor("zeros", as: Float.self).count == 2_000)
    let small = try NPZFile(bytes: bytes(base64: NPZGolden.compressed), maximumBytes: 100)
    #expect(errorKind { try small.shape(of: "zeros") } == .unsupported)
  }

  @Test("without zlib name the packages that have it")
  func withoutLibrary() {
    #expect(
      errorText { try Inflater.inflate([3, 0], count: 0, isAvailable: false) }
        == "the data is compressed, and zlib, which would inflate it, is not on this system; "
        + "install the package zlib1g (Debian, Ubuntu) or zlib (Homebrew), or save without "
        + "compression")
  }
}
