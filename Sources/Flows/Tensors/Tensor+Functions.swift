internal import CFlowKernels

// Elementwise functions. Their accuracy in ulp is stated in Docs/Architecture.md and tested against
// libm in Double; their derivatives stand in the kernel beside them (kernels/elementwise.h).

func unary(_ op: fk_unary_op, _ x: Storage, _ p: Double = 0, _ q: Double = 0, tape: Tape? = nil)
  -> Storage
{
  let y = Storage(x.shape, x.kind, tape: tape)
  fk_unary(x.type, op, Int64(x.count), x.pointer, p, q, y.pointer)
  return y
}

extension Tensor {
  func mapped(_ op: fk_unary_op, _ p: Double = 0, _ q: Double = 0) -> Tensor {
    let x = storage
    guard let tape = x.activeTape else { return Tensor(unary(op, x, p, q)) }
    let y = unary(op, x, p, q, tape: tape)
    tape.record { tape in
      guard let g = tape.takeGradient(of: y.node) else { return }
      let gradient = Storage(x.shape, x.kind)
      fk_unary_backward(
        x.type, op, Int64(x.count), g.pointer, x.pointer, y.pointer, p, q, gradient.pointer)
      tape.add(gradient, to: x.node)
    }
    return Tensor(y)
  }

  /// `scale · x + shift` with constants.
  public func scaled(by scale: Scalar, plus shift: Scalar = 0) -> Tensor {
    mapped(FK_SCALE_SHIFT, Double(scale), Double(shift))
  }

  /// 1/x.
  public func reciprocal() -> Tensor { mapped(FK_RECIPROCAL) }

  /// x².
  public func squared() -> Tensor { mapped(FK_SQUARE) }

  /// x to a constant power.
  public func power(_ exponent: Scalar) -> Tensor { mapped(FK_POWER, Double(exponent)) }

  /// x held within bounds; the derivative is 1 within (bounds included) and 0 outside.
  public func clipped(to bounds: ClosedRange<Scalar>) -> Tensor {
    mapped(FK_CLIP, Double(bounds.lowerBound), Double(bounds.upperBound))
  }

  /// −1, 0 or 1.
  public func signum() -> Tensor { mapped(FK_SIGN) }
}

/// eˣ.
public func exp<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_EXP) }
/// eˣ − 1, exact near 0, where eˣ − 1 would cancel.
public func expMinusOne<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_EXPM1) }
/// The natural logarithm.
public func log<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_LOG) }
/// log(1 + x), exact near 0.
public func log<S>(onePlus x: Tensor<S>) -> Tensor<S> { x.mapped(FK_LOG1P) }
/// The square root.
public func sqrt<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_SQRT) }
/// The absolute value; its derivative at 0 is 0.
public func abs<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_ABS) }
/// The sine.
public func sin<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_SIN) }
/// The cosine.
public func cos<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_COS) }
/// The arc tangent.
public func atan<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_ATAN) }
/// The hyperbolic tangent.
public func tanh<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_TANH_OP) }
/// 1 / (1 + e⁻ˣ), without overflow on either side.
public func sigmoid<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_SIGMOID_OP) }
/// log(1 + eˣ), as max(x, 0) + log(1 + e^−|x|).
public func softplus<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_SOFTPLUS_OP) }
/// log sigmoid(x) = −softplus(−x): finite where sigmoid itself underflows.
public func logSigmoid<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_LOG_SIGMOID) }
/// max(x, 0).
public func relu<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_RELU_OP) }
/// x where positive, else slope · x.
public func leakyReLU<S>(_ x: Tensor<S>, slope: S = 0.01) -> Tensor<S> {
  x.mapped(FK_LEAKY_RELU_OP, Double(slope))
}
/// x where positive, else α (eˣ − 1).
public func elu<S>(_ x: Tensor<S>, alpha: S = 1) -> Tensor<S> { x.mapped(FK_ELU_OP, Double(alpha)) }
/// x · sigmoid(x), also called swish.
public func silu<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_SILU) }
/// x · Φ(x) with the exact normal distribution function.
public func gelu<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_GELU) }
/// The error function.
public func erf<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_ERF) }
/// The largest integer not above x; its derivative is 0.
public func floor<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_FLOOR) }
/// log |Γ(x)|; its derivative is the digamma function.
public func logGamma<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_LGAMMA) }
/// The digamma function, (log Γ)′.
public func digamma<S>(_ x: Tensor<S>) -> Tensor<S> { x.mapped(FK_DIGAMMA) }
