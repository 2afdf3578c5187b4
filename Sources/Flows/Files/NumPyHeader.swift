/// The header of a `.npy` file: what the elements are and how they lie.
///
/// The header is the text of a Python dictionary with exactly three keys. Only the small part of
/// Python's grammar that NumPy writes is read.
struct NumPyHeader: Equatable {
  static let maximumRank = 6

  var elementType: ElementType
  var bigEndian: Bool
  var columnMajor: Bool
  var shape: [Int]

  private static let magic: [UInt8] = [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59]

  /// The bytes of the longest preamble: magic text, version and the length of the header.
  static let preambleCount = 12

  /// Reads the header at the start of a file.
  ///
  /// - Returns: The header and the number of bytes before the data.
  static func read(_ bytes: ArraySlice<UInt8>) throws -> (header: NumPyHeader, dataStart: Int) {
    let (start, length) = try place(bytes)
    guard length <= bytes.count - start else {
      throw FlowsError(
        .malformedFile,
        "expected a header of \(counted(length, "byte")), found \(bytes.count - start)")
    }
    var scanner = ByteScanner(bytes.dropFirst(start).prefix(length))
    return (try parse(&scanner), start + length)
  }

  /// Where the header's text begins and how long it is, of which only the preamble must be there.
  static func place(_ bytes: ArraySlice<UInt8>) throws -> (start: Int, length: Int) {
    guard bytes.starts(with: magic) else {
      throw FlowsError(
        .malformedFile,
        "expected a NumPy file, which starts with \"\\x93NUMPY\", found "
          + (bytes.isEmpty ? "an empty file" : quotedExcerpt(bytes.prefix(6))))
    }
    let ending = FlowsError(
      .malformedFile, "the file ends after \(bytes.count) bytes, in its header")
    guard bytes.count >= 8 else { throw ending }
    let preamble = Array(bytes.prefix(preambleCount))
    let (major, minor) = (preamble[6], preamble[7])
    guard (1...3).contains(major), minor == 0 else {
      throw FlowsError(
        .unsupported, "expected NumPy format 1.0, 2.0 or 3.0, found \(major).\(minor)")
    }
    let start = major == 1 ? 10 : 12
    guard preamble.count >= start else { throw ending }
    return (start, preamble[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) })
  }

  private static func parse(_ scanner: inout ByteScanner) throws -> NumPyHeader {
    var type: (ElementType, bigEndian: Bool)?
    var columnMajor: Bool?
    var shape: [Int]?

    scanner.skipSpace()
    try expect("{", &scanner)
    scanner.skipSpace()
    while !scanner.take("}") {
      let key = try string(&scanner)
      scanner.skipSpace()
      try expect(":", &scanner)
      scanner.skipSpace()
      switch key {
      case "descr" where type == nil: type = try elementType(&scanner)
      case "fortran_order" where columnMajor == nil: columnMajor = try boolean(&scanner)
      case "shape" where shape == nil: shape = try tuple(&scanner)
      case "descr", "fortran_order", "shape":
        throw malformed("the key \(key.quotedExcerpt) comes twice")
      default:
        throw malformed(
          "expected the keys \"descr\", \"fortran_order\" and \"shape\", "
            + "found \(key.quotedExcerpt)")
      }
      scanner.skipSpace()
      if scanner.take(",") {
        scanner.skipSpace()
      } else if scanner.next != UInt8(ascii: "}") {
        throw malformed("expected \",\" or \"}\", \(scanner.found)")
      }
    }
    scanner.skipSpace()
    if scanner.next != nil { throw malformed("expected its end, \(scanner.found)") }

    guard let type else { throw malformed("the key \"descr\" is missing") }
    guard let columnMajor else { throw malformed("the key \"fortran_order\" is missing") }
    guard let shape else { throw malformed("the key \"shape\" is missing") }
    return NumPyHeader(
      elementType: type.0, bigEndian: type.bigEndian, columnMajor: columnMajor, shape: shape)
  }

  private static func elementType(
    _ scanner: inout ByteScanner
  ) throws -> (ElementType, bigEndian: Bool) {
    if scanner.next == UInt8(ascii: "[") {
      throw FlowsError(
        .unsupported, "the array has structured elements; only plain numbers can be read")
    }
    let text = try string(&scanner)
    if text.dropFirst().hasPrefix("O") {
      throw FlowsError(
        .unsupported, "the array has Python objects as elements; only plain numbers can be read")
    }
    let types: [String: ElementType] = [
      "b1": .bool, "u1": .uint8, "i1": .int8, "u2": .uint16, "i2": .int16, "f2": .float16,
      "u4": .uint32, "i4": .int32, "f4": .float32, "u8": .uint64, "i8": .int64, "f8": .float64,
    ]
    guard let order = text.first, "<>=|".contains(order),
      let type = types[String(text.dropFirst())],
      order != "|" || type.byteCount == 1
    else {
      throw FlowsError(
        .unsupported,
        "expected elements of a type such as \"<f4\", \"<f8\" or \"<i8\", "
          + "found \(text.quotedExcerpt)")
    }
    let nativeIsBig = UInt16(1).bigEndian == 1
    return (type, order == ">" || (order == "=" && nativeIsBig))
  }

  private static func boolean(_ scanner: inout ByteScanner) throws -> Bool {
    if scanner.take(word: "True") { return true }
    if scanner.take(word: "False") { return false }
    throw malformed("expected True or False for \"fortran_order\", \(scanner.found)")
  }

  private static func tuple(_ scanner: inout ByteScanner) throws -> [Int] {
    try expect("(", &scanner)
    scanner.skipSpace()
    var shape: [Int] = []
    while !scanner.take(")") {
      guard let length = scanner.takeInteger() else {
        throw malformed("expected the length of an axis, \(scanner.found)")
      }
      _ = scanner.take("L")  // NumPy on Python 2 wrote long integers so.
      shape.append(length)
      try checkRank(shape.count)
      scanner.skipSpace()
      if scanner.take(",") {
        scanner.skipSpace()
      } else if scanner.next != UInt8(ascii: ")") || shape.count == 1 {
        // A single number in parentheses is not a tuple in Python.
        throw malformed("expected \",\" in the shape, \(scanner.found)")
      }
    }
    return shape
  }

  private static func string(_ scanner: inout ByteScanner) throws -> String {
    guard let quote = scanner.next, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
      throw malformed("expected a quoted text, \(scanner.found)")
    }
    _ = scanner.take()
    var text: [UInt8] = []
    while let byte = scanner.take() {
      if byte == quote { return String(decoding: text, as: UTF8.self) }
      if byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      text.append(byte)
    }
    throw malformed("the quoted text \(quotedExcerpt(text)) does not end")
  }

  private static func expect(_ character: Unicode.Scalar, _ scanner: inout ByteScanner) throws {
    if !scanner.take(character) {
      throw malformed("expected \"\(character)\", \(scanner.found)")
    }
  }

  private static func malformed(_ message: String) -> FlowsError {
    FlowsError(.malformedFile, "the header is not valid: \(message)")
  }

  /// Compares the declared shape with the bytes of data that are there.
  func checkDataCount(_ found: Int) throws {
    guard let expected = elementType.byteCount(shape: shape) else {
      throw FlowsError(.malformedFile, "the shape \(shape) is larger than any file can be")
    }
    guard expected == found else {
      throw FlowsError(
        .malformedFile,
        "expected \(counted(expected, "byte")) of data for the shape \(shape), found \(found)")
    }
  }

  /// Refuses arrays with more axes than are handled.
  static func checkRank(_ rank: Int) throws {
    if rank > maximumRank {
      throw FlowsError(
        .unsupported, "expected an array of at most \(maximumRank) axes, found more")
    }
  }

  /// The header as the bytes that start a file of version 1.0.
  ///
  /// The padding is NumPy's: the length of the growing axis can be extended to 21 digits in place,
  /// and the data starts at a multiple of 64.
  func bytes() -> [UInt8] {
    let lengths = shape.map(String.init).joined(separator: ", ")
    let tuple = shape.count == 1 ? "(\(lengths),)" : "(\(lengths))"
    let description = elementType == .float32 ? "<f4" : "<f8"
    var text = "{'descr': '\(description)', 'fortran_order': False, 'shape': \(tuple), }"
    if let first = shape.first {
      text += String(repeating: " ", count: max(0, 21 - String(first).count))
    }
    let unpadded = 10 + text.utf8.count + 1
    text += String(repeating: " ", count: 64 - unpadded % 64) + "\n"
    let length = UInt16(text.utf8.count)
    return Self.magic + [1, 0, UInt8(truncatingIfNeeded: length), UInt8(length >> 8)] + text.utf8
  }
}
