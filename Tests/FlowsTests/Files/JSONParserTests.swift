import Foundation
import Testing

@testable import Flows

@Suite("JSON")
struct JSONParserTests {
  private func parse(_ text: String) throws -> JSONValue {
    try JSONParser.parse(Array(text.utf8), subject: "it is not valid")
  }

  @Test("is read as values")
  func values() throws {
    let cases: [(String, JSONValue)] = [
      ("null", .null), (" true\n", .bool(true)), ("false", .bool(false)), ("0", .integer(0)),
      ("-12", .integer(-12)), ("9223372036854775807", .integer(.max)),
      ("9223372036854775808", .number(0x1p63)), ("-9223372036854775808", .integer(.min)),
      ("-9223372036854775809", .number(-0x1p63)),
      ("1.0", .number(1)), ("1e2", .number(100)), ("-2.5E-1", .number(-0.25)),
      ("0.1", .number(0.1)), ("\"a\\u00e9\\n\"", .string("aé\n")), ("[]", .array([])),
      ("{}", .object([:])),
      ("[1, [2], {}]", .array([.integer(1), .array([.integer(2)]), .object([:])])),
      (
        "{\"a\": {\"b\" : [ ] }, \"\":null}", .object(["a": .object(["b": .array([])]), "": .null])
      ),
    ]
    for (text, value) in cases { #expect(try parse(text) == value, "\(text)") }
    guard case .number(let zero) = try parse("-0") else { throw FlowsError(.invalidData, "-0") }
    #expect(zero.sign == .minus)
  }

  @Test("of Foundation is read and written again")
  func foundation() throws {
    for value in [
      JSONValue.array([
        .number(0.1), .number(1e300), .number(.leastNonzeroMagnitude), .number(-0.0),
        .integer(.min),
      ]),
      .object(["é\"/\\\u{1}\u{7F}🙂": .array([.null, .bool(true), .string("")])]),
    ] {
      #expect(try JSONValue(encoding: value) == value)
    }
  }

  @Test("is refused outside of its grammar")
  func grammar() {
    let cases = [
      ("", "expected a value, found its end"),
      ("tru", "expected a value, found \"tru\" at its byte 0"),
      ("1 2", "expected its end, found \"2\" at its byte 2"),
      ("[1,]", "expected a value, found \"]\" at its byte 3"),
      ("[1 2]", "expected \",\" or \"]\", found \"2]\" at its byte 3"),
      ("{\"a\" 1}", "expected \":\", found \"1}\" at its byte 5"),
      ("{\"a\":1,}", "expected a quoted text, found \"}\" at its byte 7"),
      ("{\"a\":1", "expected \",\" or \"}\", found its end"),
      ("\"a", "the text \"a\" does not end"),
    ]
    for (text, message) in cases {
      #expect(errorText { try parse(text) } == "it is not valid: " + message)
    }
    for number in [
      "-", "01", "-01", "1.", ".5", "-.5", "1.e1", "1e", "1e+", "1e999", "+1", "1-2", "1.2.3",
      "--1",
      "0x1", "00",
    ] {
      #expect(errorKind { try parse(number) } == .malformedFile, "\(number)")
    }
    #expect(
      errorText { try parse("{\"a\":1,\"a\":2}") }
        == "\"a\": it is not valid: a key comes twice")
    #expect(
      errorText { try JSONParser.parse([0x22, 0xFF, 0x22], subject: "it is not valid") }
        == "it is not valid: it is not UTF-8")
    for (open, close) in [("[", "]"), ("{\"\":", "}")] {
      let nested = {
        String(repeating: open, count: $0) + "1" + String(repeating: close, count: $0)
      }
      #expect(errorKind { try parse(nested(256)) } == nil)
      #expect(errorText { try parse(nested(257)) }.contains("expected at most 256 levels"))
      #expect(errorKind { try parse(nested(100_000)) } == .malformedFile)
    }
  }
}
