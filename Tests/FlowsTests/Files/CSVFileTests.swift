import Testing

@testable import Flows

@Suite("CSV files")
struct CSVFileTests {
  private func read(
    _ text: String, _ options: CSVOptions = .init()
  ) throws -> CSVTable<Double> {
    try CSVFile.decode(Array(text.utf8), options: options)
  }

  private func expect(
    _ text: String, _ rows: [[Double]], header: [String]? = nil, _ options: CSVOptions = .init(),
    at place: SourceLocation = #_sourceLocation
  ) throws {
    let table = try read(text, options)
    #expect(table.tensor.shape == [rows.count, rows.first?.count ?? 0], sourceLocation: place)
    #expect(table.tensor.scalars == rows.flatMap { $0 }, sourceLocation: place)
    #expect(table.header == header, sourceLocation: place)
  }

  @Test("reads rows with and without a final line end")
  func lines() throws {
    for end in ["", "\n", "\r\n", "\r", "\n\n  \n", "\n# end"] {
      try expect("1,2\n3,4\(end)", [[1, 2], [3, 4]])
      try expect("1,2\r\n3,4\(end)", [[1, 2], [3, 4]])
      try expect("\n# note, with comma\n \t\n1,2\n\n  # 5,6\n3,4\(end)", [[1, 2], [3, 4]])
    }
    try expect("1\r2\r\n3\n4", [[1], [2], [3], [4]])
    try expect("\u{FEFF}1,2\n", [[1, 2]])
    try expect("\u{FEFF}x,y\n1,2\n", [[1, 2]], header: ["x", "y"])
    try expect("7", [[7]])
  }

  @Test("detects the delimiter")
  func delimiters() throws {
    for text in [
      "x,y\n1,2", "x;y\n1;2", "x\ty\n1\t2", "x y\n1 2", "  x   y  \n 1 \t 2 \n", "x , y\n 1 ,\t2 ",
      "\"x\" \"y\"\n1 2", "x,y\t\n1,2", "\"x\",\"y\"\n\"1\",\"2\"", "# a;b\nx,y\n1,2",
    ] {
      try expect(text, [[1, 2]], header: ["x", "y"])
    }
    try expect("\"a;b\",\"c\td\"\n1,2", [[1, 2]], header: ["a;b", "c\td"])
    try expect("\"my name\"\n1\n", [[1]], header: ["my name"])
    try expect("x\n1\n2", [[1], [2]], header: ["x"])
    try expect("x\t\n1\n2", [[1], [2]], header: ["x"])
  }

  @Test("uses the given delimiter")
  func givenDelimiters() throws {
    try expect("a b|c\n1|2", [[1, 2]], header: ["a b", "c"], .init(delimiter: .character("|")))
    try expect("my name\n1", [[1]], header: ["my name"], .init(delimiter: .comma))
    try expect("1\t2\n", [[1, 2]], .init(delimiter: .tab))
    try expect("1\t2 3\n", [[1, 2, 3]], .init(delimiter: .whitespace))
    try expect("1 2\n", [[1, 2]], .init(delimiter: .character(" ")))
    try expect("a,b;c\n1;2", [[1, 2]], header: ["a,b", "c"], .init(delimiter: .semicolon))
    for character: Character in ["\"", "\n", "\r\n", "#", "+", "-", ".", "5", "e", "é", "\0"] {
      #expect(
        errorText { try read("1", .init(delimiter: .character(character))) }
          == "expected a delimiter such as a comma, found \(String(character).quotedExcerpt)")
    }
  }

  @Test("reads quoted fields")
  func quotes() throws {
    try expect(
      "\"a \"\"b\"\"\", \"c\nd\" ,\" e\"\n\"1\",\" 2 \",3\n", [[1, 2, 3]],
      header: ["a \"b\"", "c\nd", " e"])
    try expect("\"\",x\n1,2", [[1, 2]], header: ["", "x"])
    try expect("a\"b,c\n1,2", [[1, 2]], header: ["a\"b", "c"], .init(delimiter: .comma))
    try expect("\"#a\",b\n1,2", [[1, 2]], header: ["#a", "b"])
  }

  @Test("detects the header")
  func headers() throws {
    // A row of numbers and text is a broken row, not a header, unless a header was announced.
    #expect(
      errorText { try read("1,x\n1,2", .init()) }
        == "row 1, column 2: expected a number, found \"x\"")
    try expect("1,x\n1,2", [[1, 2]], header: ["1", "x"], .init(header: .present))
    try expect(",x\n1,2", [[1, 2]], header: ["", "x"])
    try expect("1990,1991\n1,2", [[1990, 1991], [1, 2]])
    try expect("1990,1991\n1,2", [[1, 2]], header: ["1990", "1991"], .init(header: .present))
    try expect("1,1e999\n1,2", [[1, 2]], header: ["1", "1e999"], .init(header: .present))
    try expect("+1.5e-3,-.5\n", [[0.0015, -0.5]])
    try expect("1,2", [[1, 2]], .init(header: .absent))
    try expect("größe,層\n1,2", [[1, 2]], header: ["größe", "層"])
    // Markers are data of a row that lacks something, not names.
    try expect("NA,1\n1,2", [[1, 2]], .init(missingValues: .dropRow))
  }

  @Test("drops and counts rows with missing values")
  func missing() throws {
    let text = "x,y\n1,2\n,3\n4,NA\nNaN,null\n\" \",6\nna,NULL\n7,8\n+nan,1\n,\n"
    let table = try read(text, .init(missingValues: .dropRow))
    #expect(table.tensor.shape == [2, 2])
    #expect(table.tensor.scalars == [1, 2, 7, 8])
    #expect(table.droppedRows == 7)
    #expect(try read("1,2").droppedRows == 0)
  }

  @Test("reads numbers that are not finite when allowed")
  func nonFinite() throws {
    let text = "nan,inf\n-INF,+Infinity\n-NaN,1\n,2\n"
    let table = try read(text, .init(missingValues: .dropRow, allowsNonFinite: true))
    #expect(table.tensor.shape == [3, 2])
    let values = table.tensor.scalars
    #expect(values[0].isNaN && values[4].isNaN)
    #expect(values[1...3] == [.infinity, -.infinity, .infinity])
    #expect(table.droppedRows == 1)
  }

  @Test("reads Float with a single rounding")
  func float() throws {
    let table: CSVTable<Float> = try CSVFile.decode(Array("0.1,16777217.0000001\n".utf8))
    #expect(table.tensor.scalars == [0.1, 16_777_218])
  }

  @Test("round trip through a file")
  func roundTrip() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/table.csv"
      var generator = SplitMix(state: 3)
      var values: [Double] = [0, -0.0, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 0.1, 1e22]
      while values.count < 600 {
        let value = Double(bitPattern: generator.next())
        if value.isFinite { values.append(value) }
      }
      let names = ["a", "b c", "", "d\"e\r\n,;\t#", "#f", " g "]
      for delimiter: Character in [",", ";", "\t", " ", "|"] {
        let tensor = Tensor(shape: [100, 6], scalars: values)
        try CSVFile.write(tensor, to: path, header: names, delimiter: delimiter)
        let options = CSVOptions(delimiter: .character(delimiter))
        let table = try CSVFile.read(path, as: Double.self, options: options)
        #expect(table.tensor.shape == [100, 6])
        #expect(table.tensor.scalars.map(\.bitPattern) == values.map(\.bitPattern))
        #expect(table.header == names)
        if delimiter != "|" {
          #expect(try CSVFile.read(path, as: Double.self).header == names)
        }
      }
      let floats = values.map { Float($0) }.map { $0.isFinite ? $0 : 1 }
      try CSVFile.write(Tensor(shape: [200, 3], scalars: floats), to: path)
      let table = try CSVFile.read(path, as: Float.self)
      #expect(table.tensor.scalars.map(\.bitPattern) == floats.map(\.bitPattern))
      #expect(table.header == nil)
    }
  }

  @Test("round trip of values that are easily lost")
  func awkward() throws {
    func check<S: TensorScalar>(_ type: S.Type) throws {
      let values = awkwardValues(S.self)
      for delimiter: Character in [",", " "] {
        let bytes = try CSVFile.encode(
          Tensor(shape: [values.count / 2, 2], scalars: values), header: nil, delimiter: delimiter)
        let table = try CSVFile.decode(bytes, as: S.self, options: .init(allowsNonFinite: true))
        expectSame(table.tensor.scalars, values)
      }
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test("a byte order mark that begins the first name is kept, in quotes")
  func markInName() throws {
    // Unquoted, it would be taken for the mark of the file.
    let names = ["\u{FEFF}x", "\u{FEFF}"]
    let tensor = Tensor<Double>([[1, 2]])
    let table = try CSVFile.decode(
      CSVFile.encode(tensor, header: names, delimiter: ","), as: Double.self)
    #expect(table.header == names)
  }

  @Test("writes short numbers")
  func writes() throws {
    let tensor = Tensor(shape: [2, 2], scalars: [0.1, 1, -.infinity, -.nan] as [Float])
    let bytes = try CSVFile.encode(tensor, header: ["x", "y z"], delimiter: ";")
    #expect(String(decoding: bytes, as: UTF8.self) == "x;\"y z\"\n0.1;1.0\n-inf;nan\n")
    #expect(
      errorText { try CSVFile.encode(tensor, header: ["x"], delimiter: ",") }
        == "expected 2 names in the header, found 1")
    #expect(
      errorText { try CSVFile.encode(tensor, header: nil, delimiter: "e") }
        == "expected a delimiter such as a comma, found \"e\"")
    for shape in [[4], [2, 2, 1]] {
      let other = Tensor(shape: shape, scalars: tensor.scalars)
      #expect(
        errorText { try CSVFile.encode(other, header: nil, delimiter: ",") }
          == "expected a table of rows and columns, found the shape \(shape)")
    }
  }
}
