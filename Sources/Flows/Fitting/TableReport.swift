/// What a table looks like before a density is fitted to it, and what to do about it.
///
/// ```swift
/// print(TableReport(inspecting: data, names: ["age", "income"]))
/// ```
///
/// A density is a poor description where a column is constant, copies another, or takes single values
/// often: there it grows without bound while training goes on, and log-likelihoods mean nothing. All
/// rows are looked at for ends, moments, constant and duplicated columns and numbers that are not
/// finite; values are counted over at most 50,000 rows, evenly spread (``countedRows``).
public struct TableReport: Sendable, Codable, Hashable {
  /// One column.
  public struct Column: Sendable, Codable, Hashable {
    /// Counted from 1.
    public let number: Int
    /// The name, where names were given.
    public let name: String?
    /// The least finite number, 0 where there is none.
    public let minimum: Double
    /// The greatest finite number.
    public let maximum: Double
    /// The mean.
    public let mean: Double
    /// The standard deviation.
    public let standardDeviation: Double
    /// Numbers that are finite.
    public let finiteCount: Int
    /// Distinct values among the counted rows.
    public let distinctCount: Int
    /// Values that a continuous column would not take so often.
    public let pointMasses: [PointMass]
    /// The distance of the grid that a discrete column's values lie on; nil where they lie on none.
    public let step: Double?
    /// True where the column takes few values, or those of a grid several times each.
    public let isDiscrete: Bool
    /// True where all numbers are one.
    public let isConstant: Bool
    /// The number of an earlier column that this one is equal to, or an affine function of.
    public let copyOf: Int?
    /// A support to declare for the column; a circle is never guessed.
    public let suggestedSupport: Support
    /// Why that one.
    public let supportReason: String

    /// `column 3 "age"`.
    public var label: String { columnLabel(number, name) }
  }

  /// A single value with more than its share of the rows.
  public struct PointMass: Sendable, Codable, Hashable {
    /// The value.
    public let value: Double
    /// Its share of the counted rows.
    public let share: Double
  }

  /// Something to know before training.
  public struct Finding: Sendable, Codable, Hashable, CustomStringConvertible {
    /// The kinds of findings, the gravest first.
    public enum Kind: String, Sendable, Codable, CaseIterable {
      /// A number is not finite: `fit` refuses the table.
      case nonFinite
      /// A column has one value: `fit` refuses the table.
      case constant
      /// A column repeats another: `fit` refuses the table.
      case duplicate
      /// A column takes a single value often.
      case pointMass
      /// A column takes values of a grid, or few values.
      case discrete
      /// A column is bounded.
      case bounded
    }

    /// The kind.
    public let kind: Kind
    /// The column, counted from 1.
    public let column: Int
    /// The row, counted from 1, of a number that is not finite.
    public let row: Int?
    /// What was found and what to do about it, in one sentence.
    public let description: String
  }

  /// The number of rows.
  public let rows: Int
  /// Rows over which values were counted.
  public let countedRows: Int
  /// Each column.
  public let columns: [Column]
  /// What to know before training, the gravest first.
  public let findings: [Finding]

  /// Looks at a table.
  ///
  /// - Parameters:
  ///   - data: rows `[n, d]`.
  ///   - names: one name for each column.
  public init<Scalar>(inspecting data: Tensor<Scalar>, names: [String]? = nil) {
    self.init(inspecting: data, names: names, countingAtMost: 50_000)
  }

  init<Scalar>(inspecting data: Tensor<Scalar>, names: [String]? = nil, countingAtMost limit: Int) {
    let (rows, width) = data.storage.shape.matrix("a table")
    precondition(
      names.map { $0.count == width } ?? true,
      "every column has one name; got \(names?.count ?? 0) names for \(width) columns")
    let moments = ColumnMoments(data)
    let copies = DuplicateSearch(data, moments).copies
    let constant = Set(moments.constant)
    self.rows = rows
    let counted = Swift.min(rows, limit)
    countedRows = counted
    let chosen = (0..<counted).map { $0 * rows / Swift.max(1, counted) }
    var columns: [Column] = []
    var findings: [Finding] = []
    let text = FindingText(names: names)
    for index in 0..<width {
      let values = data.withScalars { scalars in
        chosen.compactMap { row -> Double? in
          let value = Double(scalars[row * width + index])
          return value.isFinite ? value : nil
        }
      }
      let counts = ValueCounts(values, precision: Double(Scalar.ulpOfOne))
      let hasValues = moments.finite[index] > 0
      let ends = hasValues ? (moments.low[index], moments.high[index]) : (0, 0)
      let suggestion = SupportSuggestion(
        ends, mean: moments.mean[index], deviation: moments.deviation[index],
        isDiscrete: counts.isDiscrete || constant.contains(index))
      let copy = copies.first { $0.column == index }
      let column = Column(
        number: index + 1, name: names?[index], minimum: ends.0, maximum: ends.1,
        mean: moments.mean[index], standardDeviation: moments.deviation[index],
        finiteCount: moments.finite[index], distinctCount: counts.distinct,
        pointMasses: counts.pointMasses.map { PointMass(value: $0.value, share: $0.share) },
        step: counts.isDiscrete ? counts.step : nil, isDiscrete: counts.isDiscrete,
        isConstant: constant.contains(index), copyOf: copy.map { $0.original + 1 },
        suggestedSupport: suggestion.support, supportReason: suggestion.reason)
      columns.append(column)
      findings += text.findings(column, copy)
    }
    if let first = moments.firstNonFinite {
      let count = moments.finite.reduce(rows * width) { $0 - $1 }
      findings.append(text.nonFinite(first, count: count))
    }
    self.columns = columns
    var sorted: [Finding] = []
    for kind in Finding.Kind.allCases { sorted += findings.filter { $0.kind == kind } }
    self.findings = sorted
  }

  /// The sentences of some kinds of findings.
  func sentences(_ kinds: Set<Finding.Kind>) -> [String] {
    findings.filter { kinds.contains($0.kind) }.map(\.description)
  }
}

extension TableReport: CustomStringConvertible {
  /// A line for each column, then what was found.
  public var description: String {
    let header = ["column", "min", "max", "mean", "sd", "values", "support"]
    let lines =
      [header]
      + columns.map { column in
        [
          column.name ?? "\(column.number)", shortText(column.minimum), shortText(column.maximum),
          shortText(column.mean), shortText(column.standardDeviation), "\(column.distinctCount)",
          "\(column.suggestedSupport)",
        ]
      }
    let widths = header.indices.map { place in lines.map { $0[place].count }.max() ?? 0 }
    func padded(_ line: [String]) -> String {
      let cells = zip(line, widths).enumerated().map { place, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return place == 0 || place == header.count - 1 ? cell.0 + space : space + cell.0
      }
      var text = cells.joined(separator: "  ")
      while text.hasSuffix(" ") { text.removeLast() }
      return text
    }
    let counted =
      countedRows < rows ? ", values counted over \(countedRows) of them" : ""
    return (["\(rows) rows\(counted)"] + lines.map(padded) + findings.map { "* \($0)" })
      .joined(separator: "\n")
  }
}

private func columnLabel(_ number: Int, _ name: String?) -> String {
  name.map { "column \(number) \($0.quotedExcerpt)" } ?? "column \(number)"
}

/// The sentences of a report.
private struct FindingText {
  let names: [String]?

  func findings(_ column: TableReport.Column, _ copy: DuplicateSearch.Copy?)
    -> [TableReport.Finding]
  {
    var found: [TableReport.Finding] = []
    func add(_ kind: TableReport.Finding.Kind, _ sentence: String) {
      found.append(.init(kind: kind, column: column.number, row: nil, description: sentence))
    }
    let label = column.label
    if column.isConstant {
      add(
        .constant,
        "\(label) is constant (\(shortText(column.mean))): a density does not exist along it; leave it "
          + "out")
      return found
    }
    if let copy {
      add(
        .duplicate,
        "\(label) is \(copy.relation) in every row: a density of columns that determine each other is "
          + "unbounded; leave one of them out")
    }
    if !column.pointMasses.isEmpty {
      add(
        .pointMass,
        "\(label) takes \(values(column.pointMasses)) of rows: a density is unbounded there; dequantise "
          + "it, model it as a separate indicator, or leave it out")
    }
    if column.isDiscrete {
      let grid = column.step.map { " on a grid with the step \(shortText($0))" } ?? ""
      add(
        .discrete,
        "\(label) takes \(column.distinctCount) values\(grid): a density is unbounded at each of them; "
          + "dequantise it (DiscreteDistribution), or give it as context")
    }
    if column.suggestedSupport != .real {
      add(
        .bounded,
        "\(label) \(column.supportReason): declare its support, \(column.suggestedSupport), with a "
          + "SupportMap at the data side")
    }
    return found
  }

  func nonFinite(_ first: (row: Int, column: Int, value: Double), count: Int)
    -> TableReport.Finding
  {
    let more = count > 1 ? " (and \(count - 1) more numbers are not finite)" : ""
    let label = columnLabel(first.column + 1, names?[first.column])
    return TableReport.Finding(
      kind: .nonFinite, column: first.column + 1, row: first.row + 1,
      description:
        "row \(first.row + 1), \(label) is \(first.value)\(more): leave such rows out, or fill "
        + "the numbers in")
  }

  /// "the value 0 in 66 %", or "the values 0 in 66 %, 1 in 3 % and 2 more each in 1 % or more".
  private func values(_ masses: [TableReport.PointMass]) -> String {
    let first = masses.prefix(3).map { "\(shortText($0.value)) in \(percent($0.share))" }
      .joined(separator: ", ")
    let rest = masses.count > 3 ? " and \(masses.count - 3) more each in 1 % or more" : ""
    return (masses.count == 1 ? "the value " : "the values ") + first + rest
  }

  private func percent(_ share: Double) -> String {
    let tenths = (share * 1_000).rounded() / 10
    return tenths == tenths.rounded() ? "\(Int(tenths)) %" : "\(tenths) %"
  }
}

/// A support that a column's ends speak for.
private struct SupportSuggestion {
  private(set) var support = Support.real
  private(set) var reason = "has no ends that the data come near to"

  init(_ ends: (low: Double, high: Double), mean: Double, deviation: Double, isDiscrete: Bool) {
    if isDiscrete || deviation == 0 {
      reason = "is discrete or constant"
      return
    }
    let (low, high) = ends
    for (a, b) in [(0.0, 1.0), (-1, 1), (0, 100), (0, 256)] where low >= a && high <= b {
      let near = 0.01 * (b - a)
      if low - a <= near && b - high <= near {
        support = .interval(a, b)
        reason = "lies between \(shortText(a)) and \(shortText(b)) and comes near to both"
        return
      }
    }
    // Where a Gaussian of the same moments would go below 0 the end matters.
    if low > 0 && mean - 2.5 * deviation < 0 {
      support = .positive
      reason = "is positive, and within 2.5 standard deviations of 0"
    }
  }
}
