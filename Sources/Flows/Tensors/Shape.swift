/// Up to six extents, held inline so that making a shape allocates nothing.
struct Extents: Equatable, Sendable {
  static let capacity = 6
  private var storage: (Int64, Int64, Int64, Int64, Int64, Int64) = (0, 0, 0, 0, 0, 0)

  subscript(axis: Int) -> Int {
    get {
      precondition(axis >= 0 && axis < Extents.capacity, "an axis lies in 0..<6, not \(axis)")
      return withPointer { Int($0[axis]) }
    }
    set {
      precondition(axis >= 0 && axis < Extents.capacity, "an axis lies in 0..<6, not \(axis)")
      withUnsafeMutableBytes(of: &storage) {
        $0.storeBytes(of: Int64(newValue), toByteOffset: axis * 8, as: Int64.self)
      }
    }
  }

  @inline(__always)
  func withPointer<R>(_ body: (UnsafePointer<Int64>) -> R) -> R {
    withUnsafeBytes(of: storage) { bytes in
      bytes.withMemoryRebound(to: Int64.self) { buffer in
        guard let base = buffer.baseAddress else { preconditionFailure("six extents exist") }
        return body(base)
      }
    }
  }

  static func == (a: Extents, b: Extents) -> Bool {
    a.storage.0 == b.storage.0 && a.storage.1 == b.storage.1 && a.storage.2 == b.storage.2
      && a.storage.3 == b.storage.3 && a.storage.4 == b.storage.4 && a.storage.5 == b.storage.5
  }
}

/// The extents of a tensor, outermost first; rank 0 is a scalar.
struct Shape: Equatable, Sendable {
  private(set) var rank: Int
  private(set) var extents = Extents()

  init() { rank = 0 }

  init(_ n: Int) {
    rank = 1
    extents[0] = n
  }

  init(_ n: Int, _ m: Int) {
    rank = 2
    extents[0] = n
    extents[1] = m
  }

  init(_ sizes: [Int]) {
    precondition(
      sizes.count <= Extents.capacity,
      "a tensor has at most \(Extents.capacity) axes; the shape \(sizes) has \(sizes.count)")
    rank = sizes.count
    for (axis, size) in sizes.enumerated() {
      precondition(size >= 0, "an axis cannot be negative; got the shape \(sizes)")
      extents[axis] = size
    }
  }

  subscript(axis: Int) -> Int {
    get { extents[axis] }
    set { extents[axis] = newValue }
  }

  var count: Int {
    var product = 1
    for axis in 0..<rank { product *= extents[axis] }
    return product
  }

  var array: [Int] { (0..<rank).map { extents[$0] } }

  /// Row-major element strides.
  var strides: Extents {
    var strides = Extents()
    var stride = 1
    for axis in (0..<rank).reversed() {
      strides[axis] = stride
      stride *= extents[axis]
    }
    return strides
  }

  /// Strides for reading this shape as if it were `target`: 0 along broadcast axes.
  func strides(broadcastTo target: Shape) -> Extents {
    var result = Extents()
    let own = strides
    let shift = target.rank - rank
    for axis in 0..<rank {
      result[axis + shift] = extents[axis] == 1 && target[axis + shift] != 1 ? 0 : own[axis]
    }
    return result
  }

  /// The common shape of two operands: axes are matched from the last, and 1 stretches.
  static func broadcast(_ a: Shape, _ b: Shape) -> Shape {
    if a == b { return a }
    var result = a.rank >= b.rank ? a : b
    for offset in 1...max(1, result.rank) where offset <= a.rank && offset <= b.rank {
      let m = a[a.rank - offset]
      let n = b[b.rank - offset]
      precondition(
        m == n || m == 1 || n == 1,
        "shapes \(a.array) and \(b.array) cannot be broadcast: \(m) meets \(n)")
      result[result.rank - offset] = m == 1 ? n : m
    }
    return result
  }

  /// Rows and columns of a matrix or of a batch of vectors.
  func matrix(_ role: @autoclosure () -> String) -> (rows: Int, columns: Int) {
    precondition(rank == 2, "\(role()) is a matrix [rows, columns]; got the shape \(array)")
    return (extents[0], extents[1])
  }

  func normalized(axis: Int) -> Int {
    let positive = axis < 0 ? axis + rank : axis
    precondition(
      positive >= 0 && positive < rank, "axis \(axis) does not exist in the shape \(array)")
    return positive
  }

  /// The extents before, at and after an axis, as three numbers.
  func around(axis: Int) -> (outer: Int, axis: Int, inner: Int) {
    var outer = 1
    for i in 0..<axis { outer *= extents[i] }
    var inner = 1
    for i in (axis + 1)..<max(rank, axis + 1) { inner *= extents[i] }
    return (outer, extents[axis], inner)
  }

  func replacing(axis: Int, with size: Int) -> Shape {
    var copy = self
    copy.extents[axis] = size
    return copy
  }
}
