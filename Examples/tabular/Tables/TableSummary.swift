import Flows

/// What there is to know of the columns of a table before a density is fitted to them.
///
/// A library function that inspects tables (`inspect`) can take the place of this type: `FitCommand`
/// uses ``obstacle`` and ``warnings``, `DescribeCommand` the rest.
struct TableSummary: Sendable {
  /// Two columns of which one says all of the other.
  struct Twins: Sendable {
    let first: String
    let second: String
    /// Whether they are equal in every row, and not just a straight line of each other.
    let isEqual: Bool
  }

  let rows: Int
  let columns: [ColumnReport]
  let twins: [Twins]

  /// Looks at some columns of a table.
  init(_ table: Table, columns chosen: [Int]) {
    rows = table.rowCount
    let values = chosen.map { table.column($0) }
    columns = zip(chosen, values).map { ColumnReport(name: table.names[$0], values: $1) }
    twins = TableSummary.twins(columns, values)
  }

  /// Why there is no density along these columns, with what to do; nil where nothing is known.
  var obstacle: String? {
    if let constant = columns.first(where: \.isConstant) {
      return
        "the column \"\(constant.name)\" is \(shortNumber(constant.minimum)) in every row, and a "
        + "density does not exist along it: leave it out by --columns"
    }
    if let pair = twins.first {
      let how = pair.isEqual ? "is equal to" : "is a linear function of"
      return
        "the column \"\(pair.second)\" \(how) \"\(pair.first)\" in every row, and a density does "
        + "not exist along both: leave one out by --columns"
    }
    return nil
  }

  /// What makes a density doubtful: a few words for each column concerned.
  var warnings: [String] {
    columns.compactMap { column in
      guard !column.isConstant, let concern = column.concern else { return nil }
      return "\(column.name): \(concern)"
    }
  }

  /// What ``warnings`` mean, and what to do.
  static let advice =
    "a density is unbounded at values that many rows share, so that its log-likelihood says little: "
    + "leave such columns out by --columns, or add noise as wide as the step between the values"

  private static func twins(_ columns: [ColumnReport], _ values: [[Double]]) -> [Twins] {
    let units = zip(columns, values).map { column, values in
      Tensor(values.map { ($0 - column.mean) / max(column.standardDeviation, 1e-300) })
    }
    var result: [Twins] = []
    for second in columns.indices where !columns[second].isConstant {
      for first in 0..<second where !columns[first].isConstant {
        let correlation = (units[first] * units[second]).mean().scalar
        guard abs(correlation) > 1 - 1e-11 else { continue }
        result.append(
          Twins(
            first: columns[first].name, second: columns[second].name,
            isEqual: values[first] == values[second]))
        break
      }
    }
    return result
  }

  /// A table for a person to read.
  var text: String {
    let head = ["column", "min", "max", "mean", "sd", "distinct", ""]
    let lines =
      [head]
      + columns.map { column in
        let twin = twins.first { $0.second == column.name }.map {
          "\($0.isEqual ? "equal to" : "a linear function of") \($0.first)"
        }
        return [
          column.name, shortNumber(column.minimum), shortNumber(column.maximum),
          shortNumber(column.mean), shortNumber(column.standardDeviation), "\(column.distinct)",
          [column.concern, twin].compactMap { $0 }.joined(separator: "; "),
        ]
      }
    let widths = head.indices.map { place in lines.map { $0[place].count }.max() ?? 0 }
    return lines.map { line in
      var cells = ["  " + line[0] + spaces(widths[0] - line[0].count)]
      for place in 1..<6 { cells.append(spaces(widths[place] - line[place].count) + line[place]) }
      return (cells + (line[6].isEmpty ? [] : [line[6]])).joined(separator: "  ")
    }.joined(separator: "\n")
  }

  var json: [String: JSON] {
    [
      "rows": .integer(rows), "columns": .list(columns.map(\.json)),
      "duplicates": .list(
        twins.map {
          .object([
            "column": .text($0.second), "of": .text($0.first),
            "kind": .text($0.isEqual ? "equal" : "linear"),
          ])
        }),
    ]
  }
}

private func spaces(_ count: Int) -> String { String(repeating: " ", count: max(0, count)) }
