/// What calls and persistent ids mean; all else becomes opaque.
extension PickleObjects {
  /// The value of a call, of which nothing is executed.
  ///
  /// | name | value |
  /// | --- | --- |
  /// | `collections.OrderedDict`, `collections.defaultdict`, `builtins.dict` | a dictionary |
  /// | `torch._utils._rebuild_tensor`, `…_v2`, `…_v3` | a tensor |
  /// | `torch._utils._rebuild_parameter`, `…_with_state` | the tensor in it |
  /// | `torch._tensor._rebuild_from_type_v2` | the tensor in it |
  /// | `torch.Size`, `builtins.list`, `builtins.tuple` | the sequence in it |
  /// | any other | opaque, by its name |
  mutating func apply(
    _ callable: PickleValue, _ arguments: PickleValue, isInner: Bool = false
  ) throws -> PickleValue {
    let name: String
    switch callable {
    case .global(let global): name = global
    case .opaque: return callable
    default:
      throw FlowsError(.malformedFile, "the pickle calls \(callable.kind)")
    }
    guard case .tuple(let index) = arguments else {
      // Objects may be called with opaque arguments.
      if case .opaque = arguments { return .opaque(name) }
      throw FlowsError(
        .malformedFile,
        "expected a tuple of arguments for \(name.excerpt(60)), found "
          + arguments.kind)
    }
    let values = sequences[index]
    switch name {
    case "collections.OrderedDict", "collections.defaultdict", "builtins.dict",
      "__builtin__.dict":
      return dictionary(items: values.last)
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2",
      "torch._utils._rebuild_tensor_v3":
      return try tensor(name, values)
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state":
      if case .tensor? = values.first { return values[0] }
      return .opaque(name)
    case "torch._tensor._rebuild_from_type_v2" where values.count >= 3 && !isInner:
      return try apply(values[0], values[2], isInner: true)
    case "torch.Size", "builtins.list", "builtins.tuple", "__builtin__.list":
      if let value = values.first, elements(value) != nil { return value }
      return values.isEmpty ? tuple([]) : .opaque(name)
    default: return .opaque(name)
    }
  }

  /// A dictionary with the pairs that Python 2 gives it as an argument.
  private mutating func dictionary(items: PickleValue?) -> PickleValue {
    let pairs = items.flatMap { elements($0) } ?? []
    let result = dictionary()
    for pair in pairs {
      if let pair = elements(pair), pair.count == 2 {
        dictionaries[dictionaries.count - 1].append((pair[0], pair[1]))
      }
    }
    return result
  }

  // MARK: - Tensors

  /// A tensor of (storage, offset, shape, strides, …); version 3 has the element type in place 6.
  private mutating func tensor(_ name: String, _ values: [PickleValue]) throws -> PickleValue {
    guard values.count >= 4 else {
      throw FlowsError(
        .malformedFile, "expected 4 arguments or more for \(name), found \(values.count)")
    }
    guard case .storage(let storage) = values[0] else {
      // A storage of another kind, such as one that was saved without its data.
      if case .opaque(let kind) = values[0] { return .opaque(kind) }
      throw FlowsError(.malformedFile, "expected the storage of a tensor, found \(values[0].kind)")
    }
    guard case .integer(let offset) = values[1], offset >= 0 else {
      throw FlowsError(.malformedFile, "expected where a tensor begins, found \(values[1].kind)")
    }
    var type = storages[storage].type
    if name.hasSuffix("_v3") {
      guard values.count >= 7, case .global(let dtype) = values[6],
        let found = PyTorchElement(dtype: dtype)
      else { throw FlowsError(.malformedFile, "expected the element type of a tensor") }
      type = found
    }
    tensors.append(
      PyTorchTensor(
        storage: storage, type: type, offset: offset, shape: try counts(values[2], "shape"),
        strides: try counts(values[3], "strides")))
    return .tensor(tensors.count - 1)
  }

  private func counts(_ value: PickleValue, _ what: String) throws -> [Int] {
    guard let elements = elements(value), elements.count <= 64 else {
      throw FlowsError(.malformedFile, "expected the \(what) of a tensor, found \(value.kind)")
    }
    return try elements.map {
      guard case .integer(let count) = $0, count >= 0 else {
        throw FlowsError(
          .malformedFile, "expected whole numbers as the \(what) of a tensor, found \($0.kind)")
      }
      return count
    }
  }

  // MARK: - Storages

  /// What a persistent id stands for: ('storage', type, key, place, count) is a storage.
  mutating func persistent(
    _ id: PickleValue, _ indices: inout [String: Int]
  ) throws -> PickleValue {
    guard let values = elements(id), case .text(let kind)? = values.first else {
      throw FlowsError(.malformedFile, "expected the id of a storage, found \(id.kind)")
    }
    // The source code of a class that was saved whole.
    if kind == "module", values.count > 1 { return values[1] }
    guard kind == "storage", values.count >= 5, case .global(let name) = values[1],
      case .text(let key) = values[2], case .integer(let count) = values[4], count >= 0,
      let type = PyTorchElement(storage: name)
    else { throw FlowsError(.malformedFile, "the id of a storage is not valid") }
    if values.count > 5, case .tuple = values[5] {
      throw FlowsError(.unsupported, "the file holds a storage that is a view of another one")
    }
    if let width = type.width, count.multipliedReportingOverflow(by: width).overflow {
      throw FlowsError(.malformedFile, "a storage declares \(count) elements", field: key)
    }
    if let index = indices[key] {
      guard storages[index].type == type, storages[index].count == count else {
        throw FlowsError(
          .malformedFile, "the storage is described in two ways that contradict each other",
          field: key)
      }
      return .storage(index)
    }
    indices[key] = storages.count
    storages.append(PyTorchStorage(key: key, type: type, count: count))
    return .storage(storages.count - 1)
  }
}
