import Foundation
import Testing

@testable import Flows

@Suite("FlowsError")
struct FlowsErrorTests {
  @Test("describes the place and the message in one line")
  func describes() {
    let error = FlowsError(
      .invalidData, "expected a number, found \"abc\"", file: "points.csv", row: 17, column: 3,
      field: "y")
    let text = "points.csv, row 17, column 3 (\"y\"): expected a number, found \"abc\""
    #expect(error.description == text)
    #expect(error.errorDescription == text)
    #expect(error.localizedDescription == text)
    #expect("\(error)" == text)
  }

  @Test("leaves out what is not known")
  func describesPartly() {
    #expect(FlowsError(.unsupported, "no").description == "no")
    #expect(FlowsError(.unsupported, "no", row: 2, column: 1).description == "row 2, column 1: no")
    #expect(FlowsError(.modelMismatch, "no", field: "w").description == "\"w\": no")
    #expect(FlowsError(.invalidData, "no", file: "a").description == "a: no")
  }

  @Test("names a file only once")
  func namesFile() throws {
    let error = FlowsError(.invalidData, "no", row: 1)
    #expect(error.inFile("a").file == "a")
    #expect(error.inFile("a").inFile("b") == error.inFile("a"))
    #expect(errorText { try namingFile("c") { throw error } } == "c, row 1: no")
  }

  @Test("keeps quoted text short and printable")
  func excerpts() {
    #expect("a\n\t\r\u{1B}[1m\u{202E}".quotedExcerpt == "\"a\\n\\t\\r\\u{1b}[1m\\u{202e}\"")
    #expect(String(repeating: "é", count: 50).quotedExcerpt.count == 43)
    #expect(quotedExcerpt([0xFF, 0x41]) == "\"\u{FFFD}A\"")
    #expect(String(validUTF8: [0xC3, 0xA9]) == "é")
    #expect(String(validUTF8: [0xC3]) == nil)
    #expect(String(validUTF8: [0xED, 0xA0, 0x80]) == nil)
  }
}
