/// Reads and writes tables of numbers as text with separated fields.
///
/// The format is RFC 4180 with what occurs in practice besides: other delimiters, white space around
/// fields, comment lines that start with `#`, blank lines, and a byte order mark. Numbers are
/// written with a decimal point, whatever the language of the system.
///
/// Memory: reading takes at most 48 bytes for each byte of the file.
public enum CSVFile {
  /// Reads a table.
  ///
  /// Every row must have as many fields as the first. Numbers are rounded correctly to `S`; one
  /// beyond the range of `S` is an error, as is a missing value unless the options say otherwise.
  ///
  /// - Parameters:
  ///   - path: The file to read, in UTF-8.
  ///   - type: The scalar type of the table.
  ///   - options: How the file is to be understood.
  /// - Throws: ``FlowsError``: `unreadableFile`; `malformedFile` for rows of different lengths and
  ///   open quotes; `invalidData` for fields that are no numbers and files without rows;
  ///   `unsupported` for UTF-16; `invalidConfiguration` for an impossible delimiter. Its row is the
  ///   line of the file as an editor counts.
  public static func read<S: TensorScalar>(
    _ path: String, as type: S.Type = S.self, options: CSVOptions = .init()
  ) throws -> CSVTable<S> {
    let bytes = try FileBytes.read(path)
    return try namingFile(path) { try decode(bytes, options: options) }
  }

  /// Writes a table.
  ///
  /// Every number gets the fewest digits from which the same number is read back. Values that are
  /// not finite become `nan`, `inf` and `-inf`. The file is replaced in one step: on failure the old
  /// file is unchanged.
  ///
  /// - Parameters:
  ///   - tensor: The numbers, as rows and columns.
  ///   - path: The file to write.
  ///   - header: The names of the columns, quoted where needed.
  ///   - delimiter: What separates the fields.
  /// - Throws: ``FlowsError``: `unwritableFile`; `invalidData` for a tensor that is not a table or a
  ///   header of another width; `invalidConfiguration` for an impossible delimiter.
  public static func write<S: TensorScalar>(
    _ tensor: Tensor<S>, to path: String, header: [String]? = nil, delimiter: Character = ","
  ) throws {
    let bytes = try namingFile(path) {
      try encode(tensor, header: header, delimiter: delimiter)
    }
    try AtomicFile.write(bytes, to: path)
  }

  /// Reads a table from the bytes of a file.
  static func decode<S: TensorScalar>(
    _ bytes: [UInt8], as type: S.Type = S.self, options: CSVOptions = .init()
  ) throws -> CSVTable<S> {
    var reader = try CSVReader(bytes, options: options, single: S.self == Float.self)
    try reader.read()
    // Every value is exact in S already, so the conversion does not round again.
    let scalars = array(reader.values, as: S.self) ?? reader.values.map { S($0) }
    return CSVTable(
      tensor: Tensor(shape: [reader.rows, reader.columns], scalars: scalars),
      header: reader.header, droppedRows: reader.droppedRows)
  }

  /// The bytes of a file that holds the table.
  static func encode<S: TensorScalar>(
    _ tensor: Tensor<S>, header: [String]?, delimiter: Character
  ) throws -> [UInt8] {
    let separator = try CSVScanner.delimiterByte(delimiter)
    guard tensor.shape.count == 2, tensor.shape[1] > 0 else {
      throw FlowsError(
        .invalidData, "expected a table of rows and columns, found the shape \(tensor.shape)")
    }
    let columns = tensor.shape[1]
    var bytes: [UInt8] = []
    if let header {
      guard header.count == columns else {
        throw FlowsError(
          .invalidData, "expected \(counted(columns, "name")) in the header, found \(header.count)")
      }
      for (column, name) in header.enumerated() {
        if column > 0 { bytes.append(separator) }
        bytes += quotedIfNeeded(name, separator)
      }
      bytes.append(UInt8(ascii: "\n"))
    }
    if let floats = array(tensor.scalars, as: Float.self) {
      append(floats, columns, separator, to: &bytes)
    } else {
      let doubles = array(tensor.scalars, as: Double.self) ?? tensor.scalars.map { Double($0) }
      append(doubles, columns, separator, to: &bytes)
    }
    return bytes
  }

  private static func append<Number: BinaryFloatingPoint & CustomStringConvertible>(
    _ numbers: [Number], _ columns: Int, _ separator: UInt8, to bytes: inout [UInt8]
  ) {
    bytes.reserveCapacity(bytes.count + numbers.count * 12)
    var column = 0
    for number in numbers {
      // A description of its own would tell kinds of NaN apart.
      bytes += (number.isNaN ? "nan" : number.description).utf8
      column += 1
      bytes.append(column == columns ? UInt8(ascii: "\n") : separator)
      if column == columns { column = 0 }
    }
  }

  /// Quotes every name that the reader, left to detect the delimiter, could take for more than one.
  private static func quotedIfNeeded(_ name: String, _ separator: UInt8) -> [UInt8] {
    let quote = UInt8(ascii: "\"")
    let special = Array("\",;#".utf8) + [separator]
    // A byte order mark at the start of a file belongs to no name.
    if !name.isEmpty, name.unicodeScalars.first != "\u{FEFF}",
      !name.utf8.contains(where: { $0 <= 0x20 || special.contains($0) })
    {
      return Array(name.utf8)
    }
    return [quote] + name.utf8.flatMap { $0 == quote ? [quote, quote] : [$0] } + [quote]
  }
}
