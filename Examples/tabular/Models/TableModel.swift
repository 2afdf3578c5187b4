import Flows
import Foundation

/// A density with the columns that it is of, in one file.
struct TableModel {
  let density: any Distribution<Float>
  let info: TableInfo

  /// A density with its columns.
  init(_ density: any Distribution<Float>, info: TableInfo) {
    self.density = density
    self.info = info
  }

  /// Reads a model; one that was saved without columns gets names by their places.
  init(contentsOf path: String) throws {
    if Table.suffixes.contains(Table.suffix(of: path)) {
      throw FlowsError(
        .modelMismatch, "expected a model, a .safetensors file; the table comes after it",
        file: path)
    }
    density = try loadDistribution(from: path)
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    guard let text = try SafetensorsFile(contentsOf: path).metadata[TableInfo.key] else {
      info = TableInfo(
        dimension: density.dimension, contextDimension: density.contextDimension, name: name)
      return
    }
    guard
      let info = TableInfo(
        text: text, dimension: density.dimension, contextDimension: density.contextDimension)
    else {
      throw FlowsError(
        .malformedFile, "what the file says of its columns does not fit its density", file: path,
        field: TableInfo.key)
    }
    self.info = info
  }

  /// Writes density and columns.
  func save(to path: String) throws {
    var file = try density.safetensors()
    file.metadata[TableInfo.key] = try info.text()
    try file.write(to: path)
  }

  /// Rows of a table as the density takes them.
  struct Rows {
    let data: Tensor<Float>
    let context: Tensor<Float>?
    var count: Int { data.shape[0] }
  }

  /// The rows of a table; one that lies outside of the support is an error that names it.
  func rows(of table: Table) throws -> Rows {
    let (columns, context) = try info.places(in: table)
    let data = try table.floats(columns)
    try table.requireSupport(density.support, columns: columns)
    return Rows(data: data, context: context.isEmpty ? nil : try table.floats(context))
  }

  /// log p of each row.
  func logLikelihood(of rows: Rows) -> LogLikelihood {
    density.logLikelihood(of: rows.data, context: rows.context)
  }
}

extension Table {
  /// Throws where a number lies outside of the support of its column.
  func requireSupport(_ support: [Support], columns: [Int]) throws {
    for (place, column) in columns.enumerated() where support[place] != .real {
      guard let row = self.column(column).firstIndex(where: { !support[place].contains($0) })
      else { continue }
      throw FlowsError(
        .invalidData, "expected a number in \(support[place]), found \(values[row, column])",
        file: path, row: line(of: row), column: column + 1, field: hasNames ? names[column] : nil)
    }
  }
}
