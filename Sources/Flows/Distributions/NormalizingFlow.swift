/// A base density pushed through a flow: exact log-density and exact sampling.
///
/// With latent z = T⁻¹(x): log p(x) = log p_base(z) + log |det ∂z/∂x|.
public struct NormalizingFlow<Scalar: TensorScalar>: Distribution {
  /// The density of the latent side.
  public var base: any Distribution<Scalar>
  /// The map from latent to (standardised) data.
  public var flow: Composition<Scalar>
  /// The units of the data, set by `fit`; nil before, or where standardisation is off.
  ///
  /// A map onto a declared support at the data side (``SupportMap``) stays outside of them.
  public var standardization: Standardization<Scalar>?
  /// The units of the context, set by `fit`.
  public var contextStandardization: Standardization<Scalar>?

  /// A flow over a base, read from latent to data.
  ///
  /// ```swift
  /// NormalizingFlow(base: Laplace<Float>(dimension: 8)) {
  ///   for index in 0..<6 {
  ///     AffineCoupling(dimension: 8, mask: .alternating(index), using: &generator)
  ///   }
  ///   ActNorm(dimension: 8)
  /// }
  /// ```
  public init<Base: Distribution>(
    base: Base, @FlowBuilder<Scalar> _ flows: () -> [any Flow<Scalar>]
  ) where Base.Scalar == Scalar {
    self.init(base: base, flow: Composition(dimension: base.dimension, flows()))
  }

  /// A flow over a base.
  public init(base: any Distribution<Scalar>, flow: Composition<Scalar>) {
    precondition(
      base.dimension == flow.dimension,
      "base and flow have one dimension; got \(base.dimension) and \(flow.dimension)")
    self.base = base
    self.flow = flow
  }

  /// The number of columns.
  public var dimension: Int { flow.dimension }
  /// The number of context columns.
  public var contextDimension: Int { Swift.max(flow.contextDimension, base.contextDimension) }
  /// True where a row's log-density depends on other rows.
  public var mixesRows: Bool { flow.mixesRows || base.mixesRows }
  /// That of the base.
  public var isReparameterized: Bool { base.isReparameterized }

  /// That of the map at the data side.
  public var support: [Support] { flow.support }

  /// Starts the data-dependent parts of the flow, then those of the base.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    if var map = dataSideMap {
      // Units of the data are those behind the map as it was when they were found.
      if standardization == nil { map.prepare(with: x, context: nil) }
      dataSideMap = nil
      prepare(with: map.inverse(x).value, context: context)
      dataSideMap = map
      return
    }
    let inner = standardization?.inverse(x).value ?? x
    let context = standardized(context)
    flow.prepare(with: inner, context: context)
    base.prepare(
      with: flow.inverse(inner, context: context).value,
      context: base.contextDimension > 0 ? context : nil)
  }

  /// That of the flow.
  public var hasRunningStatistics: Bool { flow.hasRunningStatistics }

  /// Lets the running statistics of the flow follow rows of data.
  public mutating func updateStatistics(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    if let map = dataSideMap {
      dataSideMap = nil
      updateStatistics(with: map.inverse(x, context: nil).value, context: context)
      dataSideMap = map
      return
    }
    flow.updateStatistics(
      with: standardization?.inverse(x).value ?? x, context: standardized(context))
  }

  // MARK: - Density

  /// log p(x | context) of each row, in nats; large batches run tile by tile on all workers.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    checkContext(rows: x.storage.shape[0], context, contextDimension)
    if !isRecordingOperations, let plan = planInUnits(.toLatent) {
      return logDensity(of: x, context: context, by: plan)
    }
    if isNormalizedByNodes {
      // The normaliser is one integral for all rows, not one for each tile.
      return Tiles.map(x, context, isTiled: !mixesRows, columns: nil) { x, context in
        unnormalizedLogDensity(of: x, context: context)
      } - logNormalizer()
    }
    return Tiles.map(x, context, isTiled: !mixesRows, columns: nil) { x, context in
      guard let map = dataSideMap else {
        return hidingRowsOutside(logDensity(of: x, through: flow, context: context))
      }
      let outer = map.inverse(x, context: nil)
      return hidingRowsOutside(
        logDensity(of: outer.value, through: flow.droppingLast, context: context) + outer.logDet)
    }
  }

  /// The part within the map at the data side.
  private func logDensity(
    of x: Tensor<Scalar>, through flow: Composition<Scalar>, context: Tensor<Scalar>?
  ) -> Tensor<Scalar> {
    let latent = toLatent(x, through: flow, context: context)
    return base.logDensity(
      of: latent.value, context: base.contextDimension > 0 ? standardized(context) : nil)
      + latent.logDet
  }

  /// The same without the gradient that the stand-in of a row outside of the support has.
  private func hidingRowsOutside(_ total: Tensor<Scalar>) -> Tensor<Scalar> {
    guard total.isTracked, dataSideMap != nil || flow.support.contains(where: { $0 != .real })
    else { return total }
    return Tensor.select(where: total .== Tensor(-.infinity), Tensor(-.infinity), else: total)
  }

  private func logDensity(
    of x: Tensor<Scalar>, context: Tensor<Scalar>?, by plan: DensityPlan
  ) -> Tensor<Scalar> {
    let constant = standardization.map { Double((-log($0.scale).sum()).scalar) }
    if let map = dataSideMap {
      return Tiles.map(x, context, isTiled: true, columns: nil) { x, context in
        let outer = map.inverse(x, context: nil)
        let tile = standardization?.inverse(outer.value).value ?? outer.value
        let context = standardized(context)
        let result = Storage(Shape(x.storage.shape[0]), Scalar.scalarKind)
        withExtendedLifetime((tile, context)) {
          plan.logDensity(
            rows: x.storage.shape[0], tile.storage.pointer,
            context: (context?.storage.pointer).map { UnsafeRawPointer($0) }, constant: constant,
            into: result.pointer)
        }
        return Tensor(result) + outer.logDet
      }
    }
    return Tiles.fill(rows: x.storage.shape[0], columns: nil) { rows, out in
      let tile = standardization.map { $0.inverse(x[rows: rows]).value } ?? x[rows: rows]
      let context = standardized(context?[rows: rows])
      withExtendedLifetime((tile, context)) {
        plan.logDensity(
          rows: rows.count, tile.storage.pointer,
          context: (context?.storage.pointer).map { UnsafeRawPointer($0) }, constant: constant,
          into: out)
      }
    }
  }

  /// The latent rows of data rows with log |det ∂z/∂x|.
  public func toLatent(_ x: Tensor<Scalar>, context: Tensor<Scalar>? = nil)
    -> Transformed<Scalar>
  {
    guard let map = dataSideMap else { return toLatent(x, through: flow, context: context) }
    let outer = map.inverse(x, context: nil)
    let inner = toLatent(outer.value, through: flow.droppingLast, context: context)
    return Transformed(value: inner.value, logDet: inner.logDet + outer.logDet)
  }

  /// The part within the map at the data side.
  private func toLatent(
    _ x: Tensor<Scalar>, through flow: Composition<Scalar>, context: Tensor<Scalar>?
  ) -> Transformed<Scalar> {
    guard let standardization else { return inverse(x, of: flow, context: context) }
    let inner = standardization.inverse(x)
    let result = inverse(inner.value, of: flow, context: context)
    return Transformed(value: result.value, logDet: result.logDet + inner.logDet)
  }

  /// Takes rows to the latent side of a flow; those outside of the support that it declares, such as
  /// the interval of closed splines, have log |det| = −∞ without a gradient.
  private func inverse(
    _ x: Tensor<Scalar>, of flow: Composition<Scalar>, context: Tensor<Scalar>?
  ) -> Transformed<Scalar> {
    let context = standardized(context)
    guard let box = SupportBox<Scalar>(flow.support) else {
      return flow.inverse(x, context: context)
    }
    checkRows(x)
    let mask = box.outside(x)
    let result = flow.inverse(
      Tensor.select(where: mask, box.middle, else: x), context: context)
    return Transformed(value: result.value, logDet: Flows.outside(mask, result.logDet))
  }

  /// The data rows of latent rows with log |det ∂x/∂z|.
  public func toData(_ z: Tensor<Scalar>, context: Tensor<Scalar>? = nil) -> Transformed<Scalar> {
    guard let map = dataSideMap else { return toData(z, through: flow, context: context) }
    let inner = toData(z, through: flow.droppingLast, context: context)
    let outer = map.forward(inner.value, context: nil)
    return Transformed(value: outer.value, logDet: outer.logDet + inner.logDet)
  }

  private func toData(
    _ z: Tensor<Scalar>, through flow: Composition<Scalar>, context: Tensor<Scalar>?
  ) -> Transformed<Scalar> {
    let inner = flow.forward(z, context: standardized(context))
    guard let standardization else { return inner }
    let result = standardization.forward(inner.value)
    return Transformed(value: result.value, logDet: result.logDet + inner.logDet)
  }

  private func standardized(_ context: Tensor<Scalar>?) -> Tensor<Scalar>? {
    guard let context, let contextStandardization else { return context }
    return contextStandardization.inverse(context).value
  }

  // MARK: - Samples

  /// Draws with their log-density; derivatives flow through both.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    checkContext(rows: count, context, contextDimension)
    let (z, logBase) = base.sampleWithLogDensity(
      count, context: base.contextDimension > 0 ? standardized(context) : nil, using: &generator)
    let result = toData(z, context: context)
    return (result.value, logBase - result.logDet)
  }

  /// Independent draws `[count, dimension]`; large counts run tile by tile on all workers.
  public func sample(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    checkContext(rows: count, context, contextDimension)
    if let base = base as? any LocationScaleDistribution<Scalar>, !mixesRows, !isRecordingOperations
    {
      // Each element is drawn by its place, so that a tile draws its own rows while they are in cache.
      let start = generator
      _ = generator.advance(by: count * dimension)
      func draws(_ rows: Range<Int>) -> Tensor<Scalar> {
        var own = start
        _ = own.advance(by: rows.lowerBound * dimension)
        return base.sample(rows.count, context: nil, using: &own)
      }
      guard let plan = densityPlan(.toData) else {
        return Tiles.map(rows: count, columns: dimension) { rows in
          toData(draws(rows), context: context?[rows: rows]).value
        }
      }
      return Tiles.fill(rows: count, columns: dimension) { rows, out in
        let (z, context) = (draws(rows), context?[rows: rows])
        withExtendedLifetime((z, context)) {
          plan.data(
            rows: rows.count, z.storage.pointer,
            context: (context?.storage.pointer).map { UnsafeRawPointer($0) }, into: out)
        }
      }
    }
    let z = base.sample(
      count, context: base.contextDimension > 0 ? standardized(context) : nil, using: &generator)
    return Tiles.map(z, context, isTiled: !mixesRows, columns: dimension) { z, context in
      toData(z, context: context).value
    }
  }

  /// Shows the base, the flow, and the units as state.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.enter("base")
    base.visitParameters(&visitor)
    visitor.leave()
    visitor.visit("flow", &flow)
    if var units = standardization {
      standardization = nil
      visitor.visit("standardization", &units)
      standardization = units
    }
    if var units = contextStandardization {
      contextStandardization = nil
      visitor.visit("contextStandardization", &units)
      contextStandardization = units
    }
  }
}
