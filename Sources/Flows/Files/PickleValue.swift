/// A value of a pickle; containers are numbers of ``PickleObjects``.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case real(Double)
  case text(String)
  case tuple(Int)
  case list(Int)
  case dictionary(Int)
  /// A class or function, by module and name. It is a name and nothing else: nothing is looked up.
  case global(String)
  case storage(Int)
  case tensor(Int)
  /// What has no meaning here, by its class or kind.
  case opaque(String)

  /// What the value is, for a message.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool: "a bool"
    case .integer: "an int"
    case .real: "a float"
    case .text: "a text"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .global(let name): "the name \(name.excerpt(60))"
    case .storage: "a storage"
    case .tensor: "a tensor"
    case .opaque(let name): "an object of class \(name.excerpt(60))"
    }
  }
}

/// The containers, storages and tensors of a pickle.
///
/// They refer to each other by number, so that a nest of any depth, or one that contains itself, is
/// released without recursion.
struct PickleObjects {
  var sequences: [[PickleValue]] = []
  var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  var storages: [PyTorchStorage] = []
  var tensors: [PyTorchTensor] = []

  /// The elements of a tuple or list.
  func elements(_ value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let index), .list(let index): sequences[index]
    default: nil
    }
  }

  mutating func tuple(_ elements: [PickleValue]) -> PickleValue {
    sequences.append(elements)
    return .tuple(sequences.count - 1)
  }

  mutating func list(_ elements: [PickleValue]) -> PickleValue {
    sequences.append(elements)
    return .list(sequences.count - 1)
  }

  mutating func dictionary() -> PickleValue {
    dictionaries.append([])
    return .dictionary(dictionaries.count - 1)
  }
}

/// The memory that tensors share, as a pickle describes it.
struct PyTorchStorage: Sendable {
  /// Its name: the number of an entry of the archive, or of a part of the file.
  var key: String
  var type: PyTorchElement
  /// The number of elements.
  var count: Int
}

/// A view of a storage.
struct PyTorchTensor: Sendable {
  var storage: Int
  /// The elements, which a tensor may say otherwise than its storage.
  var type: PyTorchElement
  /// Places in the storage are counted in elements.
  var offset: Int
  var shape: [Int]
  var strides: [Int]
}

/// A type of elements by PyTorch's name for it.
struct PyTorchElement: Sendable, Equatable {
  var name: String
  /// The bytes of an element; nil for a type that is not known.
  var width: Int?
  /// How elements are read; nil for those that are no real numbers, or too small to be of use.
  var elementType: ElementType?

  /// The type of a class such as `torch.FloatStorage`, or nil for another class.
  init?(storage name: String) {
    guard name.hasPrefix("torch."), name.hasSuffix("Storage") else { return nil }
    self.name = name
    (width, elementType) = Self.storages[name] ?? (nil, nil)
  }

  /// The type of a `dtype` such as `torch.uint16`, or nil for another name.
  init?(dtype name: String) {
    guard name.hasPrefix("torch.") else { return nil }
    self.name = name
    (width, elementType) = Self.dtypes[name] ?? (nil, nil)
  }

  private static let storages: [String: (Int?, ElementType?)] = {
    let known: [(String, ElementType)] = [
      ("Double", .float64), ("Float", .float32), ("Half", .float16), ("BFloat16", .bfloat16),
      ("Long", .int64), ("Int", .int32), ("Short", .int16), ("Char", .int8), ("Byte", .uint8),
      ("Bool", .bool),
    ]
    var table: [String: (Int?, ElementType?)] = [:]
    for (name, type) in known { table["torch.\(name)Storage"] = (type.byteCount, type) }
    for (name, width) in [
      ("ComplexFloat", 8), ("ComplexDouble", 16), ("QInt8", 1), ("QUInt8", 1), ("QInt32", 4),
      ("QUInt4x2", 1), ("QUInt2x4", 1),
    ] { table["torch.\(name)Storage"] = (width, nil) }
    // The bytes of a storage without a type; its tensors say theirs.
    for name in ["torch.UntypedStorage", "torch.storage.UntypedStorage"] {
      table[name] = (1, .uint8)
    }
    return table
  }()

  private static let dtypes: [String: (Int?, ElementType?)] = {
    let known: [(String, ElementType)] = [
      ("float64", .float64), ("float32", .float32), ("float16", .float16),
      ("bfloat16", .bfloat16), ("int64", .int64), ("int32", .int32), ("int16", .int16),
      ("int8", .int8), ("uint8", .uint8), ("uint16", .uint16), ("uint32", .uint32),
      ("uint64", .uint64), ("bool", .bool),
    ]
    var table: [String: (Int?, ElementType?)] = [:]
    for (name, type) in known { table["torch." + name] = (type.byteCount, type) }
    return table
  }()
}
