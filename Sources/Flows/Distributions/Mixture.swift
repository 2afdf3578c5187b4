/// A mixture of densities: p(x) = Σ_k w_k p_k(x), each of whatever kind.
///
/// The weights are kept as logits, w = softmax(logits). Outside of all supports the log-density is
/// −∞ with a gradient of zero.
public struct Mixture<Scalar: TensorScalar>: Distribution {
  /// The densities that are mixed.
  public private(set) var parts: [any Distribution<Scalar>]
  /// Logarithms of the weights up to a common constant, `[parts]`.
  public private(set) var logits: Tensor<Scalar>
  /// Whether the weights are trained; the parts say for themselves what of them is.
  public let isLearnable: Bool

  /// A mixture of densities with the same number of columns.
  ///
  /// Parts that take context take the same context rows.
  ///
  /// - Parameters:
  ///   - parts: the densities, at least one.
  ///   - weights: positive numbers in proportion to the weights; all equal where nil.
  ///   - isLearnable: whether the weights are trained. Where they are, draws are constants, through
  ///     which no derivative flows.
  public init(
    _ parts: [any Distribution<Scalar>], weights: [Double]? = nil, isLearnable: Bool = false
  ) {
    let weights = weights ?? Array(repeating: 1, count: parts.count)
    precondition(
      weights.count == parts.count && weights.allSatisfy { $0 > 0 && $0.isFinite },
      "a mixture of \(parts.count) parts has as many positive weights; got \(weights)")
    let problem = Mixture.problem(with: parts)
    precondition(problem == nil, problem ?? "")
    self.parts = parts
    self.isLearnable = isLearnable
    // Divided first, so that their sum cannot overflow.
    let largest = weights.max() ?? 1
    let total = weights.reduce(0) { $0 + $1 / largest }
    logits = Tensor(weights.map { Scalar(logarithm($0 / largest / total)) })
  }

  /// What speaks against a mixture of these parts.
  static func problem(with parts: [any Distribution<Scalar>]) -> String? {
    guard let first = parts.first else { return "a mixture has at least one part" }
    if parts.contains(where: { $0.dimension != first.dimension }) {
      return "the parts of a mixture agree on their columns; got \(parts.map(\.dimension))"
    }
    return contextProblem(parts)
  }

  /// The same mixture of other parts, as many and of the same columns.
  func replacingParts(by others: [any Distribution<Scalar>]) -> Mixture {
    var result = self
    result.parts = others
    return result
  }

  /// The number of columns.
  public var dimension: Int { parts[0].dimension }
  /// That of the parts that take context.
  public var contextDimension: Int { parts.map(\.contextDimension).max() ?? 0 }
  /// The weights, `[parts]`; they add up to 1.
  public var weights: Tensor<Scalar> { exp(logWeights) }
  /// True where the log-density of a part depends on other rows.
  public var mixesRows: Bool { parts.contains { $0.mixesRows } }

  /// True where the weights are fixed and the draws of every part are differentiable: which part a
  /// row comes from then depends on no parameter.
  public var isReparameterized: Bool {
    !isLearnable && parts.allSatisfy { $0.isReparameterized }
  }

  private var logWeights: Tensor<Scalar> { logits - logits.logSumExp(axis: 0, keepingAxis: true) }

  /// For each column an interval around the supports of all parts.
  public var support: [Support] {
    let all = parts.map(\.support)
    return (0..<dimension).map { column in
      all.dropFirst().reduce(all[0][column]) { $0.union($1[column]) }
    }
  }

  /// log Σ_k w_k e^b_k of the bounds of the parts; nil where one is.
  public var logDensityBound: Double? {
    let bounds = parts.compactMap(\.logDensityBound)
    guard bounds.count == parts.count else { return nil }
    let terms = zip(Tensor<Double>(logWeights).scalars, bounds).map { $0 + $1 }
    return Tensor<Double>(terms).logSumExp(axis: 0).scalar
  }

  /// Those of the parts, and the ends of their supports that lie within the support of another.
  public var kinks: [[Double]] {
    let (outer, all) = (support, parts.map { ($0.kinks, $0.support) })
    return (0..<dimension).map { column in
      let inner = all.flatMap { $0.1[column].ends }.filter { !outer[column].ends.contains($0) }
      return Set(all.flatMap { $0.0[column] } + inner).sorted()
    }
  }

  /// log p(x | context) of each row, in nats.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    let each = parts.map { $0.logDensity(of: x, context: $0.own(context)) }
    return (Tensor.stacked(each, axis: 1) + logWeights).logSumExp(axis: 1)
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let samples = sample(count, context: context, using: &generator)
    return (samples, logDensity(of: samples, context: context))
  }

  /// Independent draws; which part each row comes from is drawn first.
  public func sample(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    guard count > 0 else { return .zeros([0, dimension]) }
    let members = membership(count, using: &generator)
    var draws: [Tensor<Scalar>] = []
    for (part, rows) in zip(parts, members) where !rows.isEmpty {
      draws.append(
        part.sample(rows.count, context: part.own(context)?.rows(rows), using: &generator))
    }
    var place = [Int](repeating: 0, count: count)
    for (index, row) in members.joined().enumerated() { place[row] = index }
    let samples = Tensor.concatenated(draws).rows(place)
    return isReparameterized ? samples : samples.detached
  }

  /// For each part the rows that come from it.
  private func membership(_ count: Int, using generator: inout PhiloxGenerator) -> [[Int]] {
    var ends = Tensor<Double>(weights).scalars
    for index in ends.indices.dropFirst() { ends[index] += ends[index - 1] }
    var members = [[Int]](repeating: [], count: parts.count)
    for (row, u) in Tensor<Double>.uniform([count], using: &generator).scalars.enumerated() {
      members[ends.firstIndex { u < $0 } ?? parts.count - 1].append(row)
    }
    return members
  }

  /// Prepares each part with all rows.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    for index in parts.indices {
      parts[index].prepare(with: x, context: parts[index].own(context))
    }
  }

  /// Shows the logits, as state where they are fixed, and the parts by their number.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    visitor.visit("logits", &logits, isLearnable: isLearnable)
    for index in parts.indices {
      visitor.enter("\(index)")
      parts[index].visitParameters(&visitor)
      visitor.leave()
    }
  }
}

extension Distribution {
  /// The context, where this density takes some.
  func own(_ context: Tensor<Scalar>?) -> Tensor<Scalar>? {
    contextDimension > 0 ? context : nil
  }
}

/// What speaks against parts that share context rows.
func contextProblem<Scalar>(_ parts: [any Distribution<Scalar>]) -> String? {
  let widths = Set(parts.map(\.contextDimension)).subtracting([0])
  return widths.count <= 1
    ? nil : "parts that share context rows agree on their columns; got \(widths.sorted())"
}
