import Testing

@testable import Flows

@Suite("Errors of NumPy files")
struct NumPyErrorTests {
  /// A file of version 1.0 with this header.
  private func file(_ header: String, data: Int = 0, version: UInt8 = 1) -> [UInt8] {
    let text = Array(header.utf8)
    let length = [UInt8(text.count & 0xFF), UInt8(text.count >> 8)] + (version > 1 ? [0, 0] : [])
    return [0x93] + "NUMPY".utf8 + [version, 0] + length + text
      + [UInt8](repeating: 0, count: data)
  }

  private func text(_ bytes: [UInt8]) -> String {
    errorText { try NumPyFile.decode(bytes, as: Double.self) }
  }

  private func header(
    type: String = "'<f8'", order: String = "False", shape: String = "(2,)"
  ) -> String {
    "{'descr': \(type), 'fortran_order': \(order), 'shape': \(shape)}"
  }

  @Test("accepts the spellings of other writers")
  func accepts() throws {
    let headers = [
      header(), header() + "  \n", header(shape: "(2L,)"), header(shape: "( 2 , )"),
      header(shape: "(2, 1)"), header(shape: "(1,2,)"), header(type: "\"<f8\""),
      " {\"shape\":(2,),'fortran_order':True,'descr':'<f8',}", header(type: "'=i8'"),
    ]
    for header in headers {
      for version: UInt8 in 1...3 {
        let bytes = file(header, data: 16, version: version)
        #expect(try NumPyFile.decode(bytes, as: Double.self).scalars == [0, 0], "\(header)")
      }
    }
  }

  @Test("refuses what is no NumPy file")
  func preamble() {
    #expect(
      text(Array("a,b\n1,2\n".utf8))
        == "expected a NumPy file, which starts with \"\\x93NUMPY\", found \"a,b\\n1,\"")
    let whole = file(header(), data: 16)
    #expect(text(Array(whole.prefix(7))) == "the file ends after 7 bytes, in its header")
    #expect(text(Array(whole.prefix(9))) == "the file ends after 9 bytes, in its header")
    #expect(text(Array(whole.prefix(20))) == "expected a header of 55 bytes, found 10")
    var version = whole
    version[6] = 4
    #expect(text(version) == "expected NumPy format 1.0, 2.0 or 3.0, found 4.0")
    version[6] = 1
    version[7] = 1
    #expect(text(version) == "expected NumPy format 1.0, 2.0 or 3.0, found 1.1")
    let huge: [UInt8] = [0x93] + "NUMPY".utf8 + [2, 0, 255, 255, 255, 255]
    #expect(text(huge) == "expected a header of 4294967295 bytes, found 0")
  }

  @Test("compares the declared size with the data")
  func sizes() {
    let whole = file(header(), data: 16)
    #expect(
      text(Array(whole.dropLast(5))) == "expected 16 bytes of data for the shape [2], found 11")
    #expect(text(whole + [0]) == "expected 16 bytes of data for the shape [2], found 17")
    #expect(
      text(file(header(shape: "(1,)"))) == "expected 8 bytes of data for the shape [1], found 0")
    #expect(
      text(file(header(shape: "(1000000000000,)")))
        == "expected 8000000000000 bytes of data for the shape [1000000000000], found 0")
    #expect(
      text(file(header(shape: "(4294967296, 4294967296)")))
        == "the shape [4294967296, 4294967296] is larger than any file can be")
    #expect(
      text(file(header(shape: "(9223372036854775807, 0, 2)")))
        == "the shape [9223372036854775807, 0, 2] is larger than any file can be")
    #expect(
      text(file(header(shape: "(1, 1, 1, 1, 1, 1, 1)"), data: 8))
        == "expected an array of at most 6 axes, found more")
  }

  @Test("refuses elements that are no numbers")
  func types() throws {
    let goldens = [
      (
        NumPyGolden.object,
        "the array has Python objects as elements; only plain numbers can be read"
      ),
      (NumPyGolden.structure, "the array has structured elements; only plain numbers can be read"),
      (
        NumPyGolden.complex,
        "expected elements of a type such as \"<f4\", \"<f8\" or \"<i8\", found \"<c16\""
      ),
      (
        NumPyGolden.text,
        "expected elements of a type such as \"<f4\", \"<f8\" or \"<i8\", found \"<U1\""
      ),
      (NumPyGolden.sevenAxes, "expected an array of at most 6 axes, found more"),
    ]
    for (golden, message) in goldens {
      let bytes = try bytes(base64: golden)
      #expect(text(bytes) == message)
      #expect(errorKind { try NumPyFile.decode(bytes, as: Float.self) } == .unsupported)
    }
    for type in ["''", "'<'", "'f8'", "'|f8'", "'<f16'", "'<m8[ns]'", "'é8'"] {
      #expect(text(file(header(type: type), data: 16)).hasPrefix("expected elements of a type"))
    }
  }

  @Test("refuses headers outside of the grammar")
  func grammar() {
    let prefix = "the header is not valid: "
    let cases = [
      ("", "expected \"{\", found its end"),
      ("[]", "expected \"{\", found \"[]\" at its byte 0"),
      ("{}", "the key \"descr\" is missing"),
      ("{'descr': '<f8'}", "the key \"fortran_order\" is missing"),
      ("{'descr': '<f8', 'fortran_order': True}", "the key \"shape\" is missing"),
      ("{'descr' '<f8'}", "expected \":\", found \"'<f8'}\" at its byte 9"),
      ("{'descr': '<f8' 'x'}", "expected \",\" or \"}\", found \"'x'}\" at its byte 16"),
      ("{'descr': '<f8', 'descr': '<f8'}", "the key \"descr\" comes twice"),
      ("{'a': 1}", "expected the keys \"descr\", \"fortran_order\" and \"shape\", found \"a\""),
      ("{'descr': <f8}", "expected a quoted text, found \"<f8}\" at its byte 10"),
      ("{'descr': '<f8", "the quoted text \"<f8\" does not end"),
      ("{'descr': '<\\x66", "the quoted text \"<\" does not end"),
      (
        header(order: "true"),
        "expected True or False for \"fortran_order\", found \"true, 'shape\" at its byte 34"
      ),
      (header(shape: "2"), "expected \"(\", found \"2}\" at its byte 50"),
      (header(shape: "(2)"), "expected \",\" in the shape, found \")}\" at its byte 52"),
      (header(shape: "(-2,)"), "expected the length of an axis, found \"-2,)}\" at its byte 51"),
      (header(shape: "(2.0,)"), "expected \",\" in the shape, found \".0,)}\" at its byte 52"),
      (header(shape: "(,)"), "expected the length of an axis, found \",)}\" at its byte 51"),
      (header(shape: "(2,"), "expected the length of an axis, found \"}\" at its byte 53"),
      (header() + " x", "expected its end, found \"x\" at its byte 56"),
      (header() + "\0", "expected its end, found \"\\u{0}\" at its byte 55"),
    ]
    for (header, message) in cases {
      let bytes = file(header, data: 16)
      #expect(text(bytes) == prefix + message, "\(header)")
      #expect(errorKind { try NumPyFile.decode(bytes, as: Float.self) } == .malformedFile)
    }
    #expect(
      text(file(header(shape: "(99999999999999999999,)")))
        .hasPrefix(prefix + "expected the length of an axis"))
    #expect(
      text(file(header(shape: "(02,)"), data: 16))
        .hasPrefix(prefix + "expected the length of an axis"))
  }
}
