/// The two forms of PyTorch's files: what the pickle says and where the storages lie.
///
/// From version 1.6 on a file is a ZIP archive with `<name>/data.pkl` and `<name>/data/<key>`;
/// before, it is a sequence of five pickles (a magic number, a version, properties of the machine,
/// the object, the keys of the storages) and the storages, each after the number of its elements.
struct PyTorchContainer {
  /// Where the elements of a storage lie.
  struct Place: Sendable {
    /// The bytes in the file, packed by the method.
    var range: Range<Int>
    var method = ZIPEntry.Method.stored
    /// The bytes of the elements.
    var size: Int
    /// The CRC-32 of the elements; nil where the file has none.
    var checksum: UInt32?
  }

  var root: PickleValue
  var objects: PickleObjects
  /// For each storage of ``objects`` its place; nil where the elements have a type that is not
  /// known.
  var places: [Place?]
  var isBigEndian = false
  /// How many operations the pickles have, which bounds what may be made of them.
  var operations: Int

  /// The longest pickle that is read; those of checkpoints have some 100 bytes for a tensor.
  static let largestPickle = 64 << 20

  static func read(_ source: ByteSource) throws -> PyTorchContainer {
    let beginning = try source.bytes(0..<min(source.count, 32))
    if beginning.first == 0x80 { return try legacy(source, beginning) }
    if source.count > 512, try source.bytes(257..<262).elementsEqual("ustar".utf8) {
      throw FlowsError(
        .unsupported,
        "the file is a tar archive, as PyTorch wrote before version 0.2; load and save it with a "
          + "later one")
    }
    guard source.count > 0 else {
      throw FlowsError(.malformedFile, "expected a PyTorch file, found an empty file")
    }
    return try archive(source)
  }

  // MARK: - The archive

  private static func archive(_ source: ByteSource) throws -> PyTorchContainer {
    let entries = try ZIPReader.places(source)
    guard
      let pickle = entries.first(where: { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") })
    else {
      throw FlowsError(
        .malformedFile,
        "expected a PyTorch file, found a ZIP archive without data.pkl; it holds "
          + listed(entries.map(\.name)))
    }
    let folder = String(pickle.name.dropLast("data.pkl".count))
    var indices: [String: Int] = [:]
    for (index, entry) in entries.enumerated() { indices[entry.name] = index }
    if indices[folder + "constants.pkl"] != nil {
      throw FlowsError(
        .unsupported,
        "the file is a TorchScript program; save its state_dict() with torch.save instead")
    }
    // PyTorch can be told to write no checksums; all of them are 0 then.
    let hasChecksums = pickle.checksum != 0
    func place(_ entry: ZIPReader.Placed) -> Place {
      Place(
        range: entry.payload, method: entry.method, size: entry.size,
        checksum: hasChecksums ? entry.checksum : nil)
    }

    guard pickle.size <= largestPickle else {
      throw FlowsError(
        .unsupported, "the pickle has \(counted(pickle.size, "byte")), more than \(largestPickle)",
        field: pickle.name)
    }
    let (root, objects, operations) = try naming(pickle.name) {
      let bytes = try content(place(pickle), source)
      var reader = PickleReader(PickleCursor(.memory(bytes), 0..<bytes.count))
      let root = try reader.read()
      return (root, reader.objects, reader.operations)
    }
    var result = PyTorchContainer(root: root, objects: objects, places: [], operations: operations)
    if let order = indices[folder + "byteorder"] {
      let name = folder + "byteorder"
      result.isBigEndian = try naming(name) {
        let text = String(decoding: try content(place(entries[order]), source), as: UTF8.self)
        guard text == "little" || text == "big" else {
          throw FlowsError(
            .malformedFile, "expected little or big, found \(text.quotedExcerpt)")
        }
        return text == "big"
      }
    }
    result.places = try objects.storages.map { storage in
      let name = "\(folder)data/\(storage.key)"
      guard let index = indices[name] else {
        throw FlowsError(.malformedFile, "the archive lacks a storage of the pickle", field: name)
      }
      let place = place(entries[index])
      if let width = storage.type.width, place.size != storage.count * width {
        throw FlowsError(
          .malformedFile,
          "expected \(counted(storage.count, "element")) of \(storage.type.name), which are "
            + "\(storage.count * width) bytes, found \(place.size)", field: name)
      }
      return place
    }
    return result
  }

  /// The whole content of a small entry.
  private static func content(_ place: Place, _ source: ByteSource) throws -> [UInt8] {
    guard place.size <= largestPickle else {
      throw FlowsError(.malformedFile, "the entry has \(counted(place.size, "byte"))")
    }
    var bytes = try source.bytes(place.range)
    if place.method == .deflated { bytes = try Inflater.inflate(bytes, count: place.size)[...] }
    guard place.checksum.map({ $0 == ZIPEntry.checksum(bytes) }) ?? true else {
      throw FlowsError(.malformedFile, "the data does not match its checksum")
    }
    return Array(bytes)
  }

  // MARK: - The legacy form

  /// 0x1950a86a20f9469cfc6c, least significant byte first.
  private static let magic: [UInt8] = [
    0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]

  /// Whether a file begins as PyTorch's legacy form does.
  private static func isLegacy(_ beginning: ArraySlice<UInt8>) -> Bool {
    let bytes = Array(beginning.prefix(32))
    return bytes.first == 0x80 && bytes.count >= magic.count
      && (0...bytes.count - magic.count).contains {
        bytes[$0..<$0 + magic.count].elementsEqual(magic)
      }
  }

  private static func legacy(
    _ source: ByteSource, _ beginning: ArraySlice<UInt8>
  ) throws -> PyTorchContainer {
    guard isLegacy(beginning) else {
      throw FlowsError(
        .malformedFile, "expected a PyTorch file, found a pickle without PyTorch's magic number")
    }
    // One reader for all, in which the storages keep their numbers.
    var reader = PickleReader(PickleCursor(source, 0..<min(source.count, largestPickle)))
    func part(_ name: String) throws -> PickleValue { try naming(name) { try reader.read() } }
    _ = try part("magic number")
    guard case .integer(1001) = try part("protocol version") else {
      throw FlowsError(
        .unsupported, "expected version 1001 of the legacy form", field: "protocol version")
    }
    let system = try part("sys_info")
    if case .dictionary(let index) = system {
      for item in reader.objects.dictionaries[index] {
        if case .text("little_endian") = item.key, case .bool(false) = item.value {
          throw FlowsError(
            .unsupported, "the legacy form of a big-endian machine is not read", field: "sys_info")
        }
      }
    }
    let root = try part("object")
    let keys = try part("storage keys")
    let (objects, operations) = (reader.objects, reader.operations)
    guard let listed = objects.elements(keys) else {
      throw FlowsError(
        .malformedFile, "expected a list, found \(keys.kind)", field: "storage keys")
    }
    var indices: [String: Int] = [:]
    for (index, storage) in objects.storages.enumerated() { indices[storage.key] = index }
    var places = [Place?](repeating: nil, count: objects.storages.count)
    var position = reader.position
    for key in listed {
      guard case .text(let key) = key, let index = indices[key] else {
        throw FlowsError(
          .malformedFile, "the keys hold \(key.kind) that is no storage of the object",
          field: "storage keys")
      }
      let storage = objects.storages[index]
      guard let width = storage.type.width else {
        throw FlowsError(
          .unsupported, "elements of \(storage.type.name.excerpt(60)) are not known",
          field: "storage \(key)")
      }
      let header = try source.window(position..<min(source.count, position + 8))
      guard let count = header.count(at: position, as: UInt64.self), count == storage.count,
        count * width <= source.count - position - 8
      else {
        throw FlowsError(
          .malformedFile,
          "expected \(counted(storage.count, "element")) of \(storage.type.name) at byte "
            + "\(position), found "
            + (header.count(at: position, as: UInt64.self).map { "a count of \($0)" }
              ?? "the end of the file")
            + " with \(counted(max(0, source.count - position - 8), "byte")) after it",
          field: "storage \(key)")
      }
      guard places[index] == nil else {
        throw FlowsError(.malformedFile, "the storage is listed twice", field: "storage \(key)")
      }
      position += 8
      places[index] = Place(range: position..<position + count * width, size: count * width)
      position += count * width
    }
    if let missing = places.firstIndex(where: { $0 == nil }) {
      throw FlowsError(
        .malformedFile, "the file lacks the storage",
        field: "storage \(objects.storages[missing].key)")
    }
    return PyTorchContainer(root: root, objects: objects, places: places, operations: operations)
  }

  /// Runs `body` and names a part of the file in errors that name none.
  private static func naming<Result>(
    _ name: String, _ body: () throws -> Result
  ) throws -> Result {
    do {
      return try body()
    } catch let error as FlowsError {
      throw FlowsError(error.kind, error.message, file: error.file, field: error.field ?? name)
    }
  }
}
