internal import CFlowKernels

/// A scalar that tensors can hold: `Float` for training, `Double` for checks and for tails.
public protocol TensorScalar: BinaryFloatingPoint, Codable, LosslessStringConvertible, Sendable {
  /// Which of the two scalar types this is.
  static var scalarKind: ScalarKind { get }
}

/// The scalar types that kernels exist for.
public enum ScalarKind: String, Sendable, Codable {
  /// IEEE 754 binary32.
  case float32
  /// IEEE 754 binary64.
  case float64

  var kernelType: fk_type { self == .float32 ? FK_FLOAT : FK_DOUBLE }
  var size: Int { self == .float32 ? 4 : 8 }
}

extension Float: TensorScalar {
  /// `float32`.
  public static var scalarKind: ScalarKind { .float32 }
}

extension Double: TensorScalar {
  /// `float64`.
  public static var scalarKind: ScalarKind { .float64 }
}
