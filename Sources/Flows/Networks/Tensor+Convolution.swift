internal import CFlowKernels

/// activation(x ∗ W + b + residual): images `[n, height, width, in]`, W `[kh, kw, in / groups, out]`, b `[out]`
/// → `[n, height', width', out]`.
///
/// As everywhere in deep learning it is a correlation: the kernel is not mirrored. The residual has the
/// shape of the result. The kernels run on all workers themselves.
///
/// - Complexity: 2 · n · height' · width' · kh · kw · in / groups · out floating-point operations.
public func convolution<Scalar>(
  _ x: Tensor<Scalar>, weight: Tensor<Scalar>, bias: Tensor<Scalar>? = nil,
  geometry: ConvolutionGeometry, residual: Tensor<Scalar>? = nil,
  activation: Activation = .identity
) -> Tensor<Scalar> {
  guard let (kernel, slope) = activation.fused else {
    return activation(
      convolution(x, weight: weight, bias: bias, geometry: geometry, residual: residual))
  }
  let plan = ConvolutionPlan(geometry, input: x.shape, weight: weight.shape)
  let (a, w, b, r) = (x.storage, weight.storage, bias?.storage, residual?.storage)
  precondition(
    b.map { $0.count == plan.outputChannels } ?? true,
    "the bias has one scalar for each of \(plan.outputChannels) channels; got the shape "
      + "\(bias?.shape ?? [])")
  precondition(
    residual.map { $0.shape == plan.outputShape } ?? true,
    "the residual has the shape of the result, \(plan.outputShape); got \(residual?.shape ?? [])")
  let tapes = (a.activeTape, w.activeTape, b?.activeTape, r?.activeTape)
  let tape = Tape.recording(
    Tape.recording(tapes.0, tapes.1), Tape.recording(tapes.2, tapes.3))
  let y = Storage(Shape(plan.outputShape), a.kind, tape: tape)
  plan.withShape {
    fk_convolution(
      y.type, $0, a.pointer, w.pointer, b?.pointer, r?.pointer, kernel, slope, y.pointer)
  }
  guard let tape else { return Tensor(y) }
  let (tracksX, tracksW) = (tapes.0 === tape, tapes.1 === tape)
  let (tracksB, tracksR) = (tapes.2 === tape, tapes.3 === tape)
  tape.record { tape in
    guard let g = tape.takeGradient(of: y.node) else { return }
    let before = gradientBeforeBias(
      g, y, channels: plan.outputChannels, kernel, slope, bias: tracksB ? b : nil, tape)
    if tracksR, let r { tape.add(before, to: r.node) }
    if tracksW { plan.addWeightGradient(a, before, of: w, tape) }
    if tracksX { plan.addInputGradient(before, w, of: a, tape) }
  }
  return Tensor(y)
}

/// activation(transposed convolution of x by W, + b): images `[n, height, width, in]`, W
/// `[kh, kw, out / groups, in]`, b `[out]` → `[n, height', width', out]`.
///
/// It is the transpose of ``convolution(_:weight:bias:geometry:residual:activation:)`` from `out` to
/// `in` channels with the same weights and geometry ("deconvolution"):
/// height' = (height − 1)·stride − 2·padding + dilation·(kernel − 1) + 1 + extra.
public func transposedConvolution<Scalar>(
  _ x: Tensor<Scalar>, weight: Tensor<Scalar>, bias: Tensor<Scalar>? = nil,
  geometry: ConvolutionGeometry, extra: ConvolutionGeometry.Pair = 0,
  activation: Activation = .identity
) -> Tensor<Scalar> {
  precondition(
    x.rank == 4 && weight.rank == 4,
    "images have the shape [n, height, width, channels] and weights [kh, kw, out / groups, in]; got "
      + "\(x.shape) and \(weight.shape)")
  let size = geometry.transposedSize(height: x.shape[1], width: x.shape[2], extra: extra)
  precondition(
    size.height > 0 && size.width > 0 && extra.height >= 0 && extra.width >= 0
      && extra.height < geometry.stride.height && extra.width < geometry.stride.width,
    "the result has a positive size, and the extra rows and columns are fewer than the stride; got "
      + "\(size), \(extra)")
  let outputs = weight.shape[2] * geometry.groups
  let plan = ConvolutionPlan(
    geometry, input: [x.shape[0], size.height, size.width, outputs], weight: weight.shape)
  precondition(
    plan.outputShape == x.shape,
    "these weights and this geometry take images of the shape \(plan.outputShape); got \(x.shape)")
  let (a, w, b) = (x.storage, weight.storage, bias?.storage)
  precondition(
    b.map { $0.count == outputs } ?? true,
    "the bias has one scalar for each of \(outputs) channels; got the shape \(bias?.shape ?? [])")
  let tapes = (a.activeTape, w.activeTape, b?.activeTape)
  let tape = Tape.recording(Tape.recording(tapes.0, tapes.1), tapes.2)
  let y = Storage(Shape(plan.inputShape), a.kind, tape: tape)
  plan.withShape {
    fk_convolution_input_gradient(
      y.type, $0, a.pointer, w.pointer, b?.pointer, y.pointer, false)
  }
  let (tracksX, tracksW, tracksB) = (
    tape != nil && tapes.0 === tape, tape != nil && tapes.1 === tape,
    tape != nil && tapes.2 === tape
  )
  tape?.record { tape in
    guard let g = tape.takeGradient(of: y.node) else { return }
    let before = gradientBeforeBias(
      g, y, channels: outputs, FK_IDENTITY, 0, bias: tracksB ? b : nil, tape)
    if tracksW { plan.addWeightGradient(before, a, of: w, tape) }
    if tracksX {
      let (target, accumulates) = tape.accumulator(for: a.node, like: a)
      let result = accumulates ? Storage(a.shape, a.kind) : target
      plan.withShape {
        fk_convolution(
          g.type, $0, before.pointer, w.pointer, nil, nil, FK_IDENTITY, 0, result.pointer)
      }
      if accumulates {
        fk_add_scaled(g.type, Int64(result.count), 1, result.pointer, target.pointer)
      }
    }
  }
  return activation(Tensor(y))
}

/// The gradient before the activation; that of the bias is added to on the way.
private func gradientBeforeBias(
  _ g: Storage, _ y: Storage, channels: Int, _ kernel: fk_activation, _ slope: Double,
  bias: Storage?, _ tape: Tape
) -> Storage {
  let sums = bias.map { tape.zeroedAccumulator(for: $0.node, like: $0) }
  guard kernel != FK_IDENTITY || sums != nil else { return g }
  let before = Storage(g.shape, g.kind)
  fk_activation_backward(
    g.type, kernel, slope, Int64(g.count / Swift.max(1, channels)), Int64(channels), g.pointer,
    y.pointer, before.pointer, sums?.pointer)
  return before
}

/// The sizes of a convolution, checked.
private struct ConvolutionPlan {
  let inputShape: [Int]
  let outputShape: [Int]
  private let shape: fk_convolution_shape

  var outputChannels: Int { outputShape[3] }

  init(_ geometry: ConvolutionGeometry, input: [Int], weight: [Int]) {
    precondition(
      input.count == 4 && weight.count == 4,
      "images have the shape [n, height, width, channels] and weights [kh, kw, in / groups, out]; got "
        + "\(input) and \(weight)")
    let (groups, kernel) = (geometry.groups, geometry.kernel)
    precondition(
      weight[0] == kernel.height && weight[1] == kernel.width && weight[2] * groups == input[3]
        && weight[3] % groups == 0,
      "a convolution of \(input[3]) channels in \(groups) groups has weights "
        + "[\(kernel.height), \(kernel.width), \(input[3] / groups), a multiple of \(groups)]; got "
        + "\(weight)")
    let size = geometry.outputSize(height: input[1], width: input[2])
    precondition(
      size.height > 0 && size.width > 0,
      "the kernel \(kernel) does not fit into images of \(input[1]) × \(input[2]) with their padding"
    )
    inputShape = input
    outputShape = [input[0], size.height, size.width, weight[3]]
    shape = fk_convolution_shape(
      images: Int64(input[0]), height: Int64(input[1]), width: Int64(input[2]),
      in_channels: Int64(input[3]), out_channels: Int64(weight[3]), groups: Int64(groups),
      kernel_height: Int64(kernel.height), kernel_width: Int64(kernel.width),
      stride_y: Int64(geometry.stride.height), stride_x: Int64(geometry.stride.width),
      pad_y: Int64(geometry.padding.height), pad_x: Int64(geometry.padding.width),
      dilation_y: Int64(geometry.dilation.height), dilation_x: Int64(geometry.dilation.width),
      out_height: Int64(size.height), out_width: Int64(size.width))
  }

  func withShape(_ body: (UnsafePointer<fk_convolution_shape>) -> Void) {
    withUnsafePointer(to: shape, body)
  }

  func addWeightGradient(_ x: Storage, _ g: Storage, of w: Storage, _ tape: Tape) {
    let (target, accumulates) = tape.accumulator(for: w.node, like: w)
    withShape {
      fk_convolution_weight_gradient(
        w.type, $0, x.pointer, g.pointer, target.pointer, accumulates)
    }
  }

  func addInputGradient(_ g: Storage, _ w: Storage, of x: Storage, _ tape: Tape) {
    let (target, accumulates) = tape.accumulator(for: x.node, like: x)
    withShape {
      fk_convolution_input_gradient(
        w.type, $0, g.pointer, w.pointer, nil, target.pointer, accumulates)
    }
  }
}
