internal import CFlowKernels

/// An elementwise nonlinearity between the layers of a network.
public enum Activation: Hashable, Sendable, Codable {
  /// x.
  case identity
  /// max(x, 0).
  case relu
  /// x where positive, else slope · x.
  case leakyReLU(slope: Double = 0.01)
  /// tanh x.
  case tanh
  /// 1 / (1 + e⁻ˣ).
  case sigmoid
  /// x where positive, else α (eˣ − 1).
  case elu(alpha: Double = 1)
  /// log(1 + eˣ).
  case softplus
  /// x · sigmoid(x).
  case silu
  /// x · Φ(x).
  case gelu

  /// The kernel's name where the derivative follows from the output, so that the activation can be
  /// fused into the product; nil for the others.
  var fused: (fk_activation, Double)? {
    switch self {
    case .identity: (FK_IDENTITY, 0)
    case .relu: (FK_RELU, 0)
    case .leakyReLU(let slope): slope > 0 ? (FK_LEAKY_RELU, slope) : nil
    case .tanh: (FK_TANH, 0)
    case .sigmoid: (FK_SIGMOID, 0)
    case .elu(let alpha): alpha > 0 ? (FK_ELU, alpha) : nil
    case .softplus: (FK_SOFTPLUS, 0)
    case .silu, .gelu: nil
    }
  }

  /// Applies the activation elementwise.
  public func callAsFunction<S>(_ x: Tensor<S>) -> Tensor<S> {
    switch self {
    case .identity: x
    case .relu: Flows.relu(x)
    case .leakyReLU(let slope): Flows.leakyReLU(x, slope: S(slope))
    case .tanh: Flows.tanh(x)
    case .sigmoid: Flows.sigmoid(x)
    case .elu(let alpha): Flows.elu(x, alpha: S(alpha))
    case .softplus: Flows.softplus(x)
    case .silu: Flows.silu(x)
    case .gelu: Flows.gelu(x)
    }
  }
}

private func product(
  _ form: fk_form, _ m: Int, _ n: Int, _ k: Int, _ a: Storage, _ b: Storage, into c: Storage,
  bias: Storage? = nil, _ activation: fk_activation = FK_IDENTITY, _ slope: Double = 0,
  accumulates: Bool = false
) {
  fk_matmul(
    c.type, form, Int64(m), Int64(n), Int64(k), a.pointer, b.pointer, c.pointer, bias?.pointer,
    activation, slope, accumulates)
}

extension Tensor {
  /// The matrix product `[m, k] · [k, n] → [m, n]`.
  ///
  /// - Complexity: 2·m·n·k floating-point operations.
  public func matmul(_ other: Tensor) -> Tensor {
    linear(self, weight: other, bias: nil, activation: .identity)
  }
}

/// activation(x · W + b) in one pass: x `[rows, in]`, W `[in, out]`, b `[out]` → `[rows, out]`.
public func linear<Scalar>(
  _ x: Tensor<Scalar>, weight: Tensor<Scalar>, bias: Tensor<Scalar>? = nil,
  activation: Activation = .identity
) -> Tensor<Scalar> {
  guard let (kernel, slope) = activation.fused else {
    return activation(linear(x, weight: weight, bias: bias, activation: .identity))
  }
  let (a, w, b) = (x.storage, weight.storage, bias?.storage)
  let (rows, inputs) = a.shape.matrix("the left factor")
  let (weightRows, outputs) = w.shape.matrix("the right factor")
  precondition(
    inputs == weightRows,
    "a product of \(x.shape) and \(weight.shape) does not exist: \(inputs) columns meet "
      + "\(weightRows) rows")
  precondition(
    b.map { $0.count == outputs } ?? true,
    "the bias has one scalar for each of \(outputs) columns; got the shape \(bias?.shape ?? [])")
  let tapeA = a.activeTape
  let tapeW = w.activeTape
  let tapeB = b?.activeTape
  let tape = Tape.recording(Tape.recording(tapeA, tapeW), tapeB)
  let y = Storage(Shape(rows, outputs), a.kind, tape: tape)
  product(FK_FORM_NN, rows, outputs, inputs, a, w, into: y, bias: b, kernel, slope)
  guard let tape else { return Tensor(y) }
  let (tracksA, tracksW, tracksB) = (tapeA === tape, tapeW === tape, tapeB === tape)
  tape.record { tape in
    guard let g = tape.takeGradient(of: y.node) else { return }
    // The gradient before the activation; the column sums that the bias needs ride along.
    var before = g
    let biasGradient =
      tracksB ? b.map { tape.zeroedAccumulator(for: $0.node, like: $0) } : nil
    if kernel != FK_IDENTITY || biasGradient != nil {
      if kernel != FK_IDENTITY { before = Storage(g.shape, g.kind) }
      if kernel == FK_IDENTITY, let biasGradient {
        addColumnSums(of: g, to: biasGradient)
      } else {
        fk_activation_backward(
          g.type, kernel, slope, Int64(rows), Int64(outputs), g.pointer, y.pointer,
          before.pointer, biasGradient?.pointer)
      }
    }
    if tracksW {
      let (target, accumulates) = tape.accumulator(for: w.node, like: w)
      product(
        FK_FORM_TN, inputs, outputs, rows, a, before, into: target, accumulates: accumulates)
    }
    if tracksA {
      let (target, accumulates) = tape.accumulator(for: a.node, like: a)
      product(
        FK_FORM_NT, rows, inputs, outputs, before, w, into: target, accumulates: accumulates)
    }
  }
  return Tensor(y)
}

private func addColumnSums(of g: Storage, to target: Storage) {
  var strides = Extents()
  strides[1] = 1
  g.shape.extents.withPointer { extents in
    strides.withPointer { strides in
      fk_add_strided(g.type, 2, extents, strides, g.pointer, target.pointer)
    }
  }
}
