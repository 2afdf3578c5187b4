import Flows
import Foundation

/// Rows and columns of numbers from a file, with the names of the columns.
struct Table {
  /// The ends of the names of files that hold tables.
  static let suffixes = ["csv", "tsv", "txt", "npy", "npz"]

  let path: String
  /// The names of the header; "x1", "x2" and so on where there is none.
  let names: [String]
  /// Whether the file itself names its columns.
  let hasNames: Bool
  /// The numbers, `[rows, columns]`, all finite.
  let values: Tensor<Double>
  /// Rows that were left out because a value was missing.
  let droppedRows: Int

  var rowCount: Int { values.shape[0] }
  var width: Int { values.shape[1] }

  /// Reads a file of whatever kind its name says.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - array: the array of an `.npz` file; needed where it holds several.
  ///   - dropsMissing: whether rows that lack a value are left out of a CSV file.
  init(_ path: String, array: String? = nil, dropsMissing: Bool = false) throws {
    self.path = path
    let suffix = Table.suffix(of: path)
    if array != nil && suffix != "npz" {
      throw FlowsError(
        .invalidConfiguration, "--array names an array of an .npz file, and this is none",
        file: path)
    }
    switch suffix {
    case "csv", "tsv", "txt":
      let options = CSVOptions(missingValues: dropsMissing ? .dropRow : .error)
      let table = try CSVFile.read(path, as: Double.self, options: options)
      (values, droppedRows) = (table.tensor, table.droppedRows)
      hasNames = table.header != nil
      names = Table.distinctNames(table.header, count: values.shape[1])
    case "npy", "npz":
      let read: Tensor<Double> =
        suffix == "npy" ? try NumPyFile.read(path) : try Table.array(array, of: path)
      (values, droppedRows, hasNames) = (try Table.table(read, path), 0, false)
      names = Table.distinctNames(nil, count: values.shape[1])
    default:
      throw FlowsError(
        .unsupported,
        "expected a table, a file that ends in .csv, .tsv, .txt, .npy or .npz", file: path)
    }
    try requireFinite()
  }

  /// The end of a file's name, in small letters.
  static func suffix(of path: String) -> String {
    URL(fileURLWithPath: path).pathExtension.lowercased()
  }

  /// The row of a file as an editor counts, for a row of ``values``.
  func line(of row: Int) -> Int { row + (hasNames ? 2 : 1) }

  /// Some columns as a flow takes them; a number beyond the range of 32 bits is an error.
  func floats(_ columns: [Int]) throws -> Tensor<Float> {
    let chosen = Tensor<Float>(values.columns(columns))
    if let index = chosen.withScalars({ $0.firstIndex { !$0.isFinite } }) {
      let (row, column) = (index / columns.count, columns[index % columns.count])
      throw FlowsError(
        .invalidData,
        "expected a number within the range of 32 bits (±3.4e38), found \(values[row, column])",
        file: path, row: line(of: row), column: column + 1, field: hasNames ? names[column] : nil)
    }
    return chosen
  }

  /// One column.
  func column(_ index: Int) -> [Double] { values[columns: index..<index + 1].scalars }

  private static func array(_ name: String?, of path: String) throws -> Tensor<Double> {
    let file = try NPZFile(contentsOf: path)
    if let name, !file.names.contains(name) {
      throw FlowsError(
        .invalidConfiguration,
        "there is no array of this name; the file holds \(file.names.joined(separator: ", "))",
        file: path, field: name)
    }
    guard let only = name ?? (file.names.count == 1 ? file.names.first : nil) else {
      throw FlowsError(
        .invalidConfiguration,
        file.names.isEmpty
          ? "expected arrays, found none"
          : "expected --array with one of \(file.names.joined(separator: ", "))", file: path)
    }
    do {
      return try file.tensor(only)
    } catch let error as FlowsError {
      throw error.inFile(path)
    }
  }

  private static func table(_ array: Tensor<Double>, _ path: String) throws -> Tensor<Double> {
    if array.rank == 1, array.count > 0 { return array.expanded(axis: 1) }
    guard array.rank == 2, array.shape[0] > 0, array.shape[1] > 0 else {
      throw FlowsError(
        .invalidData, "expected rows and columns, found the shape \(array.shape)", file: path)
    }
    return array
  }

  /// Names that can be told apart: empty ones are numbered, and repeated ones get a number.
  private static func distinctNames(_ header: [String]?, count: Int) -> [String] {
    var taken: Set<String> = []
    return (0..<count).map { index in
      let written = header?[index] ?? ""
      let name = written.isEmpty ? "x\(index + 1)" : written
      var (result, number) = (name, 2)
      while !taken.insert(result).inserted {
        result = "\(name) (\(number))"
        number += 1
      }
      return result
    }
  }

  private func requireFinite() throws {
    guard let index = values.withScalars({ $0.firstIndex { !$0.isFinite } }) else { return }
    let (row, column) = (index / width, index % width)
    throw FlowsError(
      .invalidData, "expected a finite number, found \(values[row, column])", file: path,
      row: line(of: row), column: column + 1, field: hasNames ? names[column] : nil)
  }
}
