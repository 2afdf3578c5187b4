/// Reads pickles as `torch.save` writes them, without calling anything that they name.
///
/// A pickle is a program for a stack machine. Here the machine knows texts, numbers, lists, tuples,
/// dictionaries, and the functions by which PyTorch describes tensors
/// (``PickleObjects/apply(_:_:isInner:)``). A class or function is its name; calling any other makes an
/// opaque value that remembers the name, and what is stored into such a value is dropped. The
/// operations are those of protocols 2 to 5 (Python's `pickletools` describes them), without
/// buffers outside of the pickle and registered extensions.
///
/// Every operation takes at least one byte and makes at most one object, so that memory is bounded
/// by the pickle's length: at most 256 bytes for each of its bytes.
struct PickleReader {
  private(set) var objects = PickleObjects()
  /// The number of operations so far.
  private(set) var operations = 0

  private var cursor: PickleCursor
  private var stack: [PickleValue] = []
  /// The heights of the stack at which marks stand.
  private var marks: [Int] = []
  private var memo: [PickleValue?] = []
  private var storageIndices: [String: Int] = [:]

  init(_ cursor: PickleCursor) { self.cursor = cursor }

  /// The place after what has been read.
  var position: Int { cursor.position }

  /// The value of the next pickle; storages keep their numbers from one to the next.
  mutating func read() throws -> PickleValue {
    (stack, marks, memo) = ([], [], [])
    defer { (stack, marks, memo) = ([], [], []) }
    while true {
      let code = try cursor.byte()
      operations += 1
      if code == UInt8(ascii: ".") { return try pop() }
      do {
        try run(code)
      } catch let error as FlowsError {
        throw FlowsError(
          error.kind, error.message + " (at byte \(cursor.position))", file: error.file,
          field: error.field)
      }
    }
  }

  // MARK: - Operations

  private mutating func run(_ code: UInt8) throws {
    switch code {
    case 0x80:  // PROTO
      let version = try cursor.byte()
      guard (2...5).contains(version) else {
        throw FlowsError(
          .unsupported, "expected a pickle of protocol 2 to 5, found \(version)")
      }
    case 0x95: _ = try cursor.bytes(8)  // FRAME
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "0"): try popOrUnmark()
    case UInt8(ascii: "1"): _ = try popToMark()
    case UInt8(ascii: "2"):
      let top = try pop()
      stack += [top, top]
    case 0x4E, 0x88, 0x89, 0x4A, 0x4B, 0x4D, 0x8A, 0x8B, 0x47: try pushNumber(code)
    case 0x58, 0x8C, 0x8D, 0x54, 0x55, 0x42, 0x43, 0x8E, 0x96: try pushText(code)
    case 0x29, 0x74, 0x85, 0x86, 0x87, 0x5D, 0x6C, 0x7D, 0x64, 0x8F, 0x91:
      try pushContainer(code)
    case 0x61, 0x65, 0x73, 0x75, 0x90: try store(code)
    case 0x71, 0x72, 0x94, 0x68, 0x6A: try remember(code)
    case 0x63, 0x93, 0x52, 0x81, 0x92, 0x69, 0x6F, 0x62, 0x51: try makeObject(code)
    default:
      throw FlowsError(
        .malformedFile,
        "the pickle holds operation \(code), which is none of those that PyTorch writes")
    }
  }

  private mutating func pushNumber(_ code: UInt8) throws {
    switch code {
    case 0x4E: stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case 0x4A:
      let word = UInt32(truncatingIfNeeded: try cursor.count(4))
      stack.append(.integer(Int(Int32(bitPattern: word))))
    case 0x4B: stack.append(.integer(try cursor.count(1)))
    case 0x4D: stack.append(.integer(try cursor.count(2)))
    case 0x47:
      let word = try cursor.bytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      stack.append(.real(Double(bitPattern: word)))
    default:
      let bytes = try cursor.bytes(try cursor.count(code == 0x8A ? 1 : 4))
      guard bytes.count <= 8 else { return stack.append(.opaque("int")) }
      let isNegative = bytes.last.map { $0 & 0x80 != 0 } ?? false
      let word = bytes.reversed().reduce(isNegative ? UInt64.max : 0) { $0 << 8 | UInt64($1) }
      stack.append(.integer(Int(truncatingIfNeeded: word)))
    }
  }

  private mutating func pushText(_ code: UInt8) throws {
    switch code {
    case 0x58: stack.append(.text(try cursor.text(try cursor.count(4))))
    case 0x8C: stack.append(.text(try cursor.text(try cursor.count(1))))
    case 0x8D: stack.append(.text(try cursor.text(try cursor.count(8))))
    case 0x54, 0x55:
      // Texts of Python 2, which may be bytes of any kind.
      let bytes = try cursor.bytes(try cursor.count(code == 0x54 ? 4 : 1))
      stack.append(String(validUTF8: bytes).map { .text($0) } ?? .opaque("bytes"))
    case 0x42: try skip(4)
    case 0x43: try skip(1)
    default: try skip(8)
    }
  }

  /// Passes over bytes, which mean nothing here, without reading them.
  private mutating func skip(_ size: Int) throws {
    try cursor.skip(try cursor.count(size))
    stack.append(.opaque("bytes"))
  }

  private mutating func pushContainer(_ code: UInt8) throws {
    switch code {
    case 0x29: stack.append(objects.tuple([]))
    case 0x74: stack.append(objects.tuple(try popToMark()))
    case 0x85, 0x86, 0x87:
      var elements: [PickleValue] = []
      for _ in 0..<Int(code - 0x84) { elements.append(try pop()) }
      stack.append(objects.tuple(elements.reversed()))
    case 0x5D: stack.append(objects.list([]))
    case 0x6C: stack.append(objects.list(try popToMark()))
    case 0x7D: stack.append(objects.dictionary())
    case 0x64:
      let items = try popToMark()
      stack.append(objects.dictionary())
      try setItems(items)
    case 0x8F: stack.append(.opaque("set"))
    default:
      _ = try popToMark()
      stack.append(.opaque("frozenset"))
    }
  }

  private mutating func store(_ code: UInt8) throws {
    switch code {
    case 0x61: try append([try pop()])
    case 0x65: try append(try popToMark())
    case 0x73:
      let value = try pop()
      try setItems([try pop(), value])
    case 0x75: try setItems(try popToMark())
    default:
      _ = try popToMark()
      guard case .opaque = try top() else { throw unexpected("a set", try top()) }
    }
  }

  private mutating func remember(_ code: UInt8) throws {
    switch code {
    case 0x94: memo.append(try top())
    case 0x71, 0x72:
      let index = try cursor.count(code == 0x71 ? 1 : 4)
      // Writers count upwards; no more places are made than operations could have filled.
      guard index <= operations else {
        throw FlowsError(.malformedFile, "the pickle keeps a value in place \(index)")
      }
      while memo.count <= index { memo.append(nil) }
      memo[index] = try top()
    default:
      let index = try cursor.count(code == 0x68 ? 1 : 4)
      guard index < memo.count, let value = memo[index] else {
        throw FlowsError(
          .malformedFile, "the pickle asks for the value in place \(index), where there is none")
      }
      stack.append(value)
    }
  }

  private mutating func makeObject(_ code: UInt8) throws {
    switch code {
    case 0x63: stack.append(.global(try cursor.line() + "." + cursor.line()))
    case 0x93:
      guard case .text(let name) = try pop(), case .text(let module) = try pop(),
        name.utf8.count + module.utf8.count <= 2_000
      else { throw FlowsError(.malformedFile, "the pickle names a class by values of other kinds") }
      stack.append(.global(module + "." + name))
    case 0x52, 0x81:  // REDUCE, NEWOBJ
      let arguments = try pop()
      stack.append(try objects.apply(try pop(), arguments))
    case 0x92:  // NEWOBJ_EX: arguments by name are dropped.
      _ = try pop()
      let arguments = try pop()
      stack.append(try objects.apply(try pop(), arguments))
    case 0x69:  // INST
      let name = try cursor.line() + "." + cursor.line()
      _ = try popToMark()
      stack.append(.opaque(name))
    case 0x6F:  // OBJ
      guard case .global(let name)? = try popToMark().first else {
        throw FlowsError(.malformedFile, "the pickle makes an object without its class")
      }
      stack.append(.opaque(name))
    case 0x62:  // BUILD: attributes of objects are dropped.
      _ = try pop()
      _ = try top()
    default: stack.append(try objects.persistent(try pop(), &storageIndices))
    }
  }

  // MARK: - Containers

  private mutating func append(_ elements: [PickleValue]) throws {
    switch try top() {
    case .list(let index): objects.sequences[index] += elements
    case .opaque: break
    case let other: throw unexpected("a list", other)
    }
  }

  private mutating func setItems(_ items: [PickleValue]) throws {
    guard items.count % 2 == 0 else {
      throw FlowsError(.malformedFile, "a dictionary of the pickle has a key without a value")
    }
    switch try top() {
    case .dictionary(let index):
      for place in stride(from: 0, to: items.count, by: 2) {
        objects.dictionaries[index].append((items[place], items[place + 1]))
      }
    case .opaque: break
    case let other: throw unexpected("a dictionary", other)
    }
  }

  // MARK: - The stack

  private func top() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let top = stack.last else { throw Self.emptyStack }
    return top
  }

  private mutating func pop() throws -> PickleValue {
    guard stack.count > marks.last ?? 0, let top = stack.popLast() else { throw Self.emptyStack }
    return top
  }

  private mutating func popOrUnmark() throws {
    if let mark = marks.last, mark == stack.count {
      marks.removeLast()
    } else {
      _ = try pop()
    }
  }

  private mutating func popToMark() throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw Self.emptyStack }
    let values = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return values
  }

  private static let emptyStack = FlowsError(
    .malformedFile, "the pickle takes a value that is not there")

  private func unexpected(_ expected: String, _ found: PickleValue) -> FlowsError {
    FlowsError(.malformedFile, "expected \(expected), found \(found.kind)")
  }
}
