import Flows

/// What there is to know of one column before a density is fitted to it.
struct ColumnReport: Sendable {
  /// A value that many rows share, along which no density exists.
  struct PointMass: Sendable {
    let value: Double
    /// Its share of the rows.
    let share: Double
  }

  let name: String
  let minimum: Double
  let maximum: Double
  let mean: Double
  let standardDeviation: Double
  /// How many different values there are.
  let distinct: Int
  /// The value that most rows have.
  let commonest: PointMass
  /// Values that 1 % of the rows or more share, where the others are spread; the commonest first.
  let pointMasses: [PointMass]
  /// Whether a value occurs five times or more on average, as counts and grades do.
  let isDiscrete: Bool

  var isConstant: Bool { distinct == 1 }

  init(name: String, values: [Double]) {
    self.name = name
    let sorted = values.sorted()
    let count = Double(sorted.count)
    (minimum, maximum) = (sorted.first ?? .nan, sorted.last ?? .nan)
    let mean = sorted.reduce(0, +) / count
    self.mean = mean
    standardDeviation = (sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    var (distinct, start) = (0, 0)
    var common: [(value: Double, rows: Int)] = []
    let least = max(5, sorted.count / 100)
    var most = (value: sorted.first ?? .nan, rows: 0)
    while start < sorted.count {
      var end = start + 1
      while end < sorted.count && sorted[end] == sorted[start] { end += 1 }
      let run = (value: sorted[start], rows: end - start)
      if run.rows > most.rows { most = run }
      if run.rows >= least { common.append(run) }
      distinct += 1
      start = end
    }
    self.distinct = distinct
    isDiscrete = sorted.count >= 20 && distinct > 1 && distinct * 5 <= sorted.count
    commonest = PointMass(value: most.value, share: Double(most.rows) / count)
    pointMasses =
      isDiscrete || distinct == 1
      ? []
      : common.sorted { $0.rows > $1.rows }.prefix(5).map {
        PointMass(value: $0.value, share: Double($0.rows) / count)
      }
  }

  /// What stands in the way of a density along this column; nil where nothing does.
  var concern: String? {
    if isConstant { return "constant" }
    if isDiscrete { return "discrete: \(distinct) values" }
    if let mass = pointMasses.first {
      let others = pointMasses.count > 1 ? " (and \(pointMasses.count - 1) more such values)" : ""
      return "\(percent(mass.share)) of the rows are \(shortNumber(mass.value))\(others)"
    }
    return nil
  }

  var json: JSON {
    .object([
      "name": .text(name), "minimum": .number(minimum), "maximum": .number(maximum),
      "mean": .number(mean), "standardDeviation": .number(standardDeviation),
      "distinct": .integer(distinct), "commonestValue": .number(commonest.value),
      "commonestShare": .number(commonest.share),
      "kind": .text(isConstant ? "constant" : isDiscrete ? "discrete" : "continuous"),
      "pointMasses": .list(
        pointMasses.map { .object(["value": .number($0.value), "share": .number($0.share)]) }),
    ])
  }
}
