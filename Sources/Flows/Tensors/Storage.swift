internal import CFlowKernels

/// The memory of a tensor with what the tape knows of it: the one class reference of a tensor.
///
/// Memory is written once, by the operation that makes it, before anything else sees it; the
/// exception are accumulators, which only their tape and the trainer that owns them touch.
final class Storage: @unchecked Sendable {
  let pointer: UnsafeMutableRawPointer
  let shape: Shape
  let count: Int
  let kind: ScalarKind
  /// Set where the memory belongs to another storage, which this one keeps alive.
  private let owner: Storage?
  /// The tape that recorded how this came to be; nil for constants.
  let tape: Tape?
  let node: Int32
  private let epoch: Int64

  var type: fk_type { kind.kernelType }
  private var bytes: Int { max(1, count * kind.size) }

  /// New memory, not initialised; becomes a node of `tape` where one is given.
  init(_ shape: Shape, _ kind: ScalarKind, tape: Tape? = nil) {
    self.shape = shape
    self.kind = kind
    count = shape.count
    owner = nil
    self.tape = tape
    if let tape {
      (node, epoch) = tape.newNode()
    } else {
      (node, epoch) = (-1, 0)
    }
    pointer = fk_allocate(max(1, count * kind.size))
  }

  /// Memory of `owner` seen under another shape or from an offset on, in elements.
  init(
    viewing owner: Storage, shape: Shape, offset: Int = 0, tape: Tape? = nil,
    permanent: Bool = false
  ) {
    self.shape = shape
    kind = owner.kind
    count = shape.count
    self.owner = owner.owner ?? owner
    self.tape = tape
    if let tape {
      (node, epoch) = tape.newNode(permanent: permanent)
    } else {
      (node, epoch) = (-1, 0)
    }
    pointer = owner.pointer + offset * owner.kind.size
  }

  deinit {
    if owner == nil { fk_deallocate(pointer, bytes) }
  }

  /// The tape to record on, if this tensor still belongs to an open recording.
  @inline(__always)
  var activeTape: Tape? {
    guard let tape, tape.isValid(epoch) else { return nil }
    return tape
  }

  /// The storage whose memory this is.
  var memory: Storage { owner ?? self }

  /// How often the memory changed in place while others could see it.
  ///
  /// Only a trainer does that, and only between its passes.
  private(set) var generation = 0

  func didChange() { generation += 1 }

  /// The same values without derivative.
  var detached: Storage { tape == nil ? self : Storage(viewing: self, shape: shape) }

  /// True where the memory belongs to another storage.
  var isView: Bool { owner != nil }

  static func zeros(_ shape: Shape, _ kind: ScalarKind) -> Storage {
    filled(shape, kind, with: 0)
  }

  static func filled(_ shape: Shape, _ kind: ScalarKind, with value: Double) -> Storage {
    let result = Storage(shape, kind)
    fk_fill(result.type, Int64(result.count), value, result.pointer)
    return result
  }

  func copied() -> Storage {
    let result = Storage(shape, kind)
    result.pointer.copyMemory(from: pointer, byteCount: count * kind.size)
    return result
  }
}
