internal import CFlowKernels

/// A density as the list of kernel calls that it comes down to: couplings and permutations in one
/// direction, and independent columns on the latent side.
///
/// It is what the built-in step of maximum likelihood runs, and evaluation and draws outside of
/// recordings: no tape, no tensors, and in tiles no counting of references.
struct DensityPlan: @unchecked Sendable {
  /// One map.
  enum Map {
    case coupling(CouplingPass)
    /// Column i of the result is column `order[i]` of the argument; the gradient goes back by `inverse`.
    case permutation(order: CouplingPass.ColumnList, inverse: CouplingPass.ColumnList)
  }

  /// A map with what its pointers lead to.
  struct Step {
    let map: Map
    let networks: [PreparedNetwork]
    let lists: [IndexList]

    init(_ map: Map, networks: [PreparedNetwork], lists: [IndexList]) {
      self.map = map
      self.networks = networks
      self.lists = lists
    }
  }

  let kind: ScalarKind
  let dimension: Int
  let contextDimension: Int
  /// From data to latent, or from latent to data.
  let maps: ContiguousArray<Map>
  let family: fk_family
  /// Of the latent density, `[dimension]` each.
  let location: Storage
  let logScale: Storage
  /// Every network once, in the order of the maps.
  let networks: [PreparedNetwork]
  private let lists: [IndexList]

  init<Base: LocationScaleDistribution>(
    _ steps: [Step], base: Base, dimension: Int, contextDimension: Int
  ) {
    kind = Base.Scalar.scalarKind
    self.dimension = dimension
    self.contextDimension = contextDimension
    maps = ContiguousArray(steps.map(\.map))
    family = Base.family.kernel
    location = base.parameters.location.storage
    logScale = base.parameters.logScale.storage
    networks = steps.flatMap(\.networks)
    lists = steps.flatMap(\.lists)
  }

  /// Runs all maps on some rows.
  ///
  /// - Parameters:
  ///   - rows: how many.
  ///   - x: `[rows, dimension]`.
  ///   - context: `[rows, contextDimension]`, where there is any.
  ///   - keeps: true where a way back follows.
  ///   - term: scratch, `[rows]`.
  ///   - total: becomes the sum of the log-determinants, `[rows]`.
  ///   - memory: the workspace of a map, and where its result goes, `[rows, dimension]`.
  /// - Returns: the rows at the other side.
  func forward(
    rows: Int, _ x: UnsafeRawPointer, context: UnsafeRawPointer?, keeps: Bool,
    term: UnsafeMutableRawPointer, total: UnsafeMutableRawPointer,
    memory: (_ map: Int) -> (workspace: UnsafeMutableRawPointer, value: UnsafeMutableRawPointer)
  ) -> UnsafeRawPointer {
    let (type, count, columns) = (kind.kernelType, Int64(rows), Int64(dimension))
    var value = x
    fk_fill(type, count, 0, total)
    for index in maps.indices {
      let (workspace, output) = memory(index)
      switch maps[index] {
      case .coupling(let pass):
        pass.forward(
          rows: rows, value, context: pass.contextDimension > 0 ? context : nil,
          workspace: workspace, keeps: keeps, value: output, logDet: term)
        fk_add_scaled(type, count, 1, term, total)
      case .permutation(let order, _):
        fk_take_columns(type, count, columns, columns, order.pointer, value, columns, output)
      }
      value = UnsafeRawPointer(output)
    }
    return value
  }

  /// Adds the log-density of latent rows to `total` `[rows]`; `term` is scratch.
  func addBase(
    rows: Int, _ latent: UnsafeRawPointer, term: UnsafeMutableRawPointer,
    to total: UnsafeMutableRawPointer
  ) {
    let (type, count) = (kind.kernelType, Int64(rows))
    fk_location_scale(
      type, family, count, Int64(dimension), latent, location.pointer, logScale.pointer, term)
    fk_add_scaled(type, count, 1, term, total)
  }

  // MARK: - Evaluation

  /// log p of rows, of a plan toward latent space, into `result` `[rows]`.
  ///
  /// `constant` is added to the log-determinants first, as on a tape.
  func logDensity(
    rows: Int, _ x: UnsafeRawPointer, context: UnsafeRawPointer?, constant: Double?,
    into result: UnsafeMutableRawPointer
  ) {
    withScratch(rows: rows) { term, _, memory in
      let latent = forward(
        rows: rows, x, context: context, keeps: false, term: term, total: result, memory: memory)
      if let constant {
        fk_unary(kind.kernelType, FK_SCALE_SHIFT, Int64(rows), result, 1, constant, result)
      }
      addBase(rows: rows, latent, term: term, to: result)
    }
  }

  /// The data of latent rows, of a plan toward data, into `result` `[rows, dimension]`.
  func data(
    rows: Int, _ z: UnsafeRawPointer, context: UnsafeRawPointer?,
    into result: UnsafeMutableRawPointer
  ) {
    withScratch(rows: rows) { term, total, memory in
      let data = forward(
        rows: rows, z, context: context, keeps: false, term: term, total: total, memory: memory)
      result.copyMemory(from: data, byteCount: rows * dimension * kind.size)
    }
  }

  /// Two vectors `[rows]`, and what ``forward(rows:_:context:keeps:term:total:memory:)`` asks for where
  /// nothing is kept: one workspace for all maps, and two tables in turn.
  private func withScratch(
    rows: Int,
    _ body: (
      UnsafeMutableRawPointer, UnsafeMutableRawPointer,
      (Int) -> (workspace: UnsafeMutableRawPointer, value: UnsafeMutableRawPointer)
    ) -> Void
  ) {
    func rounded(_ bytes: Int) -> Int { (bytes + 63) / 64 * 64 }
    let (table, vector) = (rounded(rows * dimension * kind.size), rounded(rows * kind.size))
    var largest = 0
    for map in maps {
      guard case .coupling(let pass) = map else { continue }
      largest = Swift.max(largest, pass.workspaceBytes(rows: rows, keeps: false))
    }
    let bytes = 2 * table + 2 * vector + largest
    guard let memory = fk_allocate(bytes) else { preconditionFailure("there is memory or an end") }
    defer { fk_deallocate(memory, bytes) }
    let workspace = memory + 2 * table + 2 * vector
    body(memory + 2 * table, memory + 2 * table + vector) { index in
      (workspace, memory + index % 2 * table)
    }
  }
}

/// A flow that may come down to one step of a plan.
protocol PlannedFlow<Scalar>: Flow {
  /// Nil where it does not.
  func planStep(_ direction: CouplingDirection) -> DensityPlan.Step?
}

/// A density that may come down to a plan.
protocol PlannedDensity<Scalar>: Distribution {
  /// Nil where it does not.
  func densityPlan(_ direction: CouplingDirection) -> DensityPlan?
}

extension AffineCoupling: PlannedFlow {}
extension AdditiveCoupling: PlannedFlow {}

extension NormalizingFlow: PlannedDensity {
  func densityPlan(_ direction: CouplingDirection) -> DensityPlan? {
    standardization == nil && contextStandardization == nil && dataSideMap == nil
      ? planInUnits(direction) : nil
  }

  /// The plan of flow and base, whose units are those in which the flow was trained; without the
  /// map at the data side.
  func planInUnits(_ direction: CouplingDirection) -> DensityPlan? {
    guard let base = base as? any LocationScaleDistribution<Scalar>, base.dimension == dimension
    else { return nil }
    var steps: [DensityPlan.Step] = []
    let flows = flow.flows.dropLast(dataSideMap == nil ? 0 : 1)
    for index in flows.indices {
      let flow = flows[direction == .toData ? index : flows.count - 1 - index]
      guard flow.dimension == dimension,
        let step = (flow as? any PlannedFlow<Scalar>)?.planStep(direction)
      else { return nil }
      steps.append(step)
    }
    return DensityPlan(
      steps, base: base, dimension: dimension, contextDimension: contextDimension)
  }
}
