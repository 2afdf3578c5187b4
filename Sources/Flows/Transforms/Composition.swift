/// Flows one after the other: `forward` runs first to last, `inverse` last to first.
public struct Composition<Scalar: TensorScalar>: Flow {
  /// The parts, in the order in which a latent row passes through them.
  public var flows: [any Flow<Scalar>]
  /// The number of columns.
  public let dimension: Int

  /// A composition of flows of one dimension.
  public init(dimension: Int, _ flows: [any Flow<Scalar>] = []) {
    for (index, flow) in flows.enumerated() {
      precondition(
        flow.dimension == dimension,
        "flow \(index) of the composition maps \(flow.dimension) columns, not \(dimension)")
    }
    let widths = Set(flows.map(\.contextDimension).filter { $0 > 0 })
    precondition(
      widths.count <= 1,
      "flows of a composition that take context take the same; got \(widths.sorted()) columns")
    self.dimension = dimension
    self.flows = flows
  }

  /// The largest of the parts.
  public var contextDimension: Int {
    var largest = 0
    for flow in flows { largest = Swift.max(largest, flow.contextDimension) }
    return largest
  }
  /// That of the last part, at the data side.
  public var support: [Support] {
    flows.last?.support ?? Array(repeating: .real, count: dimension)
  }
  /// True where it holds for every part.
  public var hasConstantLogDet: Bool {
    for flow in flows where !flow.hasConstantLogDet { return false }
    return true
  }
  /// True where it holds for any part.
  public var mixesRows: Bool {
    for flow in flows where flow.mixesRows { return true }
    return false
  }
  /// True where it holds for any part.
  public var hasRunningStatistics: Bool {
    for flow in flows where flow.hasRunningStatistics { return true }
    return false
  }

  /// The composition without its part at the data side.
  var droppingLast: Composition {
    var copy = self
    copy.flows.removeLast()
    return copy
  }

  private func run(
    _ x: Tensor<Scalar>, _ order: some Sequence<any Flow<Scalar>>,
    _ step: (any Flow<Scalar>, Tensor<Scalar>) -> Transformed<Scalar>
  ) -> Transformed<Scalar> {
    checkRows(x)
    var value = x
    var total: Tensor<Scalar>?
    for flow in order {
      let result = step(flow, value)
      value = result.value
      total = total.map { $0 + result.logDet } ?? result.logDet
    }
    return Transformed(value: value, logDet: total ?? .zeros([x.storage.shape[0]]))
  }

  /// Latent → data through all parts.
  public func forward(_ z: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    run(z, flows) { $0.forward($1, context: $0.contextDimension > 0 ? context : nil) }
  }

  /// Data → latent through all parts, last to first.
  public func inverse(_ x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Transformed<Scalar> {
    run(x, flows.reversed()) { $0.inverse($1, context: $0.contextDimension > 0 ? context : nil) }
  }

  /// Prepares each part with what reaches its data side.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    var value = x
    for index in flows.indices.reversed() {
      let own = flows[index].contextDimension > 0 ? context : nil
      flows[index].prepare(with: value, context: own)
      value = flows[index].inverse(value, context: own).value
    }
  }

  /// Prepares each part with what reaches its latent side.
  public mutating func prepareInverted(with z: Tensor<Scalar>, context: Tensor<Scalar>?) {
    var value = z
    for index in flows.indices {
      let own = flows[index].contextDimension > 0 ? context : nil
      flows[index].prepareInverted(with: value, context: own)
      value = flows[index].forward(value, context: own).value
    }
  }

  /// Lets the statistics of each part follow what reaches its data side.
  public mutating func updateStatistics(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    guard let deepest = flows.firstIndex(where: { $0.hasRunningStatistics }) else { return }
    var value = x
    for index in (deepest..<flows.count).reversed() {
      let own = flows[index].contextDimension > 0 ? context : nil
      if flows[index].hasRunningStatistics {
        flows[index].updateStatistics(with: value, context: own)
      }
      if index > deepest { value = flows[index].inverse(value, context: own).value }
    }
  }

  /// Shows the parts by their number.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    for index in flows.indices {
      visitor.enter("\(index)")
      flows[index].visitParameters(&visitor)
      visitor.leave()
    }
  }
}

/// Collects flows written one below the other, with loops and conditions.
@resultBuilder
public enum FlowBuilder<Scalar: TensorScalar> {
  /// One flow.
  public static func buildExpression<F: Flow>(_ flow: F) -> [any Flow<Scalar>]
  where F.Scalar == Scalar {
    [flow]
  }
  /// The parts of a composition.
  public static func buildExpression(_ flow: Composition<Scalar>) -> [any Flow<Scalar>] {
    flow.flows
  }
  /// A flow whose type is not known statically.
  public static func buildExpression(_ flow: any Flow<Scalar>) -> [any Flow<Scalar>] { [flow] }
  /// Flows in sequence.
  public static func buildBlock(_ parts: [any Flow<Scalar>]...) -> [any Flow<Scalar>] {
    Array(parts.joined())
  }
  /// A loop.
  public static func buildArray(_ parts: [[any Flow<Scalar>]]) -> [any Flow<Scalar>] {
    Array(parts.joined())
  }
  /// A condition without `else`.
  public static func buildOptional(_ part: [any Flow<Scalar>]?) -> [any Flow<Scalar>] {
    part ?? []
  }
  /// The first branch of a condition.
  public static func buildEither(first part: [any Flow<Scalar>]) -> [any Flow<Scalar>] { part }
  /// The second branch of a condition.
  public static func buildEither(second part: [any Flow<Scalar>]) -> [any Flow<Scalar>] { part }
}
