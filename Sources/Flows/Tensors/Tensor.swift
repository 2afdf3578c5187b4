internal import CFlowKernels

/// A dense, row-major array of numbers of up to six axes, with value semantics.
///
/// Operations on tensors that come from the closure of ``valueAndGradient(at:_:)`` are recorded, so
/// that derivatives follow; all others cost nothing beyond their arithmetic. Shape mistakes are
/// preconditions that name both shapes.
public struct Tensor<Scalar: TensorScalar>: Sendable {
  var storage: Storage

  init(_ storage: Storage) { self.storage = storage }

  // MARK: - Making tensors

  /// A tensor from scalars in row-major order.
  ///
  /// - Precondition: the product of `shape` is `scalars.count`.
  public init(shape: [Int], scalars: [Scalar]) {
    let extents = Shape(shape)
    precondition(
      extents.count == scalars.count,
      "the shape \(shape) holds \(extents.count) scalars; got \(scalars.count)")
    storage = Storage(extents, Scalar.scalarKind)
    scalars.withUnsafeBytes { bytes in
      if let base = bytes.baseAddress, !bytes.isEmpty {
        storage.pointer.copyMemory(from: base, byteCount: bytes.count)
      }
    }
  }

  /// A vector `[count]`.
  public init(_ scalars: [Scalar]) { self.init(shape: [scalars.count], scalars: scalars) }

  /// A matrix `[rows, columns]` from rows of equal length.
  public init(_ rows: [[Scalar]]) {
    let columns = rows.first?.count ?? 0
    for (index, row) in rows.enumerated() {
      precondition(
        row.count == columns,
        "every row has \(columns) scalars as the first one; row \(index) has \(row.count)")
    }
    self.init(shape: [rows.count, columns], scalars: Array(rows.joined()))
  }

  /// A scalar, of rank 0.
  public init(_ scalar: Scalar) { self.init(shape: [], scalars: [scalar]) }

  /// A tensor with one value everywhere.
  public init(repeating value: Scalar, shape: [Int]) {
    storage = Storage.filled(Shape(shape), Scalar.scalarKind, with: Double(value))
  }

  /// Zeros of a shape.
  public static func zeros(_ shape: [Int]) -> Tensor { Tensor(repeating: 0, shape: shape) }

  /// Ones of a shape.
  public static func ones(_ shape: [Int]) -> Tensor { Tensor(repeating: 1, shape: shape) }

  /// The unit matrix `[n, n]`.
  public static func identity(_ n: Int) -> Tensor {
    var scalars = [Scalar](repeating: 0, count: n * n)
    for i in 0..<n { scalars[i * n + i] = 1 }
    return Tensor(shape: [n, n], scalars: scalars)
  }

  /// `count` equally spaced values from the lower to the upper bound, both included.
  public static func linearSpace(_ bounds: ClosedRange<Scalar>, count: Int) -> Tensor {
    precondition(count >= 2, "a linear space has at least two values; got \(count)")
    let width = bounds.upperBound - bounds.lowerBound
    let values: [Scalar] = (0..<count).map { index in
      let fraction = Scalar(index) / Scalar(count - 1)
      return bounds.lowerBound + width * fraction
    }
    return Tensor(values)
  }

  /// The values of another scalar type, rounded to nearest; carries no derivative.
  public init<Other: TensorScalar>(_ other: Tensor<Other>) {
    storage = Storage(other.storage.shape, Scalar.scalarKind)
    fk_convert(
      other.storage.type, storage.type, Int64(storage.count), other.storage.pointer,
      storage.pointer)
  }

  // MARK: - Looking at tensors

  /// The extents, outermost first.
  public var shape: [Int] { storage.shape.array }

  /// The number of axes.
  public var rank: Int { storage.shape.rank }

  /// The number of scalars.
  public var count: Int { storage.count }

  /// All scalars in row-major order, copied.
  public var scalars: [Scalar] { withScalars { Array($0) } }

  /// Calls a closure with the scalars in row-major order, without a copy.
  public func withScalars<R>(_ body: (UnsafeBufferPointer<Scalar>) throws -> R) rethrows -> R {
    let base = UnsafePointer(storage.pointer.assumingMemoryBound(to: Scalar.self))
    return try withExtendedLifetime(storage) {
      try body(UnsafeBufferPointer(start: base, count: storage.count))
    }
  }

  /// The one value of a tensor that holds exactly one.
  public var scalar: Scalar {
    precondition(count == 1, "a tensor of shape \(shape) is not a single scalar")
    return withScalars { $0[0] }
  }

  /// One scalar by its index along every axis.
  ///
  /// Reads only; for whole blocks use slices, which also carry derivatives.
  public subscript(indices: Int...) -> Scalar {
    precondition(indices.count == rank, "\(indices.count) indices into the shape \(shape)")
    let strides = storage.shape.strides
    var offset = 0
    for (axis, index) in indices.enumerated() {
      precondition(
        index >= 0 && index < storage.shape[axis],
        "index \(index) is outside axis \(axis) of the shape \(shape)")
      offset += index * strides[axis]
    }
    return withScalars { $0[offset] }
  }

  /// True where every scalar is finite.
  public var isFinite: Bool { withScalars { $0.allSatisfy { $0.isFinite } } }

  /// The same values as a constant: no derivative flows through it.
  public var detached: Tensor { Tensor(storage.detached) }

  /// True where operations on this tensor are being recorded.
  public var isTracked: Bool { storage.activeTape != nil }

  // MARK: - Changing tensors

  /// Calls a closure that may change the scalars in place; copies them first where shared.
  ///
  /// - Precondition: the tensor is not tracked.
  public mutating func withMutableScalars<R>(
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws -> R
  ) rethrows -> R {
    let base = uniqueMemory().assumingMemoryBound(to: Scalar.self)
    return try body(UnsafeMutableBufferPointer(start: base, count: storage.count))
  }

  /// Memory that nothing else sees, copied where shared; good as long as the tensor is not changed.
  mutating func uniqueMemory() -> UnsafeMutableRawPointer {
    precondition(!isTracked, "a tensor whose operations are recorded cannot change in place")
    if !isKnownUniquelyReferenced(&storage) || storage.isView { storage = storage.copied() }
    return storage.pointer
  }
}

extension Tensor: Equatable {
  /// True for equal shapes and equal scalars (so never where one is NaN).
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.storage.shape == b.storage.shape else { return false }
    return a.withScalars { x in b.withScalars { y in x.elementsEqual(y) } }
  }
}

extension Tensor: CustomStringConvertible {
  /// Nested brackets for small tensors, shape and type for large ones.
  public var description: String {
    if count > 1_000 { return "Tensor<\(Scalar.self)>(shape: \(shape))" }
    let values = scalars
    func text(_ axis: Int, _ offset: Int, _ size: Int) -> String {
      if axis == rank { return "\(values[offset])" }
      let step = size / Swift.max(1, storage.shape[axis])
      let parts = (0..<storage.shape[axis]).map { text(axis + 1, offset + $0 * step, step) }
      return "[" + parts.joined(separator: axis == rank - 1 ? ", " : ",\n ") + "]"
    }
    return text(0, 0, count)
  }
}
