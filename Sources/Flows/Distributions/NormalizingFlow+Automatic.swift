/// A flow chosen for a table, with the reasons.
public struct AutomaticChoice<Scalar: TensorScalar>: Sendable {
  /// The flow, not yet fitted.
  public let flow: NormalizingFlow<Scalar>
  /// How to fit it.
  public let fitOptions: FitOptions
  /// What was chosen and why, one sentence each.
  public let reasons: [String]
  /// What the table looks like.
  public let table: TableReport
}

extension AutomaticChoice: CustomStringConvertible {
  /// The reasons, one a line.
  public var description: String { reasons.map { "* \($0)" }.joined(separator: "\n") }
}

extension NormalizingFlow {
  /// Looks at a table and chooses a flow, its size and how to fit it.
  ///
  /// ```swift
  /// let choice = try NormalizingFlow<Float>.automatic(for: data, using: &generator)
  /// print(choice)
  /// var flow = choice.flow
  /// try flow.fit(data, options: choice.fitOptions)
  /// ```
  ///
  /// The choice depends on the rows and columns, the ends of columns, and what ``TableReport`` finds.
  /// Rows outside of a support that was declared or found have density zero: where new rows may lie
  /// beyond the ends of these, declare `.real`.
  ///
  /// - Parameters:
  ///   - data: rows `[n, d]`.
  ///   - contextDimension: the number of context columns.
  ///   - support: the support of each column; what the table suggests where nil. A circle is never
  ///     guessed: declare angles.
  ///   - names: one name for each column, for the reasons.
  ///   - generator: the source of the weights.
  /// - Throws: ``FlowsError`` for tables that no density can be fitted to: numbers that are not finite,
  ///   columns that are constant or repeat others, rows outside of a declared support.
  public static func automatic(
    for data: Tensor<Scalar>, contextDimension: Int = 0, support: [Support]? = nil,
    names: [String]? = nil, using generator: inout PhiloxGenerator
  ) throws -> AutomaticChoice<Scalar> {
    guard data.rank == 2, data.shape[0] > 1, data.shape[1] > 0 else {
      throw FlowsError(
        .invalidData, "expected a table of at least 2 rows; got the shape \(data.shape)",
        field: "data")
    }
    let table = TableReport(inspecting: data, names: names)
    let refused: Set<TableReport.Finding.Kind> = [.nonFinite, .constant, .duplicate]
    if let finding = table.findings.first(where: { refused.contains($0.kind) }) {
      throw FlowsError(
        .invalidData, finding.description, row: finding.row, column: finding.column, field: "data")
    }
    if let support {
      guard support.count == data.shape[1] else {
        throw FlowsError(
          .invalidConfiguration,
          "expected a support for each of \(data.shape[1]) columns, got \(support.count)",
          field: "support")
      }
      if let problem = SupportMap<Scalar>.problem(with: support) {
        throw FlowsError(.invalidConfiguration, problem, field: "support")
      }
    }
    let recommendation = FlowRecommendation(
      table, contextDimension: contextDimension, declared: support)
    let flow = makeFlow(for: recommendation, using: &generator)
    try flow.validateRows(data)
    return AutomaticChoice(
      flow: flow, fitOptions: recommendation.fitOptions, reasons: recommendation.reasons,
      table: table)
  }

  /// The flow of a recommendation.
  private static func makeFlow(
    for choice: FlowRecommendation, using generator: inout PhiloxGenerator
  ) -> NormalizingFlow {
    let spline = RationalQuadraticSpline(bins: choice.bins, tails: .learned)
    let flow: NormalizingFlow
    switch choice.kind {
    case .elementwise, .autoregressive:
      flow = .neuralSpline(
        .autoregressive, dimension: choice.dimension, contextDimension: choice.contextDimension,
        layers: choice.layers, hidden: choice.hidden, spline: spline, using: &generator)
    case .coupling:
      flow = .neuralSpline(
        .coupling, dimension: choice.dimension, contextDimension: choice.contextDimension,
        layers: 2 * choice.layers, hidden: choice.hidden, spline: spline, using: &generator)
    case .circular:
      flow = .circularSpline(
        angles: (0..<choice.dimension).map { choice.support?[$0] == .circle },
        contextDimension: choice.contextDimension, layers: 2 * choice.layers,
        hidden: choice.hidden, bins: choice.bins, using: &generator)
    }
    return choice.support.map { flow.support($0) } ?? flow
  }

  private func validateRows(_ data: Tensor<Scalar>) throws {
    try FitInput(data: data).requireSupport(data, "data", self)
  }
}
