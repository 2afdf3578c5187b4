extension NumPyFile {
  /// Reads an array of unsigned bytes, as images are stored, without making numbers of them.
  ///
  /// Memory: at most three bytes for each byte of the file, one once it is read.
  ///
  /// - Parameter path: The file to read; its elements have the type `uint8`.
  /// - Returns: The shape, and the bytes in row-major order whatever the order of the file.
  /// - Throws: ``FlowsError``: `unreadableFile`, `malformedFile`, or `unsupported` for elements of
  ///   another type.
  public static func readBytes(_ path: String) throws -> (shape: [Int], bytes: [UInt8]) {
    var bytes = try FileBytes.read(path)
    let shape = try namingFile(path) { try decodeBytes(&bytes) }
    return (shape, bytes)
  }

  /// Turns the bytes of a file into those of its array, in place, and returns the shape.
  static func decodeBytes(_ bytes: inout [UInt8]) throws -> [Int] {
    let (header, start) = try NumPyHeader.read(bytes[...])
    guard header.elementType == .uint8 else {
      throw FlowsError(
        .unsupported, "expected elements of the type uint8, found \(header.elementType)")
    }
    try header.checkDataCount(bytes.count - start)
    bytes.removeSubrange(..<start)
    if header.columnMajor { bytes = rowMajor(bytes, shape: header.shape) }
    return header.shape
  }
}
