/// Reads and writes NumPy's `.npy` files.
///
/// The format is the one NumPy documents as `numpy.lib.format`, versions 1.0, 2.0 and 3.0. Files
/// with arrays of floating-point numbers, whole numbers or booleans are read, in either byte order
/// and in row-major or column-major order, with up to six axes.
///
/// Memory: reading takes at most 26 bytes for each byte of the file; eight, twice, are for a stored
/// byte that becomes a `Double`.
public enum NumPyFile {
  /// Reads an array.
  ///
  /// Stored values that `S` cannot hold exactly are rounded to the nearest; floating-point values
  /// beyond the range of `S` become infinite. Booleans become 0 and 1. The declared size is compared
  /// with the bytes that are there before anything is allocated for the values.
  ///
  /// - Parameters:
  ///   - path: The file to read.
  ///   - type: The scalar type to convert to.
  /// - Returns: The array, in row-major order whatever the order of the file.
  /// - Throws: ``FlowsError``: `unreadableFile`, `malformedFile`, or `unsupported` for arrays of
  ///   objects, of structures and of other element types.
  public static func read<S: TensorScalar>(
    _ path: String, as type: S.Type = S.self
  ) throws -> Tensor<S> {
    let bytes = try FileBytes.read(path)
    return try namingFile(path) { try decode(bytes[...]) }
  }

  /// Writes an array.
  ///
  /// The file has version 1.0, little-endian row-major data, and `float32` or `float64` elements,
  /// as the scalar type. It is replaced in one step: on failure the old file is unchanged.
  ///
  /// - Parameters:
  ///   - tensor: The array to write, of at most six axes.
  ///   - path: The file to write.
  /// - Throws: ``FlowsError``: `unwritableFile`, or `unsupported` for too many axes.
  public static func write<S: TensorScalar>(_ tensor: Tensor<S>, to path: String) throws {
    let bytes = try namingFile(path) { try encode(tensor) }
    try AtomicFile.write(bytes, to: path)
  }

  /// Reads an array from the bytes of a file.
  static func decode<S: TensorScalar>(
    _ bytes: ArraySlice<UInt8>, as type: S.Type = S.self
  ) throws -> Tensor<S> {
    let (header, start) = try NumPyHeader.read(bytes)
    try header.checkDataCount(bytes.count - start)
    let scalars = header.elementType.decode(
      bytes.dropFirst(start), bigEndian: header.bigEndian, as: S.self)
    let ordered = header.columnMajor ? rowMajor(scalars, shape: header.shape) : scalars
    return Tensor(shape: header.shape, scalars: ordered)
  }

  /// The bytes of a file that holds the array.
  static func encode<S: TensorScalar>(_ tensor: Tensor<S>) throws -> [UInt8] {
    let shape = tensor.shape
    try NumPyHeader.checkRank(shape.count)
    let header = NumPyHeader(
      elementType: .storing(S.self), bigEndian: false, columnMajor: false, shape: shape)
    var bytes = header.bytes()
    ElementType.append(tensor.scalars, to: &bytes)
    return bytes
  }

  static func rowMajor<S>(_ scalars: [S], shape: [Int]) -> [S] {
    guard shape.count > 1, !scalars.isEmpty else { return scalars }
    var steps: [Int] = []
    var step = 1
    for length in shape {
      steps.append(step)
      step *= length
    }
    // Walks the result in order, like an odometer, and keeps the matching place in the source.
    var index = [Int](repeating: 0, count: shape.count)
    var source = 0
    var result: [S] = []
    result.reserveCapacity(scalars.count)
    for _ in scalars.indices {
      result.append(scalars[source])
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        source += steps[axis]
        if index[axis] < shape[axis] { break }
        source -= steps[axis] * shape[axis]
        index[axis] = 0
        axis -= 1
      }
    }
    return result
  }
}
