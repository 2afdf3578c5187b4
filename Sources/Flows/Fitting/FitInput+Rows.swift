extension FitInput {
  /// Refuses the first row, column by column, that lies outside of the support of a density.
  func requireSupport(
    _ table: Tensor<Scalar>, _ field: String, _ model: some Distribution<Scalar>
  ) throws {
    let support = model.support
    try table.withScalars { values in
      for column in support.indices where support[column] != .real {
        for row in 0..<table.shape[0] {
          let value = Double(values[row * support.count + column])
          if support[column].contains(value) { continue }
          throw FlowsError(
            .invalidData, "expected a number in \(support[column]), got \(value)",
            row: row + 1, column: column + 1, field: field)
        }
      }
    }
    if let found = (model as? any RowConstrained<Scalar>)?.violation(in: table) {
      throw FlowsError(
        .invalidData, found.message, row: found.row + 1, column: found.column + 1, field: field)
    }
  }

  func requireFinite(_ tensor: Tensor<Scalar>, _ field: String) throws {
    let columns = tensor.shape[1]
    try tensor.withScalars { values in
      guard let index = values.firstIndex(where: { !$0.isFinite }) else { return }
      throw FlowsError(
        .invalidData, "expected a finite number, got \(values[index])",
        row: index / columns + 1, column: index % columns + 1, field: field)
    }
  }

  /// Refuses columns along which, or along a line between which, no density exists.
  ///
  /// Independent columns may repeat each other. Of fewer than ten rows nothing is said.
  ///
  /// - Returns: sentences about what does not keep a fit from running, but may make it worthless.
  func requireRegular(for model: some Distribution<Scalar>) throws -> [String] {
    if data.shape[0] < 10 || model is any TakesDiscreteRows { return [] }
    let columns = ColumnMoments(data)
    if let column = columns.constant.first {
      throw FlowsError(
        .invalidData, constantColumn(columns.mean[column], "row"), column: column + 1,
        field: "data")
    }
    if model.columnwise == nil, let copy = DuplicateSearch(data, columns).copies.first {
      throw FlowsError(
        .invalidData,
        "the column is \(copy.relation) in every row: a density of columns that determine each other "
          + "is unbounded; leave one of them out", column: copy.column + 1, field: "data")
    }
    return TableReport(inspecting: data, countingAtMost: 20_000)
      .sentences([.pointMass, .discrete])
  }
}

/// What is wrong with a column that has one value.
func constantColumn(_ value: Double, _ row: String) -> String {
  "the column is constant (\(value) in every \(row)): a density does not exist along it; leave the "
    + "column out"
}

extension Distribution {
  /// Refuses rows whose log-density could not be used, naming the row, the column and what is
  /// expected there: the wrong number of columns, numbers that are not finite, rows outside of the
  /// support, context that is missing or of the wrong shape.
  ///
  /// ``logDensity(of:context:)`` itself takes the wrong shape for a mistake of the program and gives −∞
  /// outside of the support; call this first on rows from a file.
  ///
  /// - Parameters:
  ///   - data: rows `[n, dimension]`.
  ///   - context: rows `[n, contextDimension]` for a conditional density.
  /// - Throws: ``FlowsError`` with row and column, counted from 1, and the field `data` or `context`.
  public func validate(_ data: Tensor<Scalar>, context: Tensor<Scalar>? = nil) throws {
    let input = FitInput(data: data, context: context)
    try input.validateTable(data, "data", columns: dimension, atLeast: 0)
    try input.requireSupport(data, "data", self)
    try input.validateContext(
      context, "context", rows: data.shape[0], columns: contextDimension)
  }
}
