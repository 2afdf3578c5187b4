import Testing

@testable import Flows

@Suite("Errors of safetensors files")
struct SafetensorsErrorTests {
  private func file(_ header: String, data: Int = 0) -> [UInt8] {
    file(Array(header.utf8), data: data)
  }

  private func file(_ header: [UInt8], data: Int = 0) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: header.count >> ($0 * 8)) } + header
      + [UInt8](repeating: 0, count: data)
  }

  private func text(_ bytes: [UInt8]) -> String { errorText { try SafetensorsFile(bytes: bytes) } }

  private func entry(
    _ offsets: String, shape: String = "[2]", type: String = "\"F32\""
  ) -> String {
    "{\"dtype\":\(type),\"shape\":\(shape),\"data_offsets\":\(offsets)}"
  }

  @Test("accepts the spellings of other writers")
  func accepts() throws {
    let header = """
       { "b" : { "data_offsets" : [ 8 , 16 ] , "shape" : [ 2 ] , "dtype" : "F32" } ,\r
       \t"\\u00e9\\ud83d\\ude42" : \(entry("[0,8]")) , "__metadata__" : { } }\u{20}
      """
    let file = try SafetensorsFile(bytes: file(header, data: 16))
    #expect(file.names == ["é🙂", "b"])
    #expect(file.metadata.isEmpty)
  }

  @Test("checks the length of the header")
  func lengths() {
    #expect(text([]) == "expected at least 8 bytes, found 0")
    #expect(text([1, 2, 3]) == "expected at least 8 bytes, found 3")
    #expect(
      text([UInt8](repeating: 255, count: 8))
        == "expected a header of at most 100000000 bytes, found a length of 18446744073709551615")
    #expect(
      text([1, 225, 245, 5, 0, 0, 0, 0])
        == "expected a header of at most 100000000 bytes, found a length of 100000001")
    #expect(text([3, 0, 0, 0, 0, 0, 0, 0, 0x7B]) == "expected a header of 3 bytes, found 1")
    #expect(text(file([0x7B, 0xFF, 0x7D])) == "the header is not valid UTF-8")
    #expect(errorKind { try SafetensorsFile(bytes: []) } == .malformedFile)
  }

  @Test("checks that the arrays cover the data exactly")
  func offsets() {
    func one(_ entry: String, _ data: Int) -> String { text(file("{\"w\":\(entry)}", data: data)) }
    #expect(
      one(entry("[0,7]"), 7) == "\"w\": expected 8 bytes of data for the shape [2], found 7")
    #expect(
      one(entry("[8,16]"), 16)
        == "\"w\": expected the data to begin at byte 0, found 8, which leaves a gap before it")
    #expect(one(entry("[0,8]"), 9) == "expected 8 bytes of data, found 9")
    #expect(
      one(entry("[0,8]"), 5) == "\"w\": the data ends at byte 8, but the file holds only 5")
    #expect(
      one(entry("[8,0]"), 8)
        == "\"w\": expected \"data_offsets\" to be a begin and an end, found [8, 0]")
    #expect(
      one(entry("[0]"), 8)
        == "\"w\": expected \"data_offsets\" to be a begin and an end, found [0]")
    #expect(
      one(entry("[0,8]", shape: "[4294967296,4294967296]"), 8)
        == "\"w\": the shape is larger than any file can be")
    #expect(
      one(entry("[0,0]", shape: "[9223372036854775807,0,3]"), 0)
        == "\"w\": the shape is larger than any file can be")
    #expect(text(file("{}", data: 1)) == "expected 0 bytes of data, found 1")
    #expect(
      text(file("{\"v\":\(entry("[0,8]")),\"w\":\(entry("[4,12]"))}", data: 12))
        == "\"w\": expected the data to begin at byte 8, found 4, which overlaps other data")
    #expect(
      text(file("{\"v\":\(entry("[0,8]")),\"w\":\(entry("[0,8]"))}", data: 8))
        == "\"w\": expected the data to begin at byte 8, found 0, which overlaps other data")
  }

  @Test("checks the content of the header")
  func content() {
    let cases = [
      (
        "{\"w\":\(entry("[0,8]")),\"w\":\(entry("[0,8]"))}",
        "\"w\": the name comes twice in the header"
      ),
      (
        "{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}",
        "\"a\": the key comes twice in \"__metadata__\""
      ),
      ("{\"w\":{}}", "\"w\": the key \"dtype\" is missing"),
      ("{\"w\":{\"dtype\":\"F32\"}}", "\"w\": the key \"shape\" is missing"),
      (
        "{\"w\":{\"dtype\":\"F32\",\"shape\":[]}}", "\"w\": the key \"data_offsets\" is missing"
      ),
      (
        "{\"w\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}", "\"w\": the key \"dtype\" comes twice"
      ),
      (
        "{\"w\":{\"x\":1}}",
        "\"w\": expected the keys \"dtype\", \"shape\" and \"data_offsets\", found \"x\""
      ),
      (
        "{\"w\":\(entry("[0,8]", type: "\"F8_E4M3\""))}",
        "\"w\": expected elements of a type such as \"F32\" or \"F64\", found \"F8_E4M3\""
      ),
    ]
    for (header, message) in cases {
      #expect(text(file(header, data: 8)) == message)
    }
    let bytes = file("{\"w\":\(entry("[0,8]", type: "\"C64\""))}", data: 8)
    #expect(errorKind { try SafetensorsFile(bytes: bytes) } == .unsupported)
  }

  @Test("refuses headers outside of the grammar")
  func grammar() {
    let prefix = "the header is not valid: "
    let cases = [
      ("", "expected \"{\", found its end"),
      ("[]", "expected \"{\", found \"[]\" at its byte 0"),
      ("{", "expected a quoted text, found its end"),
      ("{} x", "expected its end, found \"x\" at its byte 3"),
      ("{\"w\" 1}", "expected \":\", found \"1}\" at its byte 5"),
      ("{\"w\":1}", "expected \"{\", found \"1}\" at its byte 5"),
      ("{\"w\":{\"dtype\":1}}", "expected a quoted text, found \"1}}\" at its byte 14"),
      ("{\"w\":{\"shape\":2}}", "expected \"[\", found \"2}}\" at its byte 14"),
      ("{\"w\":{\"shape\":[2}}", "expected \",\" or \"]\", found \"}}\" at its byte 16"),
      ("{\"__metadata__\":{\"a\":1}}", "expected a quoted text, found \"1}}\" at its byte 21"),
      ("{\"__metadata__\":{\"a\":\"b\"", "expected \",\" or \"}\", found its end"),
      ("{\"__metadata__\":null}", "expected \"{\", found \"null}\" at its byte 16"),
      ("{\"__metadata__\":{},}", "expected a quoted text, found \"}\" at its byte 19"),
      ("{\"w", "the text \"w\" does not end"),
      ("{\"w\n\"", "the text \"w\" contains a control character"),
      (
        "{\"\\x\"",
        "expected one of the escapes of JSON before this place, found \"\"\" at its byte 4"
      ),
      ("{\"\\u12\"", "expected four hexadecimal digits, found \"\"\" at its byte 6"),
      (
        "{\"\\ud800\"",
        "expected a Unicode character in the escape before this place, "
          + "found \"\"\" at its byte 8"
      ),
      (
        "{\"\\ud800\\u0041\"",
        "expected a Unicode character in the escape before this place, "
          + "found \"\"\" at its byte 14"
      ),
      (
        "{\"\\udc00\"",
        "expected a Unicode character in the escape before this place, "
          + "found \"\"\" at its byte 8"
      ),
    ]
    for (header, message) in cases {
      #expect(text(file(header)) == prefix + message, "\(header)")
      #expect(errorKind { try SafetensorsFile(bytes: file(header)) } == .malformedFile)
    }
    for number in ["-1", "1.0", "1e3", "01", "9223372036854775808", "", "true", "[0]", "\"1\""] {
      let message = text(file("{\"w\":\(entry("[0,8]", shape: "[2,\(number)]"))}", data: 8))
      #expect(message.hasPrefix(prefix + "expected "), "\(number)")
    }
    let deep = String(repeating: "{\"a\":", count: 100_000)
    #expect(text(file(deep)).hasPrefix("\"a\": expected the keys"))
  }

  @Test("names the file in errors")
  func namesFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/a.safetensors"
      #expect(
        errorText { try SafetensorsFile(contentsOf: path) } == "\(path): the file does not exist")
      try AtomicFile.write([1], to: path)
      #expect(
        errorText { try SafetensorsFile(contentsOf: path) }
          == "\(path): expected at least 8 bytes, found 1")
    }
  }
}
