import Foundation
import Testing

@testable import Flows

/// The readers on inputs that make them take as much memory as they can, against the bounds that
/// their documentation states.
@Suite(
  "Memory of readers",
  .enabled(if: AllocationMeter.isCounting, "memory is counted with glibc and without sanitizers"))
struct AllocationBoundTests {
  /// Enough that no tensor comes from the lists that keep freed memory.
  private static let size = 5 << 19
  private static let fixed = 256 << 10

  /// Text of about ``size`` bytes that says the same over and over.
  private func repeated(_ part: String, size: Int = size) -> String {
    String(repeating: part, count: size / part.utf8.count)
  }

  /// Text of about ``size`` bytes made of parts by their number.
  private func numbered(size: Int = size, _ part: (Int) -> String) -> String {
    var text = ""
    var number = 0
    while text.utf8.count < size {
      text += part(number)
      number += 1
    }
    return text
  }

  private func expect(
    _ what: String, _ bytes: [UInt8], perByte share: Int, accepted: Bool? = nil,
    at place: SourceLocation = #_sourceLocation, _ body: ([UInt8]) throws -> Void
  ) {
    var failed = false
    // The bytes of the file are held as well.
    let peak =
      bytes.count
      + AllocationMeter.peak {
        do { try body(bytes) } catch { failed = true }
      }.bytes
    #expect(
      peak <= Self.fixed + share * bytes.count, "\(what): \(peak / bytes.count) for each byte",
      sourceLocation: place)
    if let accepted { #expect(failed != accepted, "\(what)", sourceLocation: place) }
  }

  @Test("is bounded for CSV")
  func csv() {
    // No tensor comes of rows that are refused.
    let small = 1 << 18
    let texts: [(String, String, Bool?)] = [
      ("a row of digits", repeated("1,") + "1", true),
      ("a column of digits", repeated("1\n"), true),
      ("rows of digits", repeated("1 2 3 4\n"), true),
      ("a row of empty fields", repeated(",", size: small), false),
      ("a row of names", repeated("a,", size: small) + "a\n", false),
      ("a row of long names", repeated("aaaaaaaaaaaaaaaa,", size: small) + "a\n", false),
      ("rows with one missing value", repeated("1,1,1,1,1,1,1,1,\n", size: small), false),
      ("names in odd quotes", "a\"b,\"c\nd\"" + repeated(",a", size: small), false),
      ("a name of quotes", "\"" + repeated("\"\"") + "\"\n1\n", true),
    ]
    for (what, text, accepted) in texts {
      expect(what, Array(text.utf8), perByte: 48, accepted: accepted) {
        _ = try CSVFile.decode($0, as: Double.self, options: .init(missingValues: .dropRow))
      }
      expect(what + ", Float", Array(text.utf8), perByte: 48) {
        _ = try CSVFile.decode($0, as: Float.self, options: .init(header: .present))
      }
    }
  }

  @Test("is bounded for npy")
  func npy() {
    for (type, width) in [("|i1", 1), ("<f2", 2), (">f4", 4), ("<f8", 8)] {
      for order in ["False", "True"] {
        let columns = Self.size / 1024 / width
        let header = "{'descr': '\(type)', 'fortran_order': \(order), 'shape': (1024, \(columns))}"
        let bytes =
          [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
          + [UInt8](repeating: 0, count: Self.size)
        expect("npy \(type) \(order)", bytes, perByte: 26, accepted: true) {
          _ = try NumPyFile.decode($0, as: Double.self)
        }
      }
    }
    let text = "{'descr': '<f8', '" + repeated("x")
    let count = text.utf8.count
    let long =
      [0x93] + Array("NUMPY".utf8) + [2, 0]
      + (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
      + Array(text.utf8)
    expect("npy with a long key", long, perByte: 26, accepted: false) {
      _ = try NumPyFile.decode($0, as: Double.self)
    }
  }

  @Test("is bounded for safetensors")
  func safetensors() {
    func file(_ header: String, data: Int = 0) -> [UInt8] {
      let text = Array(header.utf8)
      return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) } + text
        + [UInt8](repeating: 0, count: data)
    }
    let entry = "{\"dtype\":\"I8\",\"shape\":[0],\"data_offsets\":[0,0]}"
    let headers = [
      ("metadata", "{\"__metadata__\":{" + numbered { "\"\($0)\":\"\"," } + "\"\":\"\"}}"),
      ("arrays", "{" + numbered { "\"\($0)\":\(entry)," } + "\"\":\(entry)}"),
      ("a long name", "{\"" + repeated("n") + "\":\(entry)}"),
      ("a long name of two bytes", "{\"" + repeated("é") + "\":\(entry)}"),
      ("escapes", "{\"" + repeated("\\n") + "\":\(entry)}"),
      (
        "a long shape",
        "{\"x\":{\"dtype\":\"I8\",\"data_offsets\":[0,0],\"shape\":[0" + repeated(",1")
          + "]}}"
      ),
    ]
    for (what, header) in headers {
      expect("safetensors with \(what)", file(header), perByte: 24, accepted: true) {
        _ = try SafetensorsFile(bytes: $0)
      }
    }
    let data =
      "{\"x\":{\"dtype\":\"I8\",\"shape\":[\(Self.size)],\"data_offsets\":[0,\(Self.size)]}}"
    expect("safetensors with data", file(data, data: Self.size), perByte: 24, accepted: true) {
      _ = try SafetensorsFile(bytes: $0).tensor("x", as: Double.self)
    }
  }

  @Test("is bounded for descriptions of models")
  func descriptions() throws {
    let size = 1 << 18
    let text = try #require(try smallModel().safetensors().metadata["flows.model"])
    let norm = "{\"configuration\":{\"dimension\":2},\"type\":\"ActNorm\"}"
    let order = "\"order\":[1,0]"
    let changes = [
      ("widths", "\"hidden\":[4]", "\"hidden\":[4" + repeated(",1", size: size) + "]"),
      ("an order", order, "\"order\":[1,0" + repeated(",1", size: size) + "]"),
      ("fractions", order, "\"order\":[1,0" + repeated(",1.5", size: size) + "]"),
      ("parts", norm, norm + repeated("," + norm, size: size)),
      ("unknown parts", norm, norm + repeated(",{\"type\":\"\"}", size: size)),
      ("a long type", "\"ActNorm\"", "\"" + repeated("x", size: size) + "\""),
      ("lists", order, "\"order\":[1" + repeated(",[]", size: size) + "]"),
      ("objects", order, "\"order\":[1" + repeated(",{}", size: size) + "]"),
      ("keys", order, "\"order\":{\"\":1" + numbered(size: size) { ",\"\($0)\":1" } + "}"),
      ("flags", "[true,false]", "[true,false" + repeated(",true", size: size) + "]"),
    ]
    for (what, part, other) in changes {
      #expect(text.contains(part))
      var file = try smallModel().safetensors()
      file.metadata["flows.model"] = text.replacingOccurrences(of: part, with: other)
      let bytes = try file.bytes()
      var message = ""
      expect("a model with \(what)", bytes, perByte: 256, accepted: true) {
        let file = try SafetensorsFile(bytes: $0)
        message = errorText { try NormalizingFlow<Float>(file) }
      }
      #expect(message.utf8.count < 1_000)
      #expect(message != "no error")
    }
  }

  @Test("is bounded for npz")
  func npz() throws {
    let many = (0..<8_000).map { ZIPForge.Part(name: "\($0).npy", content: []) }
    expect("npz of many entries", ZIPForge(many).bytes, perByte: 16, accepted: true) {
      _ = try NPZFile(bytes: $0)
    }
    let header = "{'descr': '|i1', 'fortran_order': True, 'shape': (1024, \(Self.size / 1024))}"
    let array =
      [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
      + [UInt8](repeating: 0, count: Self.size)
    let stored = ZIPForge([.init(name: "a.npy", content: array)]).bytes
    expect("npz with a stored array", stored, perByte: 27, accepted: true) {
      _ = try NPZFile(bytes: $0).tensor("a", as: Double.self)
    }
    // A shape beyond the data takes nothing, whatever the directory declares.
    var lie = ZIPForge([
      .init(name: "a.npy", content: [], deflated: [UInt8](repeating: 0, count: 1 << 16))
    ])
    for field in ["local0.size", "central0.size"] { lie.set(field, to: 1032 << 16) }
    expect("npz that lies", lie.bytes, perByte: 16, accepted: false) {
      _ = try NPZFile(bytes: $0).tensor("a", as: Double.self)
    }
  }

  @Test("is bounded by the declared size where data is compressed", hasZlib)
  func compressed() throws {
    let file = try bytes(base64: NPZGolden.compressed)
    let peak = try AllocationMeter.peak {
      try NPZFile(bytes: file).tensor("zeros", as: Double.self)
    }.bytes
    #expect(peak <= Self.fixed + 27 * 8128)
    // Of a large array, the header alone is inflated for its shape.
    let shape = try AllocationMeter.peak { try NPZFile(bytes: file).shape(of: "zeros") }.bytes
    #expect(shape < 80 << 10)
  }

  @Test("is asked for before a file is read")
  func largeFiles() {
    #expect(FileBytes.canHold(1 << 20))
    #expect(!FileBytes.canHold(.max - 64))
  }

  @Test("is bounded for files on the disk")
  func disk() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/bytes"
      try AtomicFile.write([UInt8](repeating: 0, count: Self.size), to: path)
      let peak = try AllocationMeter.peak { try FileBytes.read(path) }.bytes
      #expect(peak <= Self.size + Self.fixed)
    }
  }
}
