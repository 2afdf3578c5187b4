import Testing

@testable import Flows

@Suite("Errors of CSV files")
struct CSVErrorTests {
  private func text(_ text: String, _ options: CSVOptions = .init()) -> String {
    errorText { try CSVFile.decode(Array(text.utf8), as: Double.self, options: options) }
  }

  @Test("names row, column and name of a field that is no number")
  func fields() {
    #expect(
      text("x,y\n1,2\n3,abc\n") == "row 3, column 2 (\"y\"): expected a number, found \"abc\"")
    #expect(text("1,2\n3,1.2.3\n") == "row 2, column 2: expected a number, found \"1.2.3\"")
    #expect(text("1;2\n3;1,5\n") == "row 2, column 2: expected a number, found \"1,5\"")
    #expect(text("x\n\"1\n2\"\n") == "row 2, column 1 (\"x\"): expected a number, found \"1\\n2\"")
    #expect(text("x,y\n1,2 # a\n") == "row 2, column 2 (\"y\"): expected a number, found \"2 # a\"")
    #expect(
      text("a,1\n1,2", .init(header: .absent)) == "row 1, column 1: expected a number, found \"a\"")
    let long = String(repeating: "z", count: 100_000)
    #expect(
      text("1\n\(long)")
        == "row 2, column 1: expected a number, found \"\(long.prefix(40))…\"")
    #expect(
      text("x,y\n,bad\n", .init(missingValues: .dropRow))
        == "row 2, column 2 (\"y\"): expected a number, found \"bad\"")
  }

  @Test("counts rows as an editor counts lines")
  func rows() {
    #expect(
      text("# a\n\nx,y\r\n1,2\r\n\r\n  \n# b\n3,?\n")
        == "row 8, column 2 (\"y\"): expected a number, found \"?\"")
    #expect(
      text("\"x\n1\",\"y\r\n\n2\"\n3,4\n5,?\n")
        == "row 6, column 2 (\"y\\r\\n\\n2\"): expected a number, found \"?\"")
    #expect(text("1\r2\r?") == "row 3, column 1: expected a number, found \"?\"")
  }

  @Test("refuses missing values by default")
  func missing() {
    #expect(
      text("x,y\n1,2\n,3\n") == "row 3, column 1 (\"x\"): expected a number, found an empty field")
    #expect(text("1,2\n3,\n") == "row 2, column 2: expected a number, found an empty field")
    #expect(text("1,2\n3,\" \"\n") == "row 2, column 2: expected a number, found an empty field")
    for marker in ["NA", "na", "NaN", "nan", "null", "NULL", "-nan"] {
      #expect(
        text("1,2\n3,\(marker)\n")
          == "row 2, column 2: expected a number, found the missing value \"\(marker)\"")
    }
    #expect(
      text("1,\n,2\n", .init(missingValues: .dropRow))
        == "expected rows of numbers, but a value is missing in each of 2 rows")
    #expect(
      text("1,\n", .init(allowsNonFinite: true))
        == "row 1, column 2: expected a number, found an empty field")
    #expect(errorKind { try CSVFile.decode(Array("1,".utf8), as: Float.self) } == .invalidData)
  }

  @Test("refuses numbers that are not finite by default")
  func nonFinite() {
    for word in ["inf", "-Inf", "+INFINITY"] {
      #expect(
        text("1\n\(word)\n") == "row 2, column 1: expected a finite number, found \"\(word)\"")
    }
    #expect(
      text("1\n1e400\n")
        == "row 2, column 1: expected a number in the range of Double, found \"1e400\"")
    #expect(
      text("1\n-1e400\n", .init(allowsNonFinite: true))
        == "row 2, column 1: expected a number in the range of Double, found \"-1e400\"")
    #expect(
      errorText { try CSVFile.decode(Array("1e39".utf8), as: Float.self) }
        == "row 1, column 1: expected a number in the range of Float, found \"1e39\"")
  }

  @Test("refuses rows of another length")
  func ragged() {
    #expect(text("x,y\n1,2\n3\n") == "row 3: expected 2 fields as in row 1, found 1")
    #expect(text("1,2\n3,4,\n") == "row 2: expected 2 fields as in row 1, found 3")
    #expect(text("#\nx\n1,2\n") == "row 3: expected 1 field as in row 2, found 2")
    #expect(text("1 2\n1 2 3\n") == "row 2: expected 2 fields as in row 1, found 3")
    #expect(
      text(",\n1\n", .init(missingValues: .dropRow))
        == "row 2: expected 2 fields as in row 1, found 1")
    #expect(
      errorKind { try CSVFile.decode(Array("1,2\n3".utf8), as: Float.self) } == .malformedFile)
  }

  @Test("refuses open quotes and text after a quote")
  func quotes() {
    #expect(
      text("1,2\n3,\"4\n5,6\n")
        == "row 2, column 2: expected a closing quote, found the end of the file")
    #expect(
      text("\"x\"y,z\n1,2\n")
        == "row 1, column 1: expected the end of the field after its closing quote, "
        + "found \"y,z\"")
    #expect(
      text("\"x\"\"y\" \"z\"\n1 2\n", .init(delimiter: .comma))
        == "row 1, column 1: expected the end of the field after its closing quote, "
        + "found \"\"z\"\"")
  }

  @Test("refuses files without rows")
  func empty() {
    #expect(text("") == "expected rows of numbers, found an empty file")
    for blank in ["\n", " \n\t", "# a", "\u{FEFF}"] {
      #expect(text(blank) == "expected rows of numbers, found only blank lines and comments")
    }
    #expect(text("x,y\n# 1\n") == "expected rows of numbers, found only a header")
    #expect(
      text("1,2\n", .init(header: .present)) == "expected rows of numbers, found only a header")
  }

  @Test("refuses text in another encoding")
  func encodings() {
    for mark: [UInt8] in [[0xFF, 0xFE], [0xFE, 0xFF]] {
      #expect(
        errorText { try CSVFile.decode(mark + [0x31, 0], as: Float.self) }
          == "expected text in UTF-8, found UTF-16")
    }
    let latin = [0xE9, 0x0A, 0x31] as [UInt8]
    #expect(
      errorText { try CSVFile.decode(latin, as: Float.self) }
        == "row 1, column 1: the name of the column is not valid UTF-8")
    #expect(text("1\n\0") == "row 2, column 1: expected a number, found \"\\u{0}\"")
  }

  @Test("names the file in errors")
  func namesFile() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/points.csv"
      #expect(
        errorText { try CSVFile.read(path, as: Float.self) } == "\(path): the file does not exist")
      try AtomicFile.write(Array("x,y\n1,a\n".utf8), to: path)
      #expect(
        errorText { try CSVFile.read(path, as: Float.self) }
          == "\(path), row 2, column 2 (\"y\"): expected a number, found \"a\"")
      #expect(
        errorText { try CSVFile.write(Tensor(shape: [1], scalars: [1.0]), to: path) }
          == "\(path): expected a table of rows and columns, found the shape [1]")
    }
  }
}
