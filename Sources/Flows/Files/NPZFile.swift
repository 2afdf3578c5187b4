/// The content of a NumPy `.npz` file: named arrays in a ZIP archive.
///
/// Files of `numpy.savez` and `numpy.savez_compressed` are read; what is written, without compression,
/// `numpy.load` reads. The archive is checked as a whole when it is opened; an array's own bytes are
/// checked, and inflated, when it is asked for. Inflating takes zlib, which is looked for only then.
///
/// ```swift
/// let file = try NPZFile(contentsOf: "points.npz")
/// let points: Tensor<Float> = try file.tensor("points")
/// ```
///
/// Memory: opening takes at most 16 bytes for each byte of the file, and an array at most 27 bytes for
/// each of its bytes once inflated. Those are at most ``largestRatio`` for each compressed byte and at
/// most the `maximumBytes` of the reader; files that declare more are refused before memory is taken.
public struct NPZFile: Sendable {
  /// The most bytes that one compressed byte can stand for, which is deflate's own limit.
  ///
  /// The shortest code for the longest repetition, 258 bytes, has two bits.
  public static let largestRatio = ZIPEntry.largestRatio

  /// The bytes that an array may have once inflated, unless the reader is told otherwise: 4 GiB.
  public static let defaultMaximumBytes = 4 << 30

  private static let suffix = ".npy"

  private var entries: [ZIPEntry] = []
  private var indices: [String: Int] = [:]
  private let maximumBytes: Int

  /// Creates a file without content.
  public init() { maximumBytes = Self.defaultMaximumBytes }

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - path: The file to read.
  ///   - maximumBytes: The most bytes that an array may have in the file, once inflated.
  /// - Throws: ``FlowsError``: `unreadableFile`, `malformedFile`, or `unsupported` for entries that are
  ///   encrypted or packed by another method than deflate, and for archives of several parts. The
  ///   name of the entry is the error's field.
  public init(contentsOf path: String, maximumBytes: Int = defaultMaximumBytes) throws {
    let bytes = try FileBytes.read(path)
    self = try namingFile(path) { try NPZFile(bytes: bytes, maximumBytes: maximumBytes) }
  }

  /// Reads the bytes of a file; as ``init(contentsOf:maximumBytes:)``.
  public init(bytes: [UInt8], maximumBytes: Int = defaultMaximumBytes) throws {
    self.maximumBytes = maximumBytes
    entries = try ZIPReader.read(bytes)
    for (index, entry) in entries.enumerated() {
      if let name = Self.arrayName(entry) { indices[name] = index }
    }
  }

  /// The names of the arrays, in the order of the archive.
  ///
  /// Entries of the archive whose names do not end in `.npy` are no arrays.
  public var names: [String] { entries.compactMap(Self.arrayName) }

  /// The axis lengths of an array; of a compressed one, no more than the header is inflated.
  ///
  /// - Throws: ``FlowsError``: `invalidData` when there is no array of this name, otherwise as
  ///   ``tensor(_:as:)``, except that the checksum and the data are not looked at.
  public func shape(of name: String) throws -> [Int] {
    let entry = try entry(name)
    return try Self.namingField(name) { try header(entry).shape }
  }

  /// An array by its name, converted as ``NumPyFile/read(_:as:)`` does.
  ///
  /// - Throws: ``FlowsError``: `invalidData` when there is no array of this name; `malformedFile`,
  ///   also for a wrong checksum; `unsupported` for element types that are no numbers, for an array of
  ///   more than `maximumBytes`, and where the array is compressed and zlib is not on the system.
  public func tensor<S: TensorScalar>(
    _ name: String, as type: S.Type = S.self
  ) throws -> Tensor<S> {
    let entry = try entry(name)
    return try Self.namingField(name) {
      // The shape is compared with the declared size before anything of that size is made.
      _ = try header(entry)
      try checkLimit(entry.size)
      return try NumPyFile.decode(entry.content())
    }
  }

  /// Adds an array, stored as `float32` or `float64` after its scalar type.
  ///
  /// - Throws: ``FlowsError``: `invalidData` when the name is taken, holds a control character or has
  ///   more than 65,000 bytes, or `unsupported` for too many axes.
  public mutating func add<S: TensorScalar>(_ name: String, _ tensor: Tensor<S>) throws {
    if indices[name] != nil {
      throw FlowsError(.invalidData, "an array of this name is there already", field: name)
    }
    guard name.utf8.count <= 65_000, name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
      throw FlowsError(
        .invalidData, "expected a name of at most 65000 bytes without control characters",
        field: name)
    }
    let content = try Self.namingField(name) { try NumPyFile.encode(tensor) }
    indices[name] = entries.count
    entries.append(ZIPEntry(name: name + Self.suffix, content: content))
  }

  /// The bytes of the file; equal content gives equal bytes.
  ///
  /// Arrays are written in the order in which they were added, and those that were read from a
  /// compressed file stay compressed.
  public func bytes() -> [UInt8] { ZIPWriter().bytes(entries) }

  /// Writes the file, replacing an old one in one step.
  ///
  /// - Throws: ``FlowsError`` of kind `unwritableFile`; the old file is then unchanged.
  public func write(to path: String) throws { try AtomicFile.write(bytes(), to: path) }

  private static func arrayName(_ entry: ZIPEntry) -> String? {
    // Compared as bytes: a character before the dot may join it to one.
    let bytes = entry.name.utf8
    return bytes.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
      ? String(decoding: bytes.dropLast(suffix.utf8.count), as: UTF8.self) : nil
  }

  private func header(_ entry: ZIPEntry) throws -> NumPyHeader {
    let preamble = try entry.beginning(NumPyHeader.preambleCount)
    let (start, length) = try NumPyHeader.place(preamble)
    try checkLimit(min(start + length, entry.size))
    let (header, dataStart) = try NumPyHeader.read(entry.beginning(start + length))
    try header.checkDataCount(entry.size - dataStart)
    return header
  }

  private func checkLimit(_ count: Int) throws {
    guard count <= maximumBytes else {
      throw FlowsError(
        .unsupported,
        "the array has \(counted(count, "byte")), more than the limit of \(maximumBytes); pass a "
          + "larger maximumBytes")
    }
  }

  private func entry(_ name: String) throws -> ZIPEntry {
    guard let index = indices[name] else {
      throw FlowsError(
        .invalidData, "expected an array of this name, found \(listed(names))", field: name)
    }
    return entries[index]
  }

  private static func namingField<Result>(
    _ name: String, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as FlowsError {
      throw FlowsError(
        error.kind, error.message, file: error.file, row: error.row, column: error.column,
        field: error.field ?? name)
    }
  }
}
