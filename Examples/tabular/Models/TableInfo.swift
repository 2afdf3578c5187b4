import Flows
import Foundation

/// What a model knows of the table that it was fitted to, kept in the metadata of its file.
struct TableInfo: Codable, Sendable {
  /// The key of the metadata under which it stands, as JSON.
  static let key = "tabular"

  /// What the model is called.
  var name: String
  /// The columns of the density, in order.
  var columns: [String]
  /// The columns that it is conditioned on, in order.
  var contextColumns: [String]
  /// Whether the names come from the table; otherwise columns are known by their places.
  var hasNames: Bool
  /// The number of columns of the table.
  var tableWidth: Int
  /// The places of the columns in the table, from 0.
  var places: [Int]
  /// The places of the context columns in the table.
  var contextPlaces: [Int]
  /// The kind of flow, in words.
  var flow: String
  var trainingRows = 0
  var validationRows = 0
  var steps = 0
  var validationLogLikelihood: Double?
  var validationStandardError: Double?

  /// What is known of a density that no table was kept with.
  init(dimension: Int, contextDimension: Int, name: String) {
    self.name = name
    columns = (0..<dimension).map { "x\($0 + 1)" }
    contextColumns = (0..<contextDimension).map { "c\($0 + 1)" }
    hasNames = false
    tableWidth = dimension + contextDimension
    places = Array(0..<dimension)
    contextPlaces = Array(dimension..<dimension + contextDimension)
    flow = "of unknown kind"
  }

  /// What is known of columns of a table.
  init(name: String, table: Table, columns: [Int], context: [Int], flow: String) {
    self.name = name
    self.columns = columns.map { table.names[$0] }
    contextColumns = context.map { table.names[$0] }
    hasNames = table.hasNames
    tableWidth = table.width
    places = columns
    contextPlaces = context
    self.flow = flow
  }

  /// Reads the text of the metadata; nil where it does not fit a density of these dimensions.
  init?(text: String, dimension: Int, contextDimension: Int) {
    guard let info = try? JSONDecoder().decode(TableInfo.self, from: Data(text.utf8)),
      info.columns.count == dimension, info.contextColumns.count == contextDimension,
      info.places.count == dimension, info.contextPlaces.count == contextDimension,
      (info.places + info.contextPlaces).allSatisfy({ $0 >= 0 && $0 < info.tableWidth })
    else { return nil }
    self = info
  }

  func text() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// "6 columns (a, b, …)", with those of the context where there are any.
  var columnText: String {
    let own = "\(counted(columns.count, "column")) (\(listed(columns)))"
    guard !contextColumns.isEmpty else { return own }
    return own + " given \(counted(contextColumns.count, "column")) (\(listed(contextColumns)))"
  }

  // MARK: - Finding the columns in another table

  /// The places of the density's columns and of the context's in a table: by their names where both
  /// have names, otherwise by their places.
  func places(in table: Table) throws -> (columns: [Int], context: [Int]) {
    if hasNames && table.hasNames {
      return (try named(columns, in: table), try named(contextColumns, in: table))
    }
    if table.width == tableWidth { return (places, contextPlaces) }
    let count = columns.count + contextColumns.count
    guard table.width == count else { throw wrongWidth(table) }
    return (Array(0..<columns.count), Array(columns.count..<count))
  }

  /// The places of the context's columns in a table, which need not have the others.
  func contextPlaces(in table: Table) throws -> [Int] {
    if hasNames && table.hasNames { return try named(contextColumns, in: table) }
    if table.width == contextColumns.count { return Array(0..<table.width) }
    guard table.width == tableWidth else {
      throw FlowsError(
        .modelMismatch,
        "the model is conditioned on \(counted(contextColumns.count, "column")) "
          + "(\(listed(contextColumns))); the file has \(table.width)", file: table.path)
    }
    return contextPlaces
  }

  private func named(_ wanted: [String], in table: Table) throws -> [Int] {
    try wanted.map { name in
      guard let place = table.names.firstIndex(of: name) else {
        throw FlowsError(
          .modelMismatch,
          "the model takes \(columnText); the file has \(counted(table.width, "column")) "
            + "(\(listed(table.names))), and \"\(name)\" is not among them", file: table.path)
      }
      return place
    }
  }

  private func wrongWidth(_ table: Table) -> FlowsError {
    FlowsError(
      .modelMismatch, "the model takes \(columnText); the file has \(table.width)",
      file: table.path)
  }
}
