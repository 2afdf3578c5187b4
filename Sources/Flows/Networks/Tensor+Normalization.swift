internal import CFlowKernels

/// activation((x − m) · scale / √(v + ε) + shift + residual) with given m and v, `[…, channels]`.
///
/// m and v `[channels]` are constants here; see ``batchNormalization(_:scale:shift:epsilon:residual:activation:)``
/// for those of the batch.
func normalization<Scalar>(
  _ x: Tensor<Scalar>, mean: Tensor<Scalar>, variance: Tensor<Scalar>, scale: Tensor<Scalar>,
  shift: Tensor<Scalar>, epsilon: Double, residual: Tensor<Scalar>?, activation: Activation
) -> Tensor<Scalar> {
  let isTracked = [x, scale, shift, residual].contains { $0?.storage.activeTape != nil }
  guard !isTracked, let (kernel, slope) = activation.fused else {
    let factor = scale / sqrt(variance + Scalar(epsilon))
    let y = x * factor + (shift - mean * factor)
    return activation(residual.map { y + $0 } ?? y)
  }
  let a = x.storage
  let channels = a.shape[a.shape.rank - 1]
  let y = Storage(a.shape, a.kind)
  fk_batch_normalize(
    a.type, Int64(a.count / channels), Int64(channels), a.pointer, mean.storage.pointer,
    variance.storage.pointer, epsilon, scale.storage.pointer, shift.storage.pointer,
    residual?.storage.pointer, kernel, slope, y.pointer)
  return Tensor(y)
}

/// activation((x − m) · scale / √(v + ε) + shift + residual), where m and v are mean and biased
/// variance of each channel over all else: `[…, channels]` → the same shape.
///
/// The derivative by x goes through m and v. The residual has the shape of x.
///
/// - Returns: the result, and m and v `[channels]`, which carry no derivative.
///
/// Source: Ioffe and Szegedy, Batch Normalization, ICML 2015.
public func batchNormalization<Scalar>(
  _ x: Tensor<Scalar>, scale: Tensor<Scalar>, shift: Tensor<Scalar>, epsilon: Double = 1e-5,
  residual: Tensor<Scalar>? = nil, activation: Activation = .identity
) -> (value: Tensor<Scalar>, mean: Tensor<Scalar>, variance: Tensor<Scalar>) {
  guard let (kernel, slope) = activation.fused else {
    let (value, mean, variance) = batchNormalization(
      x, scale: scale, shift: shift, epsilon: epsilon, residual: residual)
    return (activation(value), mean, variance)
  }
  let (a, w, b, r) = (x.storage, scale.storage, shift.storage, residual?.storage)
  precondition(x.rank >= 1 && a.count > 0, "a batch has at least one row; got \(x.shape)")
  let channels = a.shape[a.shape.rank - 1]
  precondition(
    w.count == channels && b.count == channels,
    "scale and shift have one number for each of \(channels) channels; got \(scale.shape), "
      + "\(shift.shape)")
  precondition(
    residual.map { $0.shape == x.shape } ?? true,
    "the residual has the shape \(x.shape); got \(residual?.shape ?? [])")
  let rows = Int64(a.count / channels)
  let tapes = (a.activeTape, w.activeTape, b.activeTape, r?.activeTape)
  let tape = Tape.recording(
    Tape.recording(tapes.0, tapes.1), Tape.recording(tapes.2, tapes.3))
  let (mean, variance) = (Storage(Shape(channels), a.kind), Storage(Shape(channels), a.kind))
  fk_batch_statistics(a.type, rows, Int64(channels), a.pointer, mean.pointer, variance.pointer)
  let y = Storage(a.shape, a.kind, tape: tape)
  fk_batch_normalize(
    a.type, rows, Int64(channels), a.pointer, mean.pointer, variance.pointer, epsilon, w.pointer,
    b.pointer, r?.pointer, kernel, slope, y.pointer)
  let (tracksX, tracksW) = (tapes.0 === tape, tapes.1 === tape)
  let (tracksB, tracksR) = (tapes.2 === tape, tapes.3 === tape)
  tape?.record { tape in
    guard let g = tape.takeGradient(of: y.node) else { return }
    let (target, accumulates) =
      tracksX ? tape.accumulator(for: a.node, like: a) : (Storage(a.shape, a.kind), false)
    let scaleSums = tracksW ? tape.zeroedAccumulator(for: w.node, like: w) : nil
    let shiftSums = tracksB ? tape.zeroedAccumulator(for: b.node, like: b) : nil
    // Without an activation the residual's gradient is that of the result.
    let before = tracksR && kernel != FK_IDENTITY ? Storage(g.shape, g.kind) : nil
    fk_batch_normalize_backward(
      a.type, rows, Int64(channels), a.pointer, mean.pointer, variance.pointer, epsilon,
      w.pointer, kernel, slope, y.pointer, g.pointer, target.pointer, accumulates,
      scaleSums?.pointer, shiftSums?.pointer, before?.pointer)
    if tracksR, let r { tape.add(before ?? g, to: r.node) }
  }
  return (Tensor(y), Tensor(mean), Tensor(variance))
}
