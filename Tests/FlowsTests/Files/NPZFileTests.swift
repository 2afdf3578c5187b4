import CFlowKernels
import Testing

@testable import Flows

/// Whether compressed data can be read here.
let hasZlib = ConditionTrait.enabled(
  if: Inflater.isAvailable, "zlib (the package zlib1g of Debian) is not on this system")

@Suite("NPZ files")
struct NPZFileTests {
  private let table = Tensor<Double>([[1.5, -2, 3], [4, 5.25, -6]])

  private func file(_ golden: String) throws -> NPZFile {
    try NPZFile(bytes: bytes(base64: golden))
  }

  @Test("reads stored arrays of NumPy")
  func stored() throws {
    let file = try file(NPZGolden.stored)
    #expect(file.names == ["table", "counts"])
    #expect(try file.shape(of: "table") == [2, 3])
    #expect(try file.tensor("table", as: Double.self) == table)
    #expect(try file.tensor("counts", as: Float.self) == Tensor([3, -4]))
    #expect(try self.file(NPZGolden.empty).names.isEmpty)
  }

  @Test("reads compressed arrays of NumPy", hasZlib)
  func compressed() throws {
    let file = try file(NPZGolden.compressed)
    #expect(file.names == ["table", "größe", "zeros"])
    #expect(try file.names.map { try file.shape(of: $0) } == [[2, 3], [], [40, 50]])
    #expect(try file.tensor("table", as: Double.self) == table)
    #expect(try file.tensor("größe", as: Float.self) == Tensor(2.5))
    #expect(try file.tensor("zeros", as: Float.self) == .zeros([40, 50]))
  }

  @Test("reads sizes that follow the data, and ZIP64 records", hasZlib)
  func forms() throws {
    let streamed = try file(NPZGolden.streamed)
    #expect(try streamed.tensor("table", as: Double.self) == table)
    #expect(try streamed.tensor("mask", as: Float.self) == Tensor([1, 0]))
    let wide = try file(NPZGolden.wide)
    #expect(try wide.tensor("table", as: Double.self) == table)
    #expect(try wide.tensor("other", as: Double.self) == table.transposed())
  }

  @Test("writes bytes that NumPy was seen to read")
  func writesGolden() throws {
    var file = NPZFile()
    try file.add("table", table)
    try file.add("größe", Tensor<Float>(2.5))
    try file.add("none", Tensor<Float>.zeros([0, 2]))
    #expect(try file.bytes() == bytes(base64: NPZGolden.written))
    #expect(try NPZFile().bytes() == bytes(base64: NPZGolden.empty))
  }

  @Test("round trip through a file")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/arrays.npz"
      let values: [Float] = [
        0, -0.0, .leastNonzeroMagnitude, -.leastNormalMagnitude, .greatestFiniteMagnitude,
        .infinity, -.infinity, .nan, 0.1,
      ]
      // A sign that joins the dot after it to one character; a name that is all suffix; none.
      let names = ["a/b", "層", "\u{600}", ".npy", "", "a b\"c\\..", "x.npy"]
      var file = NPZFile()
      for (index, name) in names.enumerated() {
        try file.add(name, Tensor(shape: [3, 3], scalars: values.map { $0 + Float(index) }))
      }
      try file.write(to: path)
      let read = try NPZFile(contentsOf: path)
      #expect(read.names == names)
      #expect(file.names == names)
      for (index, name) in names.enumerated() {
        #expect(try read.shape(of: name) == [3, 3])
        let found = try read.tensor(name, as: Float.self).scalars
        #expect(found.map(\.bitPattern) == values.map { ($0 + Float(index)).bitPattern })
      }
      #expect(read.bytes() == file.bytes())
    }
  }

  @Test("keeps what it read when it is written again", hasZlib)
  func rewrites() throws {
    var file = try file(NPZGolden.compressed)
    try file.add("more", Tensor<Float>([1, 2]))
    let again = try NPZFile(bytes: file.bytes())
    #expect(again.names == ["table", "größe", "zeros", "more"])
    #expect(try again.tensor("table", as: Double.self) == table)
    #expect(try again.tensor("zeros", as: Float.self) == .zeros([40, 50]))
    #expect(try again.tensor("more", as: Float.self) == Tensor([1, 2]))
  }

  @Test("writes ZIP64 fields from the limits on", arguments: [1, 100, 200, 300])
  func wide(limit: Int) throws {
    let contents = try [10, 20].map {
      try NumPyFile.encode(Tensor<Double>.zeros([$0]))
    }
    let entries = contents.enumerated().map {
      ZIPEntry(name: "\($0.offset).npy", content: $0.element)
    }
    for countLimit in [1, 3] {
      let bytes = ZIPWriter(sizeLimit: limit, countLimit: countLimit).bytes(entries)
      #expect(try ZIPReader.read(bytes) == entries)
      #expect(bytes.count > ZIPWriter().bytes(entries).count)
    }
  }

  @Test("holds CRC-32 over any cut of the bytes")
  func checksum() {
    let bytes = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 37) }
    #expect(ZIPEntry.checksum(Array("123456789".utf8)[...]) == 0xCBF4_3926)
    let whole = ZIPEntry.checksum(bytes[...])
    for cut in bytes.indices {
      let first = ZIPEntry.checksum(bytes[..<cut])
      let both = bytes[cut...].withUnsafeBytes { fk_crc32(first, $0.baseAddress, $0.count) }
      #expect(both == whole)
    }
  }

  @Test("refuses names that are taken, unfit or unknown")
  func names() throws {
    var file = NPZFile()
    let tensor = Tensor<Float>([1])
    #expect(
      errorText { try file.tensor("w", as: Float.self) }
        == "\"w\": expected an array of this name, found nothing")
    try file.add("a", tensor)
    #expect(
      errorText { try file.add("a", tensor) } == "\"a\": an array of this name is there already")
    #expect(
      errorText { try file.shape(of: "w") } == "\"w\": expected an array of this name, found \"a\"")
    for name in ["a\0", "\n", "\u{7F}", String(repeating: "a", count: 65_001)] {
      #expect(errorKind { try file.add(name, tensor) } == .invalidData)
    }
    try file.add(String(repeating: "a", count: 65_000), tensor)
    #expect(try NPZFile(bytes: file.bytes()).names == file.names)
  }

  @Test("names the file in errors")
  func namesFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.npz"
      #expect(errorText { try NPZFile(contentsOf: path) } == "\(path): the file does not exist")
      try AtomicFile.write([], to: path)
      #expect(
        errorText { try NPZFile(contentsOf: path) }
          == "\(path): expected a ZIP archive, found an empty file")
      #expect(
        errorKind { try NPZFile().write(to: folder + "/none/a.npz") } == .unwritableFile)
    }
  }
}
