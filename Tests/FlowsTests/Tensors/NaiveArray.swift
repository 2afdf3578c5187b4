import Flows

/// An array of Doubles that is read and made index by index: slow, and plain enough to trust.
struct NaiveArray {
  let shape: [Int]
  var values: [Double]

  init(_ tensor: Tensor<Double>) {
    shape = tensor.shape
    values = tensor.scalars
  }

  /// Each element from its index along every axis.
  init(_ shape: [Int], _ element: ([Int]) -> Double) {
    self.shape = shape
    values = []
    NaiveArray.indices(of: shape) { values.append(element($0)) }
  }

  subscript(index: [Int]) -> Double {
    get { values[position(index)] }
    set { values[position(index)] = newValue }
  }

  /// The element that broadcasting puts at an index of a larger shape.
  subscript(broadcast index: [Int]) -> Double {
    let own = index.suffix(shape.count)
    return self[zip(own, shape).map { $1 == 1 ? 0 : $0 }]
  }

  private func position(_ index: [Int]) -> Int {
    zip(index, shape).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// Calls a closure with every index, the last axis fastest.
  static func indices(of shape: [Int], _ body: ([Int]) -> Void) {
    if shape.contains(0) { return }
    var index = [Int](repeating: 0, count: shape.count)
    while true {
      body(index)
      var axis = shape.count - 1
      while axis >= 0 {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
        axis -= 1
      }
      if axis < 0 { return }
    }
  }

  /// What differs from a tensor, or nil.
  func difference(from tensor: Tensor<Double>, tolerance: Double = 0) -> String? {
    guard tensor.shape == shape else { return "shape \(tensor.shape), expected \(shape)" }
    let found = tensor.scalars
    for i in values.indices where !((found[i] - values[i]).magnitude <= tolerance) {
      return "shape \(shape), position \(i): found \(found[i]), expected \(values[i])"
    }
    return nil
  }
}

/// Random shapes and choices for comparisons with `NaiveArray`.
struct RandomCases {
  var generator: PhiloxGenerator

  init(seed: UInt64) { generator = PhiloxGenerator(seed: seed) }

  mutating func integer(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

  /// Rank 0 to 6; extents mostly 1 to 4, sometimes 0, and sometimes long along one axis.
  mutating func shape(rank: Range<Int> = 0..<7) -> [Int] {
    var shape = (0..<integer(rank)).map { _ in integer(1..<5) }
    if !shape.isEmpty, integer(0..<8) == 0 { shape[integer(0..<shape.count)] = 0 }
    if !shape.isEmpty, shape.count < 4, integer(0..<3) == 0 {
      shape[integer(0..<shape.count)] = integer(5..<40)
    }
    return shape
  }

  mutating func order(_ count: Int) -> [Int] { Array(0..<count).shuffled(using: &generator) }

  /// A shape that broadcasts to `shape`: leading axes left out, some axes 1.
  mutating func operand(of shape: [Int]) -> [Int] {
    let kept = shape.suffix(integer(0..<(shape.count + 1)))
    return kept.map { integer(0..<3) == 0 ? 1 : $0 }
  }
}
