internal import CFlowKernels

/// The content of a file of `torch.save` (`.pth`, `.pt`, `.ckpt`): tensors, numbers and texts by
/// name.
///
/// Both forms are read: the ZIP archive of PyTorch 1.6 and later and the sequence of pickles of
/// earlier versions. Nothing of the pickle is executed: classes and functions are names, those by
/// which PyTorch describes tensors have a meaning, and what any other would make is listed in
/// ``unreadable``. Models that were saved whole (`torch.save(model)`) are such objects;
/// what can be read is their `state_dict()`.
///
/// A value's name is the path to it, keys and positions joined by dots: `state_dict.conv1.weight`,
/// `optimizer.param_groups.0.lr`. Keys with dots in them, as state dictionaries have, are taken as
/// they are. ``WeightsFile/within(_:)`` gives one dictionary.
///
/// Memory: the file stays on the disk. Opening takes at most 640 bytes for each byte of the
/// pickles, which have some 100 for a tensor, and a tensor what its storage takes, twice, and its
/// elements. A file that is changed while it is open gives errors or other numbers.
///
/// ```swift
/// let file = try PyTorchFile(contentsOf: "resnet50.pth")
/// let weight: Tensor<Float> = try file.tensor("layer1.0.conv1.weight")  // [out, in, height, width]
/// ```
public struct PyTorchFile: NamedTensors {
  private let content: PyTorchContent
  private let indices: [String: Int]
  private let storages: PyTorchStorages
  /// The file's name for errors; nil for bytes.
  private let path: String?

  /// Opens a file.
  ///
  /// - Throws: ``FlowsError``: `unreadableFile`; `malformedFile` for what breaks the rules of the
  ///   format, with the entry of the archive or the name of the tensor as its field; `unsupported`
  ///   for TorchScript, for big-endian files of the legacy form, for values that nest deeper than
  ///   64, and for a file that holds one object and no tensor.
  public init(contentsOf path: String) throws {
    self = try namingFile(path) { try PyTorchFile(ByteSource.open(path), path) }
  }

  /// Reads the bytes of a file.
  ///
  /// - Throws: ``FlowsError`` as ``init(contentsOf:)``.
  public init(bytes: [UInt8]) throws { try self.init(.memory(bytes), nil) }

  private init(_ source: ByteSource, _ path: String?) throws {
    self.path = path
    let container = try PyTorchContainer.read(source)
    if case .opaque(let kind) = container.root {
      throw FlowsError(
        .unsupported,
        "expected a dictionary of tensors, found an object of class \(kind.excerpt(80)); save its "
          + "state_dict() instead")
    }
    content = try PyTorchContent(container)
    var indices: [String: Int] = [:]
    for (index, entry) in content.entries.enumerated() { indices[entry.name] = index }
    self.indices = indices
    storages = PyTorchStorages(container, source)
  }

  /// The names of the tensors, in the order of the pickle.
  ///
  /// A file of a single tensor gives it the empty name.
  public var names: [String] { content.entries.map(\.name) }

  /// Numbers beside the tensors; booleans are 0 and 1, whole numbers beyond 2⁵³ are rounded.
  public var scalars: [String: Double] { content.scalars }

  /// Texts beside the tensors.
  public var strings: [String: String] { content.strings }

  /// What has no meaning here, with the names of its classes or functions.
  public var unreadable: [String: String] { content.unreadable }

  /// The axis lengths of a tensor.
  ///
  /// - Throws: ``FlowsError`` of kind `invalidData` when there is no tensor of this name.
  public func shape(of name: String) throws -> [Int] { try entry(name).shape }

  /// A tensor by its name.
  ///
  /// Elements are put in row-major order whatever their strides, and converted as
  /// ``SafetensorsFile/tensor(_:as:)`` does.
  ///
  /// - Throws: ``FlowsError``: `invalidData` when there is no tensor of this name; `unsupported` for
  ///   more than six axes and for element types other than float16 to float64, bfloat16, whole numbers
  ///   and bool; `malformedFile` for a wrong checksum; `unreadableFile`.
  public func tensor<S: TensorScalar>(
    _ name: String, as type: S.Type = S.self
  ) throws -> Tensor<S> {
    let tensor = try entry(name)
    guard tensor.shape.count <= Extents.capacity else {
      throw FlowsError(
        .unsupported,
        "a tensor has at most \(Extents.capacity) axes; this one has \(tensor.shape.count)",
        file: path, field: name)
    }
    do {
      return Tensor(shape: tensor.shape, scalars: try storages.scalars(tensor))
    } catch let error as FlowsError {
      throw FlowsError(error.kind, error.message, file: error.file ?? path, field: name)
    }
  }

  private func entry(_ name: String) throws -> PyTorchTensor {
    guard let index = indices[name] else {
      let hint = unreadable[name].map { "an object of class \($0.excerpt(80))" }
      throw FlowsError(
        .invalidData, "expected a tensor of this name, found \(hint ?? listed(names))",
        file: path, field: name)
    }
    return content.entries[index].tensor
  }
}

/// Reads the elements of storages.
private final class PyTorchStorages: Sendable {
  private let source: ByteSource
  private let storages: [PyTorchStorage]
  private let places: [PyTorchContainer.Place?]
  private let isBigEndian: Bool
  private let checked: Checked

  /// The storages whose checksums were found right.
  private final class Checked: @unchecked Sendable {
    private let lock = Lock()
    private var indices: Set<Int> = []

    func contains(_ index: Int) -> Bool { lock.held { indices.contains(index) } }
    func insert(_ index: Int) { lock.held { _ = indices.insert(index) } }
  }

  init(_ container: PyTorchContainer, _ source: ByteSource) {
    self.source = source
    storages = container.objects.storages
    places = container.places
    isBigEndian = container.isBigEndian
    checked = Checked()
  }

  /// The elements of a tensor in row-major order.
  func scalars<S: TensorScalar>(_ tensor: PyTorchTensor) throws -> [S] {
    guard let type = tensor.type.elementType, let place = places[tensor.storage] else {
      throw FlowsError(
        .unsupported, "elements of \(tensor.type.name.excerpt(60)) cannot be read")
    }
    if tensor.shape.contains(0) { return [] }
    guard let extent = tensor.extent else {
      preconditionFailure("a tensor that cannot be counted was refused when its file was opened")
    }
    let start = tensor.offset * type.byteCount
    let bytes = try bytes(
      tensor.storage, place, start..<start + extent * type.byteCount)
    let elements = type.decode(bytes, bigEndian: isBigEndian, as: S.self)
    return tensor.isContiguous ? elements : Self.gathered(elements, tensor)
  }

  /// Some bytes of a storage, which is compared with its checksum when it is read first.
  private func bytes(
    _ index: Int, _ place: PyTorchContainer.Place, _ range: Range<Int>
  ) throws -> ArraySlice<UInt8> {
    if place.method == .deflated {
      let all = try Inflater.inflate(source.bytes(place.range), count: place.size)[...]
      try compare(ZIPEntry.checksum(all), place)
      return all[range]
    }
    let start = place.range.lowerBound
    let part = try source.bytes(start + range.lowerBound..<start + range.upperBound)
    if place.checksum == nil || checked.contains(index) { return part }
    if range.count == place.size {
      try compare(ZIPEntry.checksum(part), place)
    } else {
      var checksum: UInt32 = 0
      for first in stride(from: start, to: place.range.upperBound, by: 1 << 20) {
        let piece = try source.bytes(first..<min(first + 1 << 20, place.range.upperBound))
        checksum = piece.withUnsafeBytes { fk_crc32(checksum, $0.baseAddress, $0.count) }
      }
      try compare(checksum, place)
    }
    checked.insert(index)
    return part
  }

  private func compare(_ checksum: UInt32, _ place: PyTorchContainer.Place) throws {
    guard place.checksum.map({ $0 == checksum }) ?? true else {
      throw FlowsError(.malformedFile, "the data does not match its checksum")
    }
  }

  /// The elements that strides lead to.
  private static func gathered<S: TensorScalar>(_ elements: [S], _ tensor: PyTorchTensor) -> [S] {
    let count = tensor.shape.reduce(1, *)
    // The last axis is the inner loop.
    let (length, step) = (tensor.shape.last ?? 1, tensor.strides.last ?? 1)
    var index = [Int](repeating: 0, count: max(0, tensor.shape.count - 1))
    return [S](unsafeUninitializedCapacity: count) { buffer, initialized in
      var place = 0
      while initialized < count {
        for inner in 0..<length {
          buffer.initializeElement(at: initialized, to: elements[place + inner * step])
          initialized += 1
        }
        for axis in index.indices.reversed() {
          index[axis] += 1
          place += tensor.strides[axis]
          if index[axis] < tensor.shape[axis] { break }
          place -= tensor.shape[axis] * tensor.strides[axis]
          index[axis] = 0
        }
      }
    }
  }
}
