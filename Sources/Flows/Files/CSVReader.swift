/// Turns the records of a CSV file into a table of numbers.
struct CSVReader {
  private(set) var values: [Double] = []
  private(set) var header: [String]?
  private(set) var rows = 0
  private(set) var columns = 0
  private(set) var droppedRows = 0

  private let options: CSVOptions
  private let typeName: String
  private var scanner: CSVScanner
  private var numbers: DecimalParser

  /// Prepares to read `bytes`.
  ///
  /// - Parameter single: Whether values are rounded to `Float` instead of `Double`.
  init(_ bytes: [UInt8], options: CSVOptions, single: Bool) throws {
    self.options = options
    typeName = single ? "Float" : "Double"
    numbers = DecimalParser(single: single)
    scanner = try CSVScanner(bytes)
    switch options.delimiter {
    case .automatic: scanner.detectDelimiter()
    case .whitespace: scanner.delimiter = nil
    case .character(let character): scanner.delimiter = try CSVScanner.delimiterByte(character)
    }
  }

  /// Reads all records.
  mutating func read() throws {
    var fields: [CSVScanner.Field] = []
    // Nothing takes as much memory as a row of many short fields; growing would take it three times.
    fields.reserveCapacity(scanner.nextFieldCount)
    guard let first = try scanner.next(into: &fields) else {
      throw FlowsError(
        .invalidData,
        scanner.bytes.isEmpty
          ? "expected rows of numbers, found an empty file"
          : "expected rows of numbers, found only blank lines and comments")
    }
    columns = fields.count
    var row: Int? = first
    if isHeader(fields) {
      header = try names(fields, row: first)
      row = try scanner.next(into: &fields)
      guard row != nil else {
        throw FlowsError(.invalidData, "expected rows of numbers, found only a header")
      }
    }
    while let line = row {
      guard fields.count == columns else {
        throw FlowsError(
          .malformedFile,
          "expected \(counted(columns, "field")) as in row \(first), found \(fields.count)",
          row: line)
      }
      try appendRow(fields, line)
      row = try scanner.next(into: &fields)
    }
    if rows == 0 {
      throw FlowsError(
        .invalidData,
        "expected rows of numbers, but a value is missing in each of \(counted(droppedRows, "row"))"
      )
    }
  }

  private func isHeader(_ fields: [CSVScanner.Field]) -> Bool {
    switch options.header {
    case .present: return true
    case .absent: return false
    case .automatic:
      // A first row that mixes numbers with text is a broken row of data, not a header.
      var numbers = numbers
      var hasName = false
      for field in fields {
        let (start, end) = trimmed(field)
        if numbers.parse(scanner.bytes, start, end) != nil { return false }
        if CSVWord(scanner.bytes[start..<end]) == nil { hasName = true }
      }
      return hasName
    }
  }

  private func names(_ fields: [CSVScanner.Field], row: Int) throws -> [String] {
    try fields.enumerated().map { index, field in
      guard let name = scanner.text(field) else {
        throw FlowsError(
          .malformedFile, "the name of the column is not valid UTF-8", row: row, column: index + 1)
      }
      return name
    }
  }

  private mutating func appendRow(_ fields: [CSVScanner.Field], _ line: Int) throws {
    let start = values.count
    var isMissing = false
    for column in 0..<columns {
      let (first, end) = trimmed(fields[column])
      if let value = numbers.parse(scanner.bytes, first, end), value.isFinite {
        values.append(value)
      } else if let value = try word(first, end, line, column) {
        values.append(value)
      } else {
        // The rest of the row is still read, so that an error in it is not hidden.
        isMissing = true
      }
    }
    if isMissing {
      values.removeLast(values.count - start)
      droppedRows += 1
    } else {
      rows += 1
    }
  }

  /// The value of a field that is not a finite number, or nil if the row is to be left out.
  private func word(_ start: Int, _ end: Int, _ line: Int, _ column: Int) throws -> Double? {
    let bytes = scanner.bytes[start..<end]
    let found: String
    switch CSVWord(bytes) {
    case .notANumber? where options.allowsNonFinite: return .nan
    case .infinity(let value)? where options.allowsNonFinite: return value
    case .infinity?: found = "expected a finite number, found \(quotedExcerpt(bytes))"
    case .missing?, .notANumber?:
      if options.missingValues == .dropRow { return nil }
      found =
        bytes.isEmpty
        ? "expected a number, found an empty field"
        : "expected a number, found the missing value \(quotedExcerpt(bytes))"
    case nil:
      // A valid number comes here only when it is beyond the range.
      var numbers = numbers
      let isNumber = numbers.parse(scanner.bytes, start, end) != nil
      found =
        "expected a number\(isNumber ? " in the range of \(typeName)" : ""), "
        + "found \(quotedExcerpt(bytes))"
    }
    throw FlowsError(
      .invalidData, found, row: line, column: column + 1, field: header?[column])
  }

  /// The place of a field's content without white space inside its quotes.
  private func trimmed(_ field: CSVScanner.Field) -> (start: Int, end: Int) {
    var (start, end) = (field.start, field.end)
    if field.quoted {
      let isSpace = { (byte: UInt8) in byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
      while start < end, isSpace(scanner.bytes[start]) { start += 1 }
      while end > start, isSpace(scanner.bytes[end - 1]) { end -= 1 }
    }
    return (start, end)
  }
}

/// A word that may stand in place of a number.
enum CSVWord: Equatable {
  /// Nothing, `NA` or `null`.
  case missing
  /// `nan`, which is a number to some and a missing value to others.
  case notANumber
  /// `inf` or `infinity`, with its sign.
  case infinity(Double)

  /// Recognizes a word in capitals or not; nil for anything else.
  init?(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count <= 9 else { return nil }
    switch String(decoding: bytes, as: UTF8.self).lowercased() {
    case "", "na", "null": self = .missing
    case "nan", "+nan", "-nan": self = .notANumber
    case "inf", "+inf", "infinity", "+infinity": self = .infinity(.infinity)
    case "-inf", "-infinity": self = .infinity(-.infinity)
    default: return nil
    }
  }
}
