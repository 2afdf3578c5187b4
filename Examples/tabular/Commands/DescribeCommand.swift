import ExampleSupport
import Flows

/// Says what a table or a model holds.
struct DescribeCommand: TableCommand {
  static let name = "describe"
  static let summary = "Reports the columns of a table, or the architecture and columns of a model."
  static let positionals = PositionalArguments.accepted(
    name: "DATA|MODEL", count: 1...1,
    help: "A .csv, .tsv, .txt, .npy or .npz file, or a model that fit wrote (.safetensors).")

  static let groups = [
    CommandOptionGroup(
      "The data",
      [
        .value("columns", "LIST", help: "Columns by name or place from 1: a,b,c or 1-5."),
        .value("array", "NAME", help: "The array of an .npz file that holds several."),
        .flag("drop-missing", help: "Leave out rows of a CSV file that lack a value."),
      ])
  ]

  let path: String
  let columns: String?
  let array: String?
  let dropsMissing: Bool
  let printsJSON: Bool

  init(_ arguments: ParsedArguments) throws(ArgumentError) {
    path = arguments.positionals[0]
    columns = arguments.optionalString("columns")
    array = arguments.optionalString("array")
    dropsMissing = arguments.flag("drop-missing")
    printsJSON = arguments.flag("json")
  }

  func run() throws {
    if Table.suffix(of: path) == "safetensors" { return try describeModel() }
    let table = try Table(path, array: array, dropsMissing: dropsMissing)
    let chosen = try columns.map {
      try ColumnChoice.indices($0, of: table.names, option: "columns", file: path)
    }
    let summary = TableSummary(table, columns: chosen ?? Array(table.names.indices))
    if printsJSON {
      var members = summary.json
      members["file"] = .text(path)
      members["droppedRows"] = .integer(table.droppedRows)
      members["obstacle"] = .text(summary.obstacle)
      members["warnings"] = .texts(summary.warnings)
      print(try JSON.object(members).text())
      return
    }
    let dropped = table.droppedRows > 0 ? ", \(table.droppedRows) left out for a missing value" : ""
    print(
      "\(path): \(counted(table.rowCount, "row"))\(dropped), \(counted(table.width, "column"))\n")
    print(summary.text)
    if let obstacle = summary.obstacle { print("\nNo density: \(obstacle).") }
    if !summary.warnings.isEmpty { print("\nDoubtful: \(TableSummary.advice).") }
  }

  private func describeModel() throws {
    let model = try TableModel(contentsOf: path)
    let lines = Architecture(try SafetensorsFile(contentsOf: path)).lines
    let (info, parameters) = (model.info, model.density.parameterCount)
    if printsJSON {
      print(
        try JSON.object([
          "file": .text(path), "name": .text(info.name), "columns": .texts(info.columns),
          "contextColumns": .texts(info.contextColumns), "flow": .text(info.flow),
          "parameters": .integer(parameters), "trainingRows": .integer(info.trainingRows),
          "validationRows": .integer(info.validationRows), "steps": .integer(info.steps),
          "validationLogLikelihood": .number(info.validationLogLikelihood),
          "standardError": .number(info.validationStandardError), "architecture": .texts(lines),
        ]).text())
      return
    }
    print("\(path): \(info.name), a density of \(info.columnText)")
    print("  flow              \(info.flow), \(parameters) parameters")
    if info.trainingRows > 0 {
      print(
        "  training          \(counted(info.trainingRows, "row")), \(counted(info.steps, "step"))")
    }
    if let value = info.validationLogLikelihood {
      let estimate = Estimate(value: value, standardError: info.validationStandardError ?? .nan)
      print(
        "  log-likelihood    \(shown(estimate)) nats a row on \(counted(info.validationRows, "row")) "
          + "held out")
    }
    if !lines.isEmpty { print("\n" + lines.map { "  " + $0 }.joined(separator: "\n")) }
  }
}
