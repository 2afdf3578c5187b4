internal import CFlowKernels

// Reshaping, slicing along the first axis and adding axes share memory; the rest copies, because
// every tensor is dense.

private func copy(
  _ x: Storage, shape: Shape, inStrides: Extents, inOffset: Int = 0, outStrides: Extents? = nil,
  outOffset: Int = 0, into result: Storage
) {
  let size = x.kind.size
  shape.extents.withPointer { extents in
    inStrides.withPointer { from in
      (outStrides ?? shape.strides).withPointer { to in
        fk_copy_strided(
          x.type, Int64(shape.rank), extents, from, to, x.pointer + inOffset * size,
          result.pointer + outOffset * size)
      }
    }
  }
}

extension Tensor {
  func reshaped(to shape: Shape) -> Tensor {
    precondition(
      shape.count == count,
      "the shape \(self.shape) holds \(count) scalars and cannot become \(shape.array)")
    let x = storage
    let tape = x.activeTape
    let result = Storage(viewing: x, shape: shape, tape: tape)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      tape.add(Storage(viewing: g, shape: x.shape), to: x.node)
    }
    return Tensor(result)
  }

  /// The same scalars under another shape; one extent may be −1 and is then worked out.
  public func reshaped(to shape: [Int]) -> Tensor {
    guard let unknown = shape.firstIndex(of: -1) else { return reshaped(to: Shape(shape)) }
    let known = shape.enumerated().filter { $0.offset != unknown }.map(\.element).reduce(1, *)
    precondition(
      known > 0 && count % known == 0,
      "\(count) scalars cannot be arranged as \(shape): they do not divide evenly")
    var complete = shape
    complete[unknown] = count / known
    return reshaped(to: Shape(complete))
  }

  /// All scalars as a vector.
  public func flattened() -> Tensor { reshaped(to: Shape(count)) }

  /// With a new axis of extent 1 before `axis`.
  public func expanded(axis: Int) -> Tensor {
    var sizes = shape
    let position = axis < 0 ? axis + rank + 1 : axis
    precondition(position >= 0 && position <= rank, "no place \(axis) for an axis in \(shape)")
    sizes.insert(1, at: position)
    return reshaped(to: Shape(sizes))
  }

  /// Without an axis of extent 1.
  public func squeezed(axis: Int) -> Tensor {
    let axis = storage.shape.normalized(axis: axis)
    precondition(storage.shape[axis] == 1, "axis \(axis) of the shape \(shape) is not 1")
    var sizes = shape
    sizes.remove(at: axis)
    return reshaped(to: Shape(sizes))
  }

  func broadcast(to shape: Shape) -> Tensor {
    let x = storage
    if x.shape == shape { return self }
    precondition(
      Shape.broadcast(x.shape, shape) == shape,
      "the shape \(self.shape) cannot be broadcast to \(shape.array)")
    let tape = x.activeTape
    let result = Storage(shape, x.kind, tape: tape)
    copy(x, shape: shape, inStrides: x.shape.strides(broadcastTo: shape), into: result)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      tape.add(reduced(g, to: x.shape), to: x.node)
    }
    return Tensor(result)
  }

  /// Stretched to a larger shape: axes are matched from the last, and 1 stretches.
  public func broadcast(to shape: [Int]) -> Tensor { broadcast(to: Shape(shape)) }

  /// With axes in another order: axis i of the result is axis `order[i]` of this tensor.
  public func permuted(_ order: [Int]) -> Tensor {
    precondition(
      order.sorted() == Array(0..<rank), "\(order) is not an order of the axes 0..<\(rank)")
    let x = storage
    let own = x.shape.strides
    var strides = Extents()
    for (axis, source) in order.enumerated() { strides[axis] = own[source] }
    let tape = x.activeTape
    let result = Storage(Shape(order.map { x.shape[$0] }), x.kind, tape: tape)
    copy(x, shape: result.shape, inStrides: strides, into: result)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      let gradient = Storage(x.shape, x.kind)
      copy(
        g, shape: g.shape, inStrides: g.shape.strides, outStrides: strides, into: gradient)
      tape.add(gradient, to: x.node)
    }
    return Tensor(result)
  }

  /// The transpose of a matrix.
  public func transposed() -> Tensor {
    _ = storage.shape.matrix("what is transposed")
    return permuted([1, 0])
  }

  /// A range of positions along an axis.
  public func slice(_ range: Range<Int>, axis: Int) -> Tensor {
    let axis = storage.shape.normalized(axis: axis)
    let x = storage
    precondition(
      range.lowerBound >= 0 && range.upperBound <= x.shape[axis],
      "the range \(range) is outside axis \(axis) of the shape \(shape)")
    let shape = x.shape.replacing(axis: axis, with: range.count)
    let strides = x.shape.strides
    let offset = range.lowerBound * strides[axis]
    let tape = x.activeTape
    let result: Storage
    if axis == 0 {
      result = Storage(viewing: x, shape: shape, offset: offset, tape: tape)
    } else {
      result = Storage(shape, x.kind, tape: tape)
      copy(x, shape: shape, inStrides: strides, inOffset: offset, into: result)
    }
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      let gradient = tape.zeroedAccumulator(for: x.node, like: x)
      shape.extents.withPointer { extents in
        strides.withPointer { strides in
          fk_add_strided(
            g.type, Int64(shape.rank), extents, strides, g.pointer,
            gradient.pointer + offset * g.kind.size)
        }
      }
    }
    return Tensor(result)
  }

  /// A range of rows (positions along the first axis), sharing memory.
  public subscript(rows range: Range<Int>) -> Tensor { slice(range, axis: 0) }

  /// A range of columns (positions along the last axis).
  public subscript(columns range: Range<Int>) -> Tensor { slice(range, axis: -1) }

  /// Positions along an axis in a given order, with repetition if wanted.
  public func gathering(_ indices: [Int], axis: Int) -> Tensor {
    gathering(IndexList(indices), axis: axis)
  }

  func gathering(_ indices: IndexList, axis: Int) -> Tensor {
    let axis = storage.shape.normalized(axis: axis)
    let x = storage
    let (outer, length, inner) = x.shape.around(axis: axis)
    precondition(
      indices.isWithin(length),
      "an index to gather lies outside axis \(axis) of the shape \(shape)")
    let tape = x.activeTape
    let result = Storage(
      x.shape.replacing(axis: axis, with: indices.count), x.kind, tape: tape)
    fk_gather(
      x.type, Int64(outer), Int64(length), Int64(inner), Int64(indices.count), indices.pointer,
      x.pointer, result.pointer)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      let gradient = tape.zeroedAccumulator(for: x.node, like: x)
      fk_scatter_add(
        g.type, Int64(outer), Int64(length), Int64(inner), Int64(indices.count), indices.pointer,
        g.pointer, gradient.pointer)
    }
    return Tensor(result)
  }

  /// Rows in a given order.
  public func rows(_ indices: [Int]) -> Tensor { gathering(indices, axis: 0) }

  /// Columns (positions along the last axis) in a given order.
  public func columns(_ indices: [Int]) -> Tensor { gathering(indices, axis: -1) }

  /// The transpose of gathering: position i of this tensor is added to position `indices[i]` of a
  /// tensor of zeros with `count` positions along the axis.
  public func scattering(_ indices: [Int], axis: Int, count: Int) -> Tensor {
    let axis = storage.shape.normalized(axis: axis)
    let list = IndexList(indices)
    let x = storage
    let (outer, length, inner) = x.shape.around(axis: axis)
    precondition(
      indices.count == length && list.isWithin(count),
      "scattering axis \(axis) of the shape \(shape) takes \(length) indices below \(count)")
    let tape = x.activeTape
    let result = Storage(x.shape.replacing(axis: axis, with: count), x.kind, tape: tape)
    fk_fill(result.type, Int64(result.count), 0, result.pointer)
    fk_scatter_add(
      x.type, Int64(outer), Int64(count), Int64(inner), Int64(length), list.pointer, x.pointer,
      result.pointer)
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      let gradient = Storage(x.shape, x.kind)
      fk_gather(
        g.type, Int64(outer), Int64(count), Int64(inner), Int64(length), list.pointer, g.pointer,
        gradient.pointer)
      tape.add(gradient, to: x.node)
    }
    return Tensor(result)
  }

  /// Tensors joined along an axis; their other extents agree.
  public static func concatenated(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    guard let first = tensors.first else {
      preconditionFailure("nothing to concatenate: the list of tensors is empty")
    }
    let axis = first.storage.shape.normalized(axis: axis)
    var total = 0
    for tensor in tensors {
      precondition(
        tensor.rank == first.rank
          && tensor.storage.shape.replacing(axis: axis, with: 0)
            == first.storage.shape.replacing(axis: axis, with: 0),
        "shapes \(first.shape) and \(tensor.shape) cannot be concatenated along axis \(axis)")
      total += tensor.storage.shape[axis]
    }
    let parts = tensors.map(\.storage)
    let tape = parts.reduce(nil) { Tape.recording($0, $1.activeTape) }
    let tracked = parts.map { tape != nil && $0.activeTape === tape }
    let shape = first.storage.shape.replacing(axis: axis, with: total)
    let result = Storage(shape, first.storage.kind, tape: tape)
    let strides = shape.strides
    var offset = 0
    for part in parts {
      copy(
        part, shape: part.shape, inStrides: part.shape.strides, outStrides: strides,
        outOffset: offset * strides[axis], into: result)
      offset += part.shape[axis]
    }
    tape?.record { tape in
      guard let g = tape.takeGradient(of: result.node) else { return }
      var offset = 0
      for (part, isTracked) in zip(parts, tracked) {
        if isTracked {
          let gradient = Storage(part.shape, part.kind)
          copy(
            g, shape: part.shape, inStrides: strides, inOffset: offset * strides[axis],
            into: gradient)
          tape.add(gradient, to: part.node)
        }
        offset += part.shape[axis]
      }
    }
    return Tensor(result)
  }

  /// Tensors of one shape along a new axis.
  public static func stacked(_ tensors: [Tensor], axis: Int = 0) -> Tensor {
    concatenated(tensors.map { $0.expanded(axis: axis) }, axis: axis)
  }
}

/// Indices in the form that kernels read, checked once.
final class IndexList: @unchecked Sendable {
  let count: Int
  let pointer: UnsafePointer<Int64>
  private let memory: UnsafeMutablePointer<Int64>
  private let largest: Int
  private let smallest: Int

  init(_ indices: [Int]) {
    count = indices.count
    memory = .allocate(capacity: max(1, indices.count))
    for (position, index) in indices.enumerated() { memory[position] = Int64(index) }
    pointer = UnsafePointer(memory)
    largest = indices.max() ?? -1
    smallest = indices.min() ?? 0
  }

  deinit { memory.deallocate() }

  func isWithin(_ count: Int) -> Bool { smallest >= 0 && largest < count }
}
