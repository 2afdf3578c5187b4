internal import CFlowKernels

/// True where the calling thread is within a recording of tensor operations.
var isRecordingOperations: Bool { fk_is_recording() }

/// A recording of operations, as a flat list of closures that run backwards.
///
/// Each operation that makes a tracked tensor appends one closure, which takes the gradient of its
/// result and adds to those of its arguments. A tape is used by one thread at a time.
final class Tape {
  typealias Record = (Tape) -> Void

  private var records: ContiguousArray<Record> = []
  private var gradients: ContiguousArray<Storage?> = []
  private var nodeCount: Int32 = 0
  private var epoch: Int64 = 1
  private var isOpen = true
  /// Nodes below this one have gradients that are always added to in place: a trainer's slots.
  private var accumulatorCount: Int32 = 0
  private var mark: Int32 = 0
  /// Sums from which the gradients of piecewise linear networks follow, in the order of first use.
  private(set) var pieceSums: ContiguousArray<PieceSums> = []
  /// Nodes below this one are what the recording started from, so that no record waits for their
  /// gradient.
  private var leafCount: Int32 = 0
  /// True where the owner turns those sums into gradients, once for many backward passes.
  var defersPieceSums = false
  /// Grows from tape to tape, so that of two nested recordings the inner one is known.
  private let serial = fk_next_serial()

  // MARK: - Nodes

  static let permanentEpoch: Int64 = -1

  @inline(__always)
  func isValid(_ epoch: Int64) -> Bool {
    isOpen && (epoch == self.epoch || epoch == Tape.permanentEpoch)
  }

  /// The tape that records an operation on tensors of these two: the one of the inner recording,
  /// to which those of the outer one are constants (derivatives are of first order).
  @inline(__always)
  static func recording(_ a: Tape?, _ b: Tape?) -> Tape? {
    guard let a, let b, a !== b else { return a ?? b }
    return a.serial > b.serial ? a : b
  }

  func newNode(permanent: Bool = false) -> (Int32, Int64) {
    let node = nodeCount
    nodeCount += 1
    gradients.append(nil)
    return (node, permanent ? Tape.permanentEpoch : epoch)
  }

  /// Runs a closure whose operations are recorded.
  func recording<R>(_ body: () throws -> R) rethrows -> R {
    fk_begin_recording()
    defer { fk_end_recording() }
    return try body()
  }

  func record(_ body: @escaping Record) { records.append(body) }

  // MARK: - Gradients

  /// The gradient of a node, removed from the tape; nil where the loss does not depend on it.
  @inline(__always)
  func takeGradient(of node: Int32) -> Storage? {
    let gradient = gradients[Int(node)]
    gradients[Int(node)] = nil
    return gradient
  }

  func gradient(of node: Int32) -> Storage? { gradients[Int(node)] }

  /// Memory to which a kernel adds the gradient of a node.
  ///
  /// Those of a trainer's slots may be asked for on several threads at a time.
  func addend(for node: Int32, like storage: Storage) -> UnsafeMutableRawPointer {
    if node < accumulatorCount, let slot = gradients[Int(node)] { return slot.pointer }
    return zeroedAccumulator(for: node, like: storage).pointer
  }

  /// Adds to the gradient of a node; the first one is taken over as it is.
  func add(_ gradient: Storage, to node: Int32) {
    if gradients[Int(node)] == nil {
      gradients[Int(node)] = gradient
      return
    }
    let target = writableGradient(of: node)
    fk_add_scaled(target.type, Int64(target.count), 1, gradient.pointer, target.pointer)
  }

  /// Memory that a kernel may write or, if `accumulates`, must add the gradient of a node to.
  func accumulator(for node: Int32, like storage: Storage) -> (target: Storage, accumulates: Bool) {
    if gradients[Int(node)] != nil { return (writableGradient(of: node), true) }
    let fresh = Storage(storage.shape, storage.kind)
    gradients[Int(node)] = fresh
    return (fresh, false)
  }

  // Two nodes may hold one gradient (both operands of a sum), so one that is not held by this
  // node alone is copied before it is added to; so is a view, whose owner another node may hold.
  private func writableGradient(of node: Int32) -> Storage {
    let index = Int(node)
    let isUnique = isKnownUniquelyReferenced(&gradients[index])
    guard let existing = gradients[index] else { preconditionFailure("the caller checked") }
    if node < accumulatorCount || (isUnique && !existing.isView) { return existing }
    let copy = existing.copied()
    gradients[index] = copy
    return copy
  }

  /// The same, for kernels that can only add.
  func zeroedAccumulator(for node: Int32, like storage: Storage) -> Storage {
    let (target, accumulates) = accumulator(for: node, like: storage)
    if !accumulates { fk_fill(target.type, Int64(target.count), 0, target.pointer) }
    return target
  }

  // MARK: - Running

  /// Runs the recording backwards from `node`, whose gradient is `seed`.
  func backward(from node: Int32, seed: Storage) {
    gradients[Int(node)] = seed
    while let record = records.popLast() { record(self) }
    if !defersPieceSums { finishPieceSums() }
  }

  /// Runs backwards without consuming the recording, so that it can run again.
  func backwardKeeping(from node: Int32, seed: Storage) {
    gradients[Int(node)] = seed
    for record in records.reversed() { record(self) }
    if !defersPieceSums { finishPieceSums() }
  }

  func clearGradients() {
    for index in gradients.indices { gradients[index] = nil }
  }

  // MARK: - Piecewise linear networks

  /// The sums of a network whose parameters this tape tracks, from zero where they are not in use.
  ///
  /// They are kept until the recording has run backwards, or longer where that is the owner's wish;
  /// but a parameter that was computed has a record that waits for its gradient.
  func pieceSums<Scalar>(of network: PreparedNetwork, _ layers: [Linear<Scalar>]) -> PieceSums {
    let isDeferred = layers.allSatisfy(isMadeOfLeaves)
    let sums: PieceSums
    if isDeferred, let kept = pieceSums.first(where: { $0.isOf(layers) }) {
      sums = kept
    } else {
      sums = PieceSums(
        network, parameters: layers.map(LayerParameters.init), isDeferred: isDeferred)
      if isDeferred { pieceSums.append(sums) }
    }
    sums.begin(network)
    return sums
  }

  private func isMadeOfLeaves<Scalar>(_ layer: Linear<Scalar>) -> Bool {
    func isLeaf(_ storage: Storage) -> Bool {
      storage.activeTape !== self || storage.node < leafCount
    }
    return isLeaf(layer.weight.storage) && (layer.bias.map { isLeaf($0.storage) } ?? true)
  }

  /// The sums that something was added to since they were last finished; forgets the others.
  func takeUsedPieceSums() -> ContiguousArray<PieceSums> {
    pieceSums.removeAll { !$0.isUsed }
    return pieceSums
  }

  private func finishPieceSums() {
    for sums in pieceSums { sums.finish(on: self) }
    pieceSums.removeAll()
  }

  /// Everything watched so far is what the recording starts from.
  func setLeaves() { leafCount = nodeCount }

  // MARK: - Trainers

  /// Everything recorded so far stays through `rewind`; their gradients go to accumulators.
  func setMark() {
    mark = nodeCount
    accumulatorCount = nodeCount
    leafCount = nodeCount
  }

  func setAccumulator(_ storage: Storage, for node: Int32) { gradients[Int(node)] = storage }

  /// Forgets all that came after the mark.
  func rewind() {
    records.removeAll(keepingCapacity: true)
    gradients.removeLast(gradients.count - Int(mark))
    nodeCount = mark
    epoch += 1
  }

  /// Ends the recording and cuts the cycle tape → record → storage → tape.
  func close() {
    isOpen = false
    records.removeAll()
    gradients.removeAll()
    pieceSums.removeAll()
  }
}
