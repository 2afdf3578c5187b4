import Flows

/// The tables of a fit, checked before training.
struct FitData {
  let table: Table
  let validation: Table?
  /// The places of the density's columns in the table.
  let columns: [Int]
  /// The places of the context's columns.
  let context: [Int]
  let summary: TableSummary

  /// Reads the tables and looks for what no density exists for.
  init(_ command: FitCommand) throws {
    table = try Table(command.data, array: command.array, dropsMissing: command.dropsMissing)
    let names = table.names
    let given = try command.context.map {
      try ColumnChoice.indices($0, of: names, option: "context", file: command.data)
    }
    context = given ?? []
    if let text = command.columns {
      columns = try ColumnChoice.indices(text, of: names, option: "columns", file: command.data)
      if let both = columns.first(where: context.contains) {
        throw FlowsError(
          .invalidConfiguration, "the column \"\(names[both])\" is named by --columns too",
          file: command.data, field: "--context")
      }
    } else {
      columns = names.indices.filter { !(given ?? []).contains($0) }
    }
    guard !columns.isEmpty else {
      throw FlowsError(
        .invalidConfiguration, "every column is one of the context; none is left for the density",
        file: command.data, field: "--context")
    }
    guard table.rowCount >= 20 else {
      throw FlowsError(
        .invalidData, "expected at least 20 rows to fit a density, found \(table.rowCount)",
        file: command.data)
    }
    summary = TableSummary(table, columns: columns)
    if let obstacle = summary.obstacle {
      throw FlowsError(.invalidData, obstacle, file: command.data)
    }
    guard case .file(let path) = command.held else {
      validation = nil
      return
    }
    validation = try Table(path, array: Table.suffix(of: path) == "npz" ? command.array : nil)
  }

  /// What a model is to know of the table.
  func info(_ command: FitCommand, _ choice: FlowChoice) -> TableInfo {
    TableInfo(
      name: command.modelName, table: table, columns: columns, context: context, flow: choice.text)
  }
}
