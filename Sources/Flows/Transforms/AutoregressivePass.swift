internal import CFlowKernels

/// An autoregressive map toward latent as one recorded operation.
func autoregressiveToLatent<Scalar>(
  _ x: Tensor<Scalar>, _ context: Tensor<Scalar>?, _ flow: Autoregressive<Scalar>,
  _ network: PreparedStaircase
) -> Transformed<Scalar> {
  let (input, extra) = (x.storage, context?.storage)
  let rows = input.shape[0]
  let layers = flow.network.layers
  let (tapeX, tapeContext) = (input.activeTape, extra?.activeTape)
  let tape = Tape.recording(Tape.recording(tapeX, tapeContext), recordingTape(layers))
  let value = Storage(input.shape, input.kind, tape: tape)
  let logDet = Storage(Shape(rows), input.kind, tape: tape)
  let pass = AutoregressivePass(kind: input.kind, plan: flow.plan, network: network)
  let kept = tape.map { _ in pass.makeKept(rows: rows) }
  pass.toLatent(
    rows: rows, input.pointer, context: extra?.pointer, kept: kept?.pointer, value: value.pointer,
    logDet: logDet.pointer)
  guard let tape, let kept else {
    return Transformed(value: Tensor(value), logDet: Tensor(logDet))
  }
  let (tracksX, tracksContext) = (tapeX === tape, tapeContext === tape)
  tape.record { tape in
    let gv = tape.takeGradient(of: value.node)
    let gl = tape.takeGradient(of: logDet.node)
    guard gv != nil || gl != nil else { return }
    let gx = Storage(input.shape, input.kind)
    let gContext = tracksContext ? extra.map { Storage($0.shape, $0.kind) } : nil
    pass.backward(
      rows: rows, kept: kept.pointer, gv: gv?.pointer, gl: gl?.pointer, gx: gx.pointer,
      gContext: gContext?.pointer, target: tape.gradients(of: layers.map(LayerParameters.init)))
    if tracksX { tape.add(gx, to: input.node) }
    if let gContext, let extra { tape.add(gContext, to: extra.node) }
  }
  return Transformed(value: Tensor(value), logDet: Tensor(logDet))
}

/// An autoregressive map toward data as one recorded operation.
///
/// Its derivative is that of the map toward latent at the solution: with J = ∂z/∂x, gradients g of x
/// become λ = J⁻ᵀg of z, and parameters get −λᵀ ∂z/∂θ. As J is triangular, λ is found exactly in as many
/// rounds as there are groups.
func autoregressiveToData<Scalar>(
  _ z: Tensor<Scalar>, _ context: Tensor<Scalar>?, _ flow: Autoregressive<Scalar>,
  _ network: PreparedStaircase
) -> Transformed<Scalar> {
  let (input, extra) = (z.storage, context?.storage)
  let rows = input.shape[0]
  let layers = flow.network.layers
  let (tapeZ, tapeContext) = (input.activeTape, extra?.activeTape)
  let tape = Tape.recording(Tape.recording(tapeZ, tapeContext), recordingTape(layers))
  let value = Storage(input.shape, input.kind, tape: tape)
  let logDet = Storage(Shape(rows), input.kind, tape: tape)
  let pass = AutoregressivePass(kind: input.kind, plan: flow.plan, network: network)
  pass.toData(
    rows: rows, input.pointer, context: extra?.pointer, value: value.pointer,
    logDet: logDet.pointer)
  guard let tape else { return Transformed(value: Tensor(value), logDet: Tensor(logDet)) }
  let (tracksZ, tracksContext) = (tapeZ === tape, tapeContext === tape)
  tape.record { tape in
    let gv = tape.takeGradient(of: value.node)
    let gl = tape.takeGradient(of: logDet.node)
    guard gv != nil || gl != nil else { return }
    let gz = Storage(input.shape, input.kind)
    let gContext = tracksContext ? extra.map { Storage($0.shape, $0.kind) } : nil
    pass.backwardToData(
      rows: rows, value.pointer, context: extra?.pointer, gv: gv?.pointer, gl: gl?.pointer,
      gz: gz.pointer, gContext: gContext?.pointer,
      target: tape.gradients(of: layers.map(LayerParameters.init)))
    if tracksZ { tape.add(gz, to: input.node) }
    if let gContext, let extra { tape.add(gContext, to: extra.node) }
  }
  return Transformed(value: Tensor(value), logDet: Tensor(logDet))
}

/// The kernel calls of an autoregressive map, tile by tile on columns.
private struct AutoregressivePass: Sendable {
  let kind: ScalarKind
  let plan: AutoregressivePlan
  let network: PreparedStaircase

  private var type: fk_type { kind.kernelType }
  private var dimension: Int { plan.dimension }
  private var contextDimension: Int { plan.contextDimension }
  private var width: Int { plan.transforms.parameterCount }

  // MARK: - Columns

  /// The network's input: context, then the columns of some rows in their order.
  private func takeInput(
    _ rows: Range<Int>, _ x: UnsafeRawPointer, context: UnsafeRawPointer?, stride: Int,
    into columns: UnsafeMutableRawPointer
  ) {
    if let context {
      fk_to_columns(
        type, Int64(rows.count), Int64(contextDimension), Int64(contextDimension), nil,
        context + rows.lowerBound * contextDimension * kind.size, Int64(stride), columns)
    }
    takeColumns(rows, x, stride: stride, into: columns + contextDimension * stride * kind.size)
  }

  private func takeColumns(
    _ rows: Range<Int>, _ x: UnsafeRawPointer, stride: Int, into columns: UnsafeMutableRawPointer
  ) {
    fk_to_columns(
      type, Int64(rows.count), Int64(dimension), Int64(dimension), plan.order.pointer,
      x + rows.lowerBound * dimension * kind.size, Int64(stride), columns)
  }

  private func putColumns(
    _ columns: UnsafeRawPointer, stride: Int, _ rows: Range<Int>,
    into x: UnsafeMutableRawPointer
  ) {
    fk_to_rows(
      type, Int64(rows.count), Int64(dimension), Int64(dimension), plan.order.pointer, columns,
      Int64(stride), x + rows.lowerBound * dimension * kind.size)
  }

  private func takeVector(
    _ rows: Range<Int>, _ x: UnsafeRawPointer, stride: Int, into column: UnsafeMutableRawPointer
  ) {
    fk_to_columns(
      type, Int64(rows.count), 1, 1, nil, x + rows.lowerBound * kind.size, Int64(stride), column)
  }

  private func map(
    _ position: Int, toData: Bool, stride: Int, _ x: UnsafeRawPointer, _ theta: UnsafeRawPointer,
    _ y: UnsafeMutableRawPointer, logSlope: UnsafeMutableRawPointer
  ) {
    var map = plan.transforms.maps[position]
    fk_map(type, &map, toData, Int64(stride), x, theta, y, logSlope)
  }

  // MARK: - What is kept

  /// Columns of a tile: input, parameters, latent, and what the network keeps.
  private struct Places {
    let input: UnsafeMutableRawPointer
    let theta: UnsafeMutableRawPointer
    let latent: UnsafeMutableRawPointer
    let saved: UnsafeMutableRawPointer
  }

  private func tileScalars(stride: Int) -> Int {
    (contextDimension + 2 * dimension + width) * stride + network.savedCount(stride: stride)
  }

  /// Memory for the tiles of so many rows.
  func makeKept(rows: Int) -> Storage {
    let tiles = (rows + ColumnTile.rows - 1) / ColumnTile.rows
    let stride = ColumnTile.stride(Swift.min(rows, ColumnTile.rows))
    return Storage(Shape(tiles * tileScalars(stride: stride)), kind)
  }

  private func places(_ memory: UnsafeMutableRawPointer, stride: Int) -> Places {
    let column = stride * kind.size
    let theta = memory + (contextDimension + dimension) * column
    let latent = theta + width * column
    return Places(
      input: memory, theta: theta, latent: latent, saved: latent + dimension * column)
  }

  private func places(_ kept: UnsafeMutableRawPointer, tile rows: Range<Int>) -> Places {
    let full = tileScalars(stride: ColumnTile.rows) * kind.size
    return places(
      kept + rows.lowerBound / ColumnTile.rows * full, stride: ColumnTile.stride(rows.count))
  }

  // MARK: - Toward latent

  func toLatent(
    rows: Int, _ x: UnsafeRawPointer, context: UnsafeRawPointer?, kept: UnsafeMutableRawPointer?,
    value: UnsafeMutableRawPointer, logDet: UnsafeMutableRawPointer
  ) {
    let scratch = kept == nil ? makeKept(rows: Swift.min(rows, ColumnTile.rows)) : nil
    ColumnTile.forEach(rows: rows) { range in
      let stride = ColumnTile.stride(range.count)
      let total = ColumnScratch(columns: 1, stride: stride, kind)
      let here =
        kept.map { places($0, tile: range) }
        ?? scratch.map { places($0.pointer, stride: stride) }
      guard let here else { return }
      takeInput(range, x, context: context, stride: stride, into: here.input)
      fk_fill(type, Int64(stride), 0, total[0])
      mapTile(here, stride: stride, total: total[0])
      putColumns(here.latent, stride: stride, range, into: value)
      (logDet + range.lowerBound * kind.size).copyMemory(
        from: total[0], byteCount: range.count * kind.size)
    }
  }

  /// Parameters and latent columns of an input; log-slopes are added to `total`.
  private func mapTile(_ here: Places, stride: Int, total: UnsafeMutableRawPointer) {
    let column = stride * kind.size
    network.forward(stride: stride, here.input, saved: here.saved, y: here.theta)
    for position in 0..<dimension {
      map(
        position, toData: false, stride: stride,
        here.input + (contextDimension + position) * column,
        here.theta + plan.transforms.starts[position] * column, here.latent + position * column,
        logSlope: total)
    }
  }

  /// The gradient by the input columns of a tile, from that by its latent columns and log-determinants.
  private func backwardTile(
    _ here: Places, stride: Int, gv: UnsafeRawPointer?, gl: UnsafeRawPointer?,
    gTheta: UnsafeMutableRawPointer, gDirect: UnsafeMutableRawPointer,
    gInput: UnsafeMutableRawPointer, target: fk_network_gradient?
  ) {
    let column = stride * kind.size
    for position in 0..<dimension {
      var map = plan.transforms.maps[position]
      let start = plan.transforms.starts[position] * column
      fk_map_backward(
        type, &map, false, Int64(stride), here.input + (contextDimension + position) * column,
        here.latent + position * column, here.theta + start, gv.map { $0 + position * column }, gl,
        gDirect + position * column, gTheta + start)
    }
    network.backward(
      stride: stride, here.input, saved: here.saved, g: gTheta, gx: gInput, target: target)
    fk_add_scaled(
      type, Int64(dimension * stride), 1, gDirect, gInput + contextDimension * column)
  }

  private func putContext(
    _ gInput: UnsafeRawPointer, stride: Int, _ rows: Range<Int>,
    into gContext: UnsafeMutableRawPointer?
  ) {
    guard let gContext else { return }
    fk_to_rows(
      type, Int64(rows.count), Int64(contextDimension), Int64(contextDimension), nil, gInput,
      Int64(stride), gContext + rows.lowerBound * contextDimension * kind.size)
  }

  func backward(
    rows: Int, kept: UnsafeMutableRawPointer, gv: UnsafeRawPointer?, gl: UnsafeRawPointer?,
    gx: UnsafeMutableRawPointer, gContext: UnsafeMutableRawPointer?, target: fk_network_gradient
  ) {
    ColumnTile.forEach(rows: rows) { range in
      let stride = ColumnTile.stride(range.count)
      let scratch = ColumnScratch(
        columns: 3 * dimension + contextDimension + width + 1, stride: stride, kind)
      let (gValue, gDirect, gInput) = (scratch[0], scratch[dimension], scratch[2 * dimension])
      let gTheta = scratch[3 * dimension + contextDimension]
      let gLog = scratch[3 * dimension + contextDimension + width]
      if let gv { takeColumns(range, gv, stride: stride, into: gValue) }
      if let gl { takeVector(range, gl, stride: stride, into: gLog) }
      backwardTile(
        places(kept, tile: range), stride: stride, gv: gv == nil ? nil : UnsafeRawPointer(gValue),
        gl: gl == nil ? nil : UnsafeRawPointer(gLog), gTheta: gTheta, gDirect: gDirect,
        gInput: gInput, target: target)
      putColumns(
        gInput + contextDimension * stride * kind.size, stride: stride, range, into: gx)
      putContext(gInput, stride: stride, range, into: gContext)
    }
  }

  // MARK: - Toward data

  func toData(
    rows: Int, _ z: UnsafeRawPointer, context: UnsafeRawPointer?, value: UnsafeMutableRawPointer,
    logDet: UnsafeMutableRawPointer
  ) {
    let hidden = plan.degrees.hidden
    let units = hidden.reduce(0) { $0 + $1.count }
    ColumnTile.forEach(rows: rows) { range in
      let stride = ColumnTile.stride(range.count)
      let scratch = ColumnScratch(
        columns: contextDimension + 2 * dimension + units + width + 1, stride: stride, kind)
      let input = scratch[0]
      let latent = contextDimension + dimension
      let firstUnit = latent + dimension
      let theta = firstUnit + units
      let total = scratch[theta + width]
      // The columns to come are not seen yet, but must be numbers.
      fk_fill(type, Int64((contextDimension + dimension) * stride), 0, input)
      if let context {
        fk_to_columns(
          type, Int64(range.count), Int64(contextDimension), Int64(contextDimension), nil,
          context + range.lowerBound * contextDimension * kind.size, Int64(stride), input)
      }
      takeColumns(range, z, stride: stride, into: scratch[latent])
      fk_fill(type, Int64(stride), 0, total)
      for group in 0..<plan.groups {
        var before = input
        var place = firstUnit
        for layer in hidden.indices {
          network.units(
            stride: stride, layer: layer, plan.degrees.hiddenRange(layer: layer, degree: group),
            input: before, output: scratch[place])
          before = scratch[place]
          place += hidden[layer].count
        }
        network.units(
          stride: stride, layer: hidden.count, plan.parameters(of: group), input: before,
          output: scratch[theta])
        for position in plan.positions[group] {
          map(
            position, toData: true, stride: stride, scratch[latent + position],
            scratch[theta + plan.transforms.starts[position]],
            scratch[contextDimension + position], logSlope: total)
        }
      }
      putColumns(scratch[contextDimension], stride: stride, range, into: value)
      (logDet + range.lowerBound * kind.size).copyMemory(
        from: total, byteCount: range.count * kind.size)
    }
  }

  func backwardToData(
    rows: Int, _ x: UnsafeRawPointer, context: UnsafeRawPointer?, gv: UnsafeRawPointer?,
    gl: UnsafeRawPointer?, gz: UnsafeMutableRawPointer, gContext: UnsafeMutableRawPointer?,
    target: fk_network_gradient
  ) {
    let kept = makeKept(rows: Swift.min(rows, ColumnTile.rows))
    ColumnTile.forEach(rows: rows) { range in
      let stride = ColumnTile.stride(range.count)
      let here = places(kept.pointer, stride: stride)
      let columns = dimension * stride
      let scratch = ColumnScratch(
        columns: 6 * dimension + contextDimension + width + 2, stride: stride, kind)
      let (g, lambda) = (scratch[0], scratch[dimension])
      let (slope, gDirect) = (scratch[2 * dimension], scratch[3 * dimension])
      let work = scratch[4 * dimension]
      let gInput = scratch[5 * dimension]
      let gSeen = gInput + contextDimension * stride * kind.size
      let gTheta = scratch[6 * dimension + contextDimension]
      let gLog = scratch[6 * dimension + contextDimension + width]
      takeInput(range, x, context: context, stride: stride, into: here.input)
      network.forward(stride: stride, here.input, saved: here.saved, y: here.theta)
      // The slope of each column, on the diagonal of J.
      fk_fill(type, Int64(columns), 0, work)
      for position in 0..<dimension {
        let column = position * stride * kind.size
        map(
          position, toData: false, stride: stride,
          here.input + (contextDimension + position) * stride * kind.size,
          here.theta + plan.transforms.starts[position] * stride * kind.size,
          here.latent + column, logSlope: work + column)
      }
      fk_unary(type, FK_EXP, Int64(columns), work, 0, 0, slope)
      // g: by x, with that through log |det ∂x/∂z| = −log |det J|.
      fk_fill(type, Int64(columns), 0, g)
      if let gv { takeColumns(range, gv, stride: stride, into: g) }
      if let gl {
        takeVector(range, gl, stride: stride, into: gLog)
        fk_unary(type, FK_NEG, Int64(stride), gLog, 0, 0, gLog)
        backwardTile(
          here, stride: stride, gv: nil, gl: gLog, gTheta: gTheta, gDirect: gDirect,
          gInput: gInput, target: nil)
        fk_add_scaled(type, Int64(columns), 1, gSeen, g)
      }
      // λ ← (g − Nᵀλ) / slope, where J = diag(slope) + N.
      divide(g, by: slope, columns, into: lambda)
      for _ in 1..<Swift.max(plan.groups, 1) {
        backwardTile(
          here, stride: stride, gv: lambda, gl: nil, gTheta: gTheta, gDirect: gDirect,
          gInput: gInput, target: nil)
        fk_add_scaled(type, Int64(columns), -1, gDirect, gSeen)
        work.copyMemory(from: g, byteCount: columns * kind.size)
        fk_add_scaled(type, Int64(columns), -1, gSeen, work)
        divide(work, by: slope, columns, into: lambda)
      }
      putColumns(lambda, stride: stride, range, into: gz)
      fk_unary(type, FK_NEG, Int64(columns), lambda, 0, 0, work)
      backwardTile(
        here, stride: stride, gv: work, gl: gl == nil ? nil : UnsafeRawPointer(gLog),
        gTheta: gTheta, gDirect: gDirect, gInput: gInput, target: target)
      putContext(gInput, stride: stride, range, into: gContext)
    }
  }

  private func divide(
    _ a: UnsafeRawPointer, by b: UnsafeRawPointer, _ count: Int,
    into result: UnsafeMutableRawPointer
  ) {
    var (shape, stride) = (Int64(count), Int64(1))
    fk_binary(type, FK_DIV, 1, &shape, &stride, &stride, a, b, result)
  }
}
