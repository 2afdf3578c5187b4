/// A prepared network as one recorded operation: x `[rows, inputs]` → `[rows, outputs]`.
func networkPass<Scalar>(
  _ x: Tensor<Scalar>, _ network: PreparedNetwork, _ layers: [Linear<Scalar>]
) -> Tensor<Scalar> {
  let input = x.storage
  let (rows, columns) = input.shape.matrix("the input of a network")
  precondition(
    columns == network.inputs,
    "the network takes rows of \(network.inputs) columns; got the shape \(x.shape)")
  let tapeX = input.activeTape
  let tape = Tape.recording(tapeX, recordingTape(layers))
  let y = Storage(Shape(rows, network.outputs), input.kind, tape: tape)
  guard let tape else {
    network.view.forward(rows: rows, input.pointer, saved: nil, y: y.pointer)
    return withExtendedLifetime(network) { Tensor(y) }
  }
  let saved = Storage(Shape((network.view.savedBytes(rows: rows) + 7) / 8), .float64)
  network.view.forward(rows: rows, input.pointer, saved: saved.pointer, y: y.pointer)
  let tracksX = tapeX === tape
  tape.record { tape in
    guard let g = tape.takeGradient(of: y.node) else { return }
    let gx = tracksX ? Storage(input.shape, input.kind) : nil
    tape.runBackward(network, layers) { target in
      network.view.backward(
        rows: rows, input.pointer, saved: saved.pointer, g: g.pointer, gx: gx?.pointer,
        target: target)
    }
    if let gx { tape.add(gx, to: input.node) }
  }
  return Tensor(y)
}

/// The tape that records what happens to the parameters of layers.
func recordingTape<Scalar>(_ layers: [Linear<Scalar>]) -> Tape? {
  var tape: Tape?
  for layer in layers {
    tape = Tape.recording(tape, layer.weight.storage.activeTape)
    if let bias = layer.bias { tape = Tape.recording(tape, bias.storage.activeTape) }
  }
  return tape
}
