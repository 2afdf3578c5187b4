internal import CFlowKernels

// Arithmetic broadcasts as in NumPy: axes are matched from the last, and an axis of 1 stretches.
// Next to each operation stands its derivative.

/// The gradient of a broadcast operand: summed over the axes that were stretched.
func reduced(_ gradient: Storage, to shape: Shape) -> Storage {
  if gradient.shape == shape { return gradient }
  let result = Storage.zeros(shape, gradient.kind)
  let strides = shape.strides(broadcastTo: gradient.shape)
  gradient.shape.extents.withPointer { extents in
    strides.withPointer { strides in
      fk_add_strided(
        gradient.type, Int64(gradient.shape.rank), extents, strides, gradient.pointer,
        result.pointer)
    }
  }
  return result
}

func binary(_ op: fk_binary_op, _ a: Storage, _ b: Storage, tape: Tape? = nil) -> Storage {
  let shape = Shape.broadcast(a.shape, b.shape)
  let result = Storage(shape, a.kind, tape: tape)
  shape.extents.withPointer { extents in
    a.shape.strides(broadcastTo: shape).withPointer { aStrides in
      b.shape.strides(broadcastTo: shape).withPointer { bStrides in
        fk_binary(
          a.type, op, Int64(shape.rank), extents, aStrides, bStrides, a.pointer, b.pointer,
          result.pointer)
      }
    }
  }
  return result
}

/// A binary operation with the gradients of its operands, given that of its result.
private func tracked<Scalar>(
  _ op: fk_binary_op, _ a: Tensor<Scalar>, _ b: Tensor<Scalar>,
  _ gradientA: @escaping (_ g: Storage, _ a: Storage, _ b: Storage, _ y: Storage) -> Storage,
  _ gradientB: @escaping (_ g: Storage, _ a: Storage, _ b: Storage, _ y: Storage) -> Storage
) -> Tensor<Scalar> {
  let (x, y) = (a.storage, b.storage)
  let (tapeX, tapeY) = (x.activeTape, y.activeTape)
  guard let tape = Tape.recording(tapeX, tapeY) else { return Tensor(binary(op, x, y)) }
  let (tracksX, tracksY) = (tapeX === tape, tapeY === tape)
  let result = binary(op, x, y, tape: tape)
  tape.record { tape in
    guard let g = tape.takeGradient(of: result.node) else { return }
    if tracksX { tape.add(reduced(gradientA(g, x, y, result), to: x.shape), to: x.node) }
    if tracksY { tape.add(reduced(gradientB(g, x, y, result), to: y.shape), to: y.node) }
  }
  return Tensor(result)
}

extension Tensor {
  /// Elementwise sum.
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    tracked(FK_ADD, a, b, { g, _, _, _ in g }, { g, _, _, _ in g })
  }

  /// Elementwise difference.
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    tracked(FK_SUB, a, b, { g, _, _, _ in g }, { g, _, _, _ in unary(FK_NEG, g) })
  }

  /// Elementwise product.
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    tracked(
      FK_MUL, a, b, { g, _, b, _ in binary(FK_MUL, g, b) }, { g, a, _, _ in binary(FK_MUL, g, a) })
  }

  /// Elementwise quotient.
  public static func / (a: Tensor, b: Tensor) -> Tensor {
    tracked(
      FK_DIV, a, b, { g, _, b, _ in binary(FK_DIV, g, b) },
      { g, _, b, y in unary(FK_NEG, binary(FK_MUL, g, binary(FK_DIV, y, b))) })
  }

  /// The larger of two values; at a tie the gradient goes to the second.
  public static func maximum(_ a: Tensor, _ b: Tensor) -> Tensor {
    tracked(
      FK_MAX, a, b, { g, a, b, _ in binary(FK_MUL, g, binary(FK_GREATER, a, b)) },
      { g, a, b, _ in binary(FK_MUL, g, binary(FK_GREATER_EQUAL, b, a)) })
  }

  /// The smaller of two values; at a tie the gradient goes to the second.
  public static func minimum(_ a: Tensor, _ b: Tensor) -> Tensor {
    tracked(
      FK_MIN, a, b, { g, a, b, _ in binary(FK_MUL, g, binary(FK_GREATER, b, a)) },
      { g, a, b, _ in binary(FK_MUL, g, binary(FK_GREATER_EQUAL, a, b)) })
  }

  /// `a` to the power of `b`, elementwise; the derivative by `b` needs `a > 0`.
  public static func power(_ a: Tensor, _ b: Tensor) -> Tensor {
    tracked(
      FK_POW, a, b,
      { g, a, b, _ in
        let exponent = unary(FK_SCALE_SHIFT, b, 1, -1)
        return binary(FK_MUL, g, binary(FK_MUL, b, binary(FK_POW, a, exponent)))
      },
      { g, a, _, y in binary(FK_MUL, g, binary(FK_MUL, y, unary(FK_LOG, a))) })
  }

  // MARK: - With a scalar

  /// The tensor plus a scalar.
  public static func + (a: Tensor, b: Scalar) -> Tensor { a.scaled(by: 1, plus: b) }
  /// A scalar plus the tensor.
  public static func + (a: Scalar, b: Tensor) -> Tensor { b.scaled(by: 1, plus: a) }
  /// The tensor minus a scalar.
  public static func - (a: Tensor, b: Scalar) -> Tensor { a.scaled(by: 1, plus: -b) }
  /// A scalar minus the tensor.
  public static func - (a: Scalar, b: Tensor) -> Tensor { b.scaled(by: -1, plus: a) }
  /// The tensor times a scalar.
  public static func * (a: Tensor, b: Scalar) -> Tensor { a.scaled(by: b, plus: 0) }
  /// A scalar times the tensor.
  public static func * (a: Scalar, b: Tensor) -> Tensor { b.scaled(by: a, plus: 0) }
  /// The tensor divided by a scalar.
  public static func / (a: Tensor, b: Scalar) -> Tensor { a.scaled(by: 1 / b, plus: 0) }
  /// A scalar divided by the tensor.
  public static func / (a: Scalar, b: Tensor) -> Tensor { b.reciprocal().scaled(by: a, plus: 0) }

  /// The negative.
  public static prefix func - (a: Tensor) -> Tensor { a.mapped(FK_NEG) }

  /// Adds in place.
  public static func += (a: inout Tensor, b: Tensor) { a = a + b }
  /// Subtracts in place.
  public static func -= (a: inout Tensor, b: Tensor) { a = a - b }
  /// Multiplies in place.
  public static func *= (a: inout Tensor, b: Tensor) { a = a * b }
  /// Divides in place.
  public static func /= (a: inout Tensor, b: Tensor) { a = a / b }

  // MARK: - Comparisons

  /// 1 where `a > b`, else 0; carries no derivative.
  public static func .> (a: Tensor, b: Tensor) -> Tensor {
    Tensor(binary(FK_GREATER, a.storage, b.storage))
  }
  /// 1 where `a ≥ b`, else 0; carries no derivative.
  public static func .>= (a: Tensor, b: Tensor) -> Tensor {
    Tensor(binary(FK_GREATER_EQUAL, a.storage, b.storage))
  }
  /// 1 where `a < b`, else 0; carries no derivative.
  public static func .< (a: Tensor, b: Tensor) -> Tensor { b .> a }
  /// 1 where `a ≤ b`, else 0; carries no derivative.
  public static func .<= (a: Tensor, b: Tensor) -> Tensor { b .>= a }
  /// 1 where `a = b`, else 0; carries no derivative.
  public static func .== (a: Tensor, b: Tensor) -> Tensor {
    Tensor(binary(FK_EQUAL, a.storage, b.storage))
  }
  /// 1 where `a > b`, else 0; carries no derivative.
  public static func .> (a: Tensor, b: Scalar) -> Tensor { a .> Tensor(b) }
  /// 1 where `a < b`, else 0; carries no derivative.
  public static func .< (a: Tensor, b: Scalar) -> Tensor { Tensor(b) .> a }

  /// `a` where the mask is not 0, else `b`; all three broadcast.
  ///
  /// The gradient of the side that was not taken is exactly 0 even where that side is infinite or
  /// NaN, provided that the operation which made it had finite derivatives; clip its arguments
  /// before the arithmetic where it has not.
  public static func select(where mask: Tensor, _ a: Tensor, else b: Tensor) -> Tensor {
    let shape = Shape.broadcast(
      mask.storage.shape, Shape.broadcast(a.storage.shape, b.storage.shape))
    let (m, x, y) = (
      mask.detached.broadcast(to: shape).storage, a.broadcast(to: shape).storage,
      b.broadcast(to: shape).storage
    )
    let (tapeX, tapeY) = (x.activeTape, y.activeTape)
    let result = Storage(shape, x.kind, tape: Tape.recording(tapeX, tapeY))
    fk_select(
      x.type, Int64(result.count), m.pointer, x.pointer, y.pointer, result.pointer)
    if let tape = result.tape {
      let (tracksX, tracksY) = (tapeX === tape, tapeY === tape)
      tape.record { tape in
        guard let g = tape.takeGradient(of: result.node) else { return }
        let zero = Storage.zeros(shape, g.kind)
        func part(_ first: Storage, _ second: Storage) -> Storage {
          let out = Storage(shape, g.kind)
          fk_select(g.type, Int64(g.count), m.pointer, first.pointer, second.pointer, out.pointer)
          return out
        }
        if tracksX { tape.add(part(g, zero), to: x.node) }
        if tracksY { tape.add(part(zero, g), to: y.node) }
      }
    }
    return Tensor(result)
  }
}
