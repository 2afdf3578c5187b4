/// What a pickle's dictionaries and lists hold, under the paths that lead there.
struct PyTorchContent: Sendable {
  struct Entry: Sendable {
    var name: String
    var tensor: PyTorchTensor
  }

  private(set) var entries: [Entry] = []
  private(set) var scalars: [String: Double] = [:]
  private(set) var strings: [String: String] = [:]
  private(set) var unreadable: [String: String] = [:]

  /// How deep dictionaries and lists may nest.
  static let largestDepth = 64

  private var visitsLeft: Int
  private var nameBytesLeft: Int
  private var names: Set<String> = []

  /// Walks all values.
  ///
  /// A pickle may refer to a container many times, which unfolds into more values than it has
  /// bytes; so the number of values and the length of their names are bounded by the operations of
  /// the pickle.
  init(_ container: PyTorchContainer) throws {
    visitsLeft = 1_024 + 4 * container.operations
    nameBytesLeft = 65_536 + 64 * container.operations
    try add(container.root, "", depth: 0, container)
    names = []
  }

  private mutating func add(
    _ value: PickleValue, _ name: String, depth: Int, _ container: PyTorchContainer
  ) throws {
    visitsLeft -= 1
    guard visitsLeft >= 0, nameBytesLeft >= 0 else {
      throw FlowsError(
        .unsupported, "the pickle refers to the same values so often that they are too many",
        field: name)
    }
    func path(_ key: String) -> String { depth == 0 ? key : name + "." + key }
    switch value {
    case .none: break
    case .bool(let flag): try keep(name) { $0.scalars[name] = flag ? 1 : 0 }
    case .integer(let count): try keep(name) { $0.scalars[name] = Double(count) }
    case .real(let number): try keep(name) { $0.scalars[name] = number }
    case .text(let text): try keep(name) { $0.strings[name] = text }
    case .global(let kind), .opaque(let kind): try keep(name) { $0.unreadable[name] = kind }
    case .storage(let index):
      let kind = container.objects.storages[index].type.name
      try keep(name) { $0.unreadable[name] = kind }
    case .tensor(let index):
      let tensor = container.objects.tensors[index]
      try Self.check(tensor, name, container)
      try keep(name) { $0.entries.append(Entry(name: name, tensor: tensor)) }
    case .tuple(let index), .list(let index):
      try checkDepth(depth, name)
      for (place, element) in container.objects.sequences[index].enumerated() {
        try add(element, path("\(place)"), depth: depth + 1, container)
      }
    case .dictionary(let index):
      try checkDepth(depth, name)
      for (place, item) in container.objects.dictionaries[index].enumerated() {
        let key =
          switch item.key {
          case .text(let text): text
          case .integer(let number): "\(number)"
          // Other keys have no name; what stands under them has, by its place.
          default: "?\(place)"
          }
        try add(item.value, path(key), depth: depth + 1, container)
      }
    }
  }

  private func checkDepth(_ depth: Int, _ name: String) throws {
    guard depth < Self.largestDepth else {
      throw FlowsError(
        .unsupported, "values of the pickle nest deeper than \(Self.largestDepth)",
        field: name.excerpt(200))
    }
  }

  /// Keeps a value under its name, which no other may have.
  private mutating func keep(
    _ name: String, _ body: (inout PyTorchContent) -> Void
  ) throws {
    nameBytesLeft -= name.utf8.count
    guard names.insert(name).inserted else {
      throw FlowsError(.malformedFile, "the file holds two values of this name", field: name)
    }
    body(&self)
  }

  /// Refuses views that go beyond their storage, and those that repeat it so often that they take
  /// much more memory than the file.
  private static func check(
    _ tensor: PyTorchTensor, _ name: String, _ container: PyTorchContainer
  ) throws {
    let storage = container.objects.storages[tensor.storage]
    func malformed(_ message: String) -> FlowsError {
      FlowsError(.malformedFile, message, field: name)
    }
    guard tensor.shape.count == tensor.strides.count else {
      throw malformed(
        "expected a stride for each axis, found the shape \(excerpt(tensor.shape)) and the strides "
          + excerpt(tensor.strides))
    }
    guard let count = ElementType.uint8.byteCount(shape: tensor.shape) else {
      throw malformed("the shape \(excerpt(tensor.shape)) is larger than any file can be")
    }
    guard let width = tensor.type.width, let storageWidth = storage.type.width else { return }
    if let place = container.places[tensor.storage], place.size != storage.count * storageWidth {
      throw malformed("the storage has another size than the pickle says")
    }
    let held = storage.count * storageWidth / width
    guard count == 0 || tensor.extent.map({ tensor.offset <= held - $0 }) ?? false else {
      throw malformed(
        "the shape \(excerpt(tensor.shape)) with strides \(excerpt(tensor.strides)) at element "
          + "\(tensor.offset) goes beyond its storage of \(counted(held, "element"))")
    }
    guard count <= max(held, 65_536) else {
      throw FlowsError(
        .unsupported,
        "the tensor repeats a storage of \(counted(held, "element")) to \(count); save a copy of "
          + "it (contiguous()) instead", field: name)
    }
  }
}

extension PyTorchTensor {
  /// How many elements of the storage lie from the first to the last.
  ///
  /// It is nil where they cannot be counted. No axis has the length 0.
  var extent: Int? {
    var last = 0
    for (length, stride) in zip(shape, strides) {
      let (step, overflow) = (length - 1).multipliedReportingOverflow(by: stride)
      let (next, isLost) = last.addingReportingOverflow(step)
      if overflow || isLost || next == .max { return nil }
      last = next
    }
    return last + 1
  }

  /// Whether the elements lie one after another in row-major order.
  var isContiguous: Bool {
    var step = 1
    for (length, stride) in zip(shape, strides).reversed() where length != 1 {
      if stride != step { return false }
      step *= length
    }
    return true
  }
}
