internal import CFlowKernels

/// How a coupling bounds the log-scale s that its network gives as `raw`.
public enum CouplingScale: Hashable, Sendable, Codable {
  /// s = bound · tanh(raw / bound): RLE and the original RealNVP code use bound 1.
  case tanh(bound: Double = 1)
  /// s = raw / (1 + |raw / bound|): bounded, but linear for longer; zuko uses bound log 1000.
  case soft(bound: Double = 6.907755278982137)
  /// s = raw: may overflow; unsafe without care, offered for reproduction.
  case free
  /// s = log(log(1 + eʳᵃʷ) + floor): the scale is nearly linear in large raw numbers; nflows uses floor
  /// 1e-3. Raw zeros are not the identity.
  case softplus(floor: Double = 1e-3)

  var kernel: (fk_scale, Double) {
    switch self {
    case .tanh(let bound): (FK_SCALE_TANH, bound)
    case .soft(let bound): (FK_SCALE_SOFT, bound)
    case .free: (FK_SCALE_FREE, 0)
    case .softplus(let floor): (FK_SCALE_SOFTPLUS, floor)
    }
  }
}

enum CouplingDirection {
  case toData
  case toLatent
}

/// What the networks of a coupling give for its transformed columns.
enum CouplingParameters<Scalar: TensorScalar> {
  /// Raw log-scale and shift, `[rows, count]` each.
  case separate(raw: Tensor<Scalar>, shift: Tensor<Scalar>)
  /// Both side by side, `[rows, 2 · count]`: raw log-scales first.
  case joint(Tensor<Scalar>)
  /// Only a shift, `[rows, count]`.
  case additive(Tensor<Scalar>)
}

/// The affine map of a coupling's transformed columns with its log-determinant, in one pass.
///
/// Toward data v = x·eˢ + t and log |det| = Σ s; toward latent v = (x − t)·e⁻ˢ and −Σ s.
func coupling<Scalar>(
  _ x: Tensor<Scalar>, _ parameters: CouplingParameters<Scalar>, scale: CouplingScale,
  columns: IndexList, _ direction: CouplingDirection
) -> Transformed<Scalar> {
  let input = x.storage
  let (rows, dimension) = input.shape.matrix("the input of a coupling")
  let count = columns.count
  let size = input.kind.size
  var (kind, bound) = scale.kernel
  let raw: Storage
  let shift: Storage
  var (stride, shiftOffset) = (count, 0)
  switch parameters {
  case .separate(let r, let t): (raw, shift) = (r.storage, t.storage)
  case .joint(let both):
    (raw, shift, stride, shiftOffset) = (both.storage, both.storage, 2 * count, count)
  case .additive(let t): (raw, shift, kind, bound) = (t.storage, t.storage, FK_SCALE_NONE, 0)
  }
  let isAdditive = kind == FK_SCALE_NONE
  let isJoint = shiftOffset > 0
  let (tapeX, tapeRaw, tapeShift) = (input.activeTape, raw.activeTape, shift.activeTape)
  let tape = Tape.recording(Tape.recording(tapeX, tapeRaw), tapeShift)
  let value = Storage(input.shape, input.kind, tape: tape)
  let logDet = Storage(Shape(rows), input.kind, tape: tape)
  let toData = direction == .toData
  fk_coupling(
    input.type, toData, kind, bound, Int64(rows), Int64(dimension), Int64(count), columns.pointer,
    input.pointer, raw.pointer, Int64(stride), shift.pointer + shiftOffset * size, Int64(stride),
    value.pointer, logDet.pointer)
  if let tape {
    let (tracksX, tracksShift) = (tapeX === tape, tapeShift === tape)
    let tracksRaw = tapeRaw === tape && !isJoint && !isAdditive
    tape.record { tape in
      let gv = tape.takeGradient(of: value.node)
      let gl = tape.takeGradient(of: logDet.node)
      guard gv != nil || gl != nil else { return }
      let gx = Storage(input.shape, input.kind)
      let gShift = Storage(shift.shape, shift.kind)
      let gRaw = isJoint || isAdditive ? gShift : Storage(raw.shape, raw.kind)
      fk_coupling_backward(
        input.type, toData, kind, bound, Int64(rows), Int64(dimension), Int64(count),
        columns.pointer, input.pointer, raw.pointer, Int64(stride), value.pointer, gv?.pointer,
        gl?.pointer, gx.pointer, gRaw.pointer, gShift.pointer + shiftOffset * size, Int64(stride))
      if tracksX { tape.add(gx, to: input.node) }
      if tracksShift { tape.add(gShift, to: shift.node) }
      if tracksRaw { tape.add(gRaw, to: raw.node) }
    }
  }
  return Transformed(value: Tensor(value), logDet: Tensor(logDet))
}
