/// Independent densities side by side: p(x) = Π_k p_k(columns of part k).
///
/// Each part has as many columns as it likes, so that a base may be of another kind in each column.
public struct ProductDistribution<Scalar: TensorScalar>: ColumnwiseDistribution {
  /// The densities, from the first column to the last.
  public private(set) var parts: [any Distribution<Scalar>]

  /// A product of densities, from the first column to the last.
  ///
  /// Parts that take context take the same context rows.
  public init(_ parts: [any Distribution<Scalar>]) {
    let problem = ProductDistribution.problem(with: parts)
    precondition(problem == nil, problem ?? "")
    self.parts = parts
  }

  /// What speaks against a product of these parts.
  static func problem(with parts: [any Distribution<Scalar>]) -> String? {
    parts.isEmpty ? "a product of densities has at least one part" : contextProblem(parts)
  }

  /// The number of columns of all parts.
  public var dimension: Int { parts.reduce(0) { $0 + $1.dimension } }
  /// That of the parts that take context.
  public var contextDimension: Int { parts.map(\.contextDimension).max() ?? 0 }
  /// True where the log-density of a part depends on other rows.
  public var mixesRows: Bool { parts.contains { $0.mixesRows } }
  /// True where the draws of every part are differentiable.
  public var isReparameterized: Bool { parts.allSatisfy { $0.isReparameterized } }
  /// Those of the parts.
  public var support: [Support] { parts.flatMap(\.support) }
  /// Those of the parts.
  public var kinks: [[Double]] { parts.flatMap(\.kinks) }

  /// The sum of the bounds of the parts; nil where one is.
  public var logDensityBound: Double? {
    let bounds = parts.compactMap(\.logDensityBound)
    return bounds.count == parts.count ? bounds.reduce(0, +) : nil
  }

  /// Each part with its columns.
  private var ranges: [(part: any Distribution<Scalar>, columns: Range<Int>)] {
    var end = 0
    return parts.map { part in
      end += part.dimension
      return (part, (end - part.dimension)..<end)
    }
  }

  /// log p(x | context) of each row, in nats.
  public func logDensity(of x: Tensor<Scalar>, context: Tensor<Scalar>?) -> Tensor<Scalar> {
    checkRows(x)
    let each = ranges.map { part, columns in
      part.logDensity(of: x[columns: columns], context: part.own(context))
    }
    let total = each.dropFirst().reduce(each[0], +)
    // Where one factor is 0 the row has no gradient, though other factors have one.
    guard total.isTracked else { return total }
    return Tensor.select(where: total .== Tensor(-.infinity), Tensor(-.infinity), else: total)
  }

  /// Draws and their log-density.
  public func sampleWithLogDensity(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> (samples: Tensor<Scalar>, logDensity: Tensor<Scalar>) {
    let samples = sample(count, context: context, using: &generator)
    return (samples, logDensity(of: samples, context: context))
  }

  /// Independent draws of the parts, side by side.
  public func sample(
    _ count: Int, context: Tensor<Scalar>?, using generator: inout PhiloxGenerator
  ) -> Tensor<Scalar> {
    let draws = parts.map { $0.sample(count, context: $0.own(context), using: &generator) }
    let samples = Tensor.concatenated(draws, axis: 1)
    return isReparameterized ? samples : samples.detached
  }

  // MARK: - Column by column

  /// True where every part has independent columns with distribution functions in closed form.
  public var isColumnwise: Bool {
    parts.allSatisfy { $0.columnwise != nil }
  }

  /// F_d(x_d) of each scalar.
  ///
  /// - Precondition: ``isColumnwise``.
  public func cumulativeProbability(of x: Tensor<Scalar>) -> Tensor<Scalar> {
    eachColumnwise(x) { $0.cumulativeProbability(of: $1) }
  }

  /// The place below which a share p of each column lies.
  ///
  /// - Precondition: ``isColumnwise``.
  public func quantile(of probability: Tensor<Scalar>) -> Tensor<Scalar> {
    eachColumnwise(probability) { $0.quantile(of: $1) }
  }

  private func eachColumnwise(
    _ x: Tensor<Scalar>,
    _ body: (any ColumnwiseDistribution<Scalar>, Tensor<Scalar>) -> Tensor<Scalar>
  ) -> Tensor<Scalar> {
    checkRows(x)
    return .concatenated(
      ranges.map { part, columns in
        guard let part = part.columnwise else {
          preconditionFailure(
            "a product has distribution functions where all parts have; "
              + "\(type(of: part)) has none")
        }
        return body(part, x[columns: columns])
      }, axis: 1)
  }

  /// Prepares each part with its columns.
  public mutating func prepare(with x: Tensor<Scalar>, context: Tensor<Scalar>?) {
    for (index, (part, columns)) in ranges.enumerated() {
      parts[index].prepare(with: x[columns: columns], context: part.own(context))
    }
  }

  /// Shows the parts by their number.
  public mutating func visitParameters<V: ParameterVisitor<Scalar>>(_ visitor: inout V) {
    for index in parts.indices {
      visitor.enter("\(index)")
      parts[index].visitParameters(&visitor)
      visitor.leave()
    }
  }
}
