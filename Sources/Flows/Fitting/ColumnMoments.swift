/// Ends, mean and standard deviation of the columns of a table, over the numbers that are finite.
///
/// In one pass over all rows in double precision, relative to the first finite number of each column,
/// so that squares of large numbers do not cancel.
struct ColumnMoments {
  private(set) var mean: [Double]
  private(set) var deviation: [Double]
  private(set) var low: [Double]
  private(set) var high: [Double]
  /// The rows at which the ends are attained first.
  private(set) var lowRow: [Int]
  private(set) var highRow: [Int]
  /// Numbers that are finite.
  private(set) var finite: [Int]
  /// The first number that is not, row by row.
  private(set) var firstNonFinite: (row: Int, column: Int, value: Double)?
  let rows: Int

  init<Scalar>(_ data: Tensor<Scalar>) {
    let (rows, columns) = data.storage.shape.matrix("a table")
    self.rows = rows
    let zeros = [Double](repeating: 0, count: columns)
    (mean, deviation) = (zeros, zeros)
    (low, high) = (zeros.map { _ in .infinity }, zeros.map { _ in -.infinity })
    (lowRow, highRow, finite) = (zeros.map { _ in 0 }, zeros.map { _ in 0 }, zeros.map { _ in 0 })
    var (origin, squares) = (zeros, zeros)
    let chunk = Swift.max(1, 65_536 / Swift.max(1, columns))
    for start in stride(from: 0, to: rows, by: chunk) {
      let part = Tensor<Double>(data[rows: start..<Swift.min(rows, start + chunk)])
      part.withScalars { values in
        for (index, value) in values.enumerated() {
          let (row, column) = (start + index / columns, index % columns)
          guard value.isFinite else {
            if firstNonFinite == nil { firstNonFinite = (row, column, value) }
            continue
          }
          if finite[column] == 0 { origin[column] = value }
          finite[column] += 1
          let distance = value - origin[column]
          mean[column] += distance
          squares[column] += distance * distance
          if value < low[column] { (low[column], lowRow[column]) = (value, row) }
          if value > high[column] { (high[column], highRow[column]) = (value, row) }
        }
      }
    }
    for column in 0..<columns where finite[column] > 0 {
      let count = Double(finite[column])
      let distance = mean[column] / count
      mean[column] = origin[column] + distance
      deviation[column] =
        Swift.max(0, squares[column] / count - distance * distance).squareRoot()
    }
  }

  /// Columns of one value, to rounding.
  var constant: [Int] {
    mean.indices.filter {
      finite[$0] > 0 && !(deviation[$0] > 1e-7 * Swift.max(1e-30, Swift.abs(mean[$0])))
    }
  }
}

/// Columns that are another one times a factor plus a constant, in every row.
struct DuplicateSearch {
  /// One such column.
  struct Copy {
    let column: Int
    /// The earlier column.
    let original: Int
    let factor: Double
    let constant: Double

    /// "equal to column 2" or "-2.0 times column 2 plus 1.0".
    var relation: String {
      factor == 1 && constant == 0
        ? "equal to column \(original + 1)"
        : "\(excerpt(factor)) times column \(original + 1) plus \(excerpt(constant))"
    }

    private func excerpt(_ number: Double) -> String { shortText(number) }
  }

  /// For each column the first that it is a copy of, where there is one.
  private(set) var copies: [Copy] = []

  /// Pairs are chosen by their correlation over some rows and examined over all.
  ///
  /// In fewer than ten rows nothing is found: there, columns may well agree by chance.
  init<Scalar>(_ data: Tensor<Scalar>, _ moments: ColumnMoments) {
    let rows = moments.rows
    guard rows >= 10 else { return }
    let constant = Set(moments.constant)
    let columns = moments.mean.indices.filter {
      !constant.contains($0) && moments.finite[$0] == rows
    }
    guard columns.count > 1 else { return }
    let count = Swift.min(rows, 512)
    let chosen = (0..<count).map { $0 * rows / count }
    let sample = Tensor<Double>(data.detached.rows(chosen)).columns(columns)
    let centred = sample - sample.mean(axis: 0)
    let norms = sqrt(centred.squared().sum(axis: 0, keepingAxis: true))
    let flat = norms.scalars.map { $0 == 0 }
    let unit = centred / Tensor.maximum(norms, Tensor(.leastNormalMagnitude))
    let correlations = unit.transposed().matmul(unit)
    correlations.withScalars { values in
      for later in columns.indices.dropFirst() {
        for earlier in 0..<later {
          let correlation = values[later * columns.count + earlier]
          // Columns that do not change over the chosen rows may be copies of each other.
          guard Swift.abs(correlation) > 0.9999 || flat[later] && flat[earlier] else { continue }
          if let copy = Self.copy(columns[later], of: columns[earlier], data, moments) {
            copies.append(copy)
            break
          }
        }
      }
    }
  }

  private static func copy<Scalar>(
    _ column: Int, of original: Int, _ data: Tensor<Scalar>, _ moments: ColumnMoments
  ) -> Copy? {
    let width = moments.mean.count
    return data.withScalars { values in
      func value(_ row: Int, _ column: Int) -> Double { Double(values[row * width + column]) }
      let (first, last) = (moments.lowRow[original], moments.highRow[original])
      let (x0, x1) = (value(first, original), value(last, original))
      let (y0, y1) = (value(first, column), value(last, column))
      var factor = (y1 - y0) / (x1 - x0)
      if Swift.abs(factor - 1) < 1e-6 && Swift.abs(y0 - x0) <= 1e-6 * (x1 - x0) { factor = 1 }
      let constant = y0 - factor * x0
      let size =
        Swift.abs(factor) * Swift.max(Swift.abs(x0), Swift.abs(x1)) + Swift.abs(constant)
        + Swift.max(Swift.abs(y0), Swift.abs(y1))
      let tolerance = 16 * Double(Scalar.ulpOfOne) * size
      // A column that is nothing but rounding beside its offset would be a copy of any other.
      guard Swift.abs(y1 - y0) > 1e4 * tolerance else { return nil }
      for row in 0..<moments.rows {
        let distance = value(row, column) - (factor * value(row, original) + constant)
        if !(Swift.abs(distance) <= tolerance) { return nil }
      }
      return Copy(
        column: column, original: original, factor: factor,
        constant: Swift.abs(constant) <= tolerance ? 0 : constant)
    }
  }
}

/// A number with four significant digits, or all of a short one.
func shortText(_ number: Double) -> String {
  func whole(_ number: Double) -> String {
    number == number.rounded() && Swift.abs(number) < 1e6 ? "\(Int(number))" : "\(number)"
  }
  guard number.isFinite, number != number.rounded() else {
    return number.isFinite ? whole(number) : "\(number)"
  }
  var (scale, size) = (1.0, Swift.abs(number))
  while size < 1_000 && scale < 1e300 { (scale, size) = (scale * 10, size * 10) }
  while size >= 10_000 && scale > 1e-300 { (scale, size) = (scale / 10, size / 10) }
  let digits = (number * scale).rounded()
  return whole(scale >= 1 ? digits / scale : digits * (1 / scale).rounded())
}
