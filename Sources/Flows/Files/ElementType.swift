/// The type of the elements stored in a binary file.
///
/// The raw values follow the order in which the safetensors reference implementation sorts its
/// types; writing that format depends on it.
enum ElementType: Int, CaseIterable, Comparable, Sendable {
  case bool
  case uint8
  case int8
  case int16
  case uint16
  case float16
  case bfloat16
  case int32
  case uint32
  case float32
  case float64
  case int64
  case uint64

  static func < (left: ElementType, right: ElementType) -> Bool { left.rawValue < right.rawValue }

  /// The type in which scalars of type `S` are stored.
  static func storing<S: TensorScalar>(_ type: S.Type) -> ElementType {
    S.self == Float.self ? .float32 : .float64
  }

  /// The size of one element.
  var byteCount: Int {
    switch self {
    case .bool, .uint8, .int8: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .float64, .int64, .uint64: 8
    }
  }

  /// The number of bytes an array of this shape takes, or nil when it exceeds what can be counted.
  ///
  /// An axis of length 0 counts as 1 for the check of the range, so that the product of any of the
  /// lengths can be formed later without overflow.
  func byteCount(shape: [Int]) -> Int? {
    var product = byteCount
    for length in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: max(length, 1))
      if overflow || length < 0 { return nil }
      product = next
    }
    return shape.contains(0) ? 0 : product
  }
}
