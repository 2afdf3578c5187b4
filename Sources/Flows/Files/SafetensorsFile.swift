/// The content of a file in the safetensors format: named arrays and a small map of texts.
///
/// The format is <https://github.com/huggingface/safetensors>: the length of the header as eight
/// little-endian bytes, a JSON header, and the data of all arrays without gaps. A file is checked as
/// a whole when it is opened, by the rules of the reference implementation.
///
/// Memory: opening a file and reading one of its arrays takes at most 24 bytes for each byte of the
/// file.
///
/// ```swift
/// var file = SafetensorsFile()
/// file.metadata["format"] = "flow"
/// try file.add("weight", weight)
/// try file.write(to: "model.safetensors")
/// ```
public struct SafetensorsFile: Sendable {
  /// Texts stored beside the arrays, as `__metadata__` in the header.
  public var metadata: [String: String] = [:]

  private var entries: [SafetensorsEntry] = []
  private var indices: [String: Int] = [:]
  private var data: [UInt8] = []

  /// Creates a file without content.
  public init() {}

  /// Reads a file.
  ///
  /// - Throws: ``FlowsError``: `unreadableFile`, `malformedFile`, or `unsupported` for an element
  ///   type other than F16, BF16, F32, F64, I8 to I64, U8 to U64 and BOOL.
  public init(contentsOf path: String) throws {
    let bytes = try FileBytes.read(path)
    self = try namingFile(path) { try SafetensorsFile(bytes: bytes) }
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: ``FlowsError`` of kind `malformedFile` or `unsupported`.
  public init(bytes: [UInt8]) throws {
    let (header, start) = try SafetensorsHeader.read(bytes)
    metadata = header.metadata
    entries = header.entries
    data = Array(bytes[start...])
    for (index, entry) in entries.enumerated() { indices[entry.name] = index }
  }

  /// The names of the arrays, in the order in which their data lies in the file.
  ///
  /// Arrays added since stand at the end; writing sorts them.
  public var names: [String] { entries.map(\.name) }

  /// The axis lengths of an array.
  ///
  /// - Throws: ``FlowsError`` of kind `invalidData` when there is no array of this name.
  public func shape(of name: String) throws -> [Int] { try entry(name).shape }

  /// An array by its name.
  ///
  /// Stored values that `S` cannot hold exactly are rounded to the nearest; floating-point values
  /// beyond the range of `S` become infinite. Booleans become 0 and 1.
  ///
  /// - Throws: ``FlowsError`` of kind `invalidData` when there is no array of this name, and
  ///   `unsupported` for one of more than six axes.
  public func tensor<S: TensorScalar>(
    _ name: String, as type: S.Type = S.self
  ) throws -> Tensor<S> {
    let entry = try entry(name)
    guard entry.shape.count <= Extents.capacity else {
      throw FlowsError(
        .unsupported,
        "a tensor has at most \(Extents.capacity) axes; this array has \(entry.shape.count)",
        field: name)
    }
    let scalars = entry.elementType.decode(data[entry.range], as: S.self)
    return Tensor(shape: entry.shape, scalars: scalars)
  }

  /// Adds an array, stored as F32 or F64 after its scalar type.
  ///
  /// - Throws: ``FlowsError`` of kind `invalidData` when the name is taken, or is `__metadata__`,
  ///   which the format keeps for itself.
  public mutating func add<S: TensorScalar>(_ name: String, _ tensor: Tensor<S>) throws {
    if indices[name] != nil {
      throw FlowsError(.invalidData, "an array of this name is there already", field: name)
    }
    if name == SafetensorsHeader.metadataKey {
      throw FlowsError(.invalidData, "the format reserves this name", field: name)
    }
    let start = data.count
    ElementType.append(tensor.scalars, to: &data)
    indices[name] = entries.count
    entries.append(
      SafetensorsEntry(
        name: name, elementType: .storing(S.self), shape: tensor.shape, range: start..<data.count))
  }

  /// The bytes of the file.
  ///
  /// Equal content gives equal bytes: arrays are sorted by element type, widest first, then by name,
  /// and metadata by key. The header is padded so that the data starts at a multiple of 8.
  ///
  /// - Throws: ``FlowsError`` of kind `unsupported` when the header exceeds 100 MB.
  public func bytes() throws -> [UInt8] {
    let sorted = entries.sorted { left, right in
      left.elementType == right.elementType
        ? left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        : left.elementType > right.elementType
    }
    var placed: [SafetensorsEntry] = []
    var end = 0
    for entry in sorted {
      var entry = entry
      entry.range = end..<end + entry.range.count
      end = entry.range.upperBound
      placed.append(entry)
    }
    var bytes = try SafetensorsHeader(metadata: metadata, entries: placed).bytes()
    bytes.reserveCapacity(bytes.count + end)
    for entry in sorted { bytes += data[entry.range] }
    return bytes
  }

  /// Writes the file, replacing an old one in one step.
  ///
  /// - Throws: ``FlowsError`` of kind `unwritableFile`; the old file is then unchanged.
  public func write(to path: String) throws {
    let bytes = try namingFile(path) { try self.bytes() }
    try AtomicFile.write(bytes, to: path)
  }

  private func entry(_ name: String) throws -> SafetensorsEntry {
    guard let index = indices[name] else {
      throw FlowsError(
        .invalidData, "expected an array of this name, found \(listed(names))", field: name)
    }
    return entries[index]
  }
}
