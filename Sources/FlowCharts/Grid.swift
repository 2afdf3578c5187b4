/// Values on the cells of a regular grid, row by row, with the lowest row first.
///
/// A value belongs to the middle of its cell. Values that are not finite are missing.
public struct Grid: Sendable {
  /// The number of rows, counted upwards.
  public let rows: Int
  /// The number of columns, counted to the right.
  public let columns: Int
  /// The values, row by row from the bottom.
  public let values: [Float]
  /// The part of the plane that the cells fill; none means the window of the panel.
  public var window: Window?

  /// Makes a grid from its values.
  public init(rows: Int, columns: Int, values: [Float], window: Window? = nil) {
    precondition(rows > 0 && columns > 0, "A grid needs at least one cell.")
    precondition(values.count == rows * columns, "A grid needs one value for every cell.")
    self.rows = rows
    self.columns = columns
    self.values = values
    self.window = window
  }

  /// Makes a grid from values of double precision.
  public init(rows: Int, columns: Int, values: [Double], window: Window? = nil) {
    self.init(rows: rows, columns: columns, values: values.map { Float($0) }, window: window)
  }

  /// Makes a grid by asking a function for the value in the middle of every cell.
  public init(
    rows: Int, columns: Int, over window: Window, value: (_ x: Double, _ y: Double) -> Double
  ) {
    precondition(rows > 0 && columns > 0, "A grid needs at least one cell.")
    var values: [Float] = []
    values.reserveCapacity(rows * columns)
    for row in 0..<rows {
      let y = window.y.lowerBound + (Double(row) + 0.5) / Double(rows) * window.height
      for column in 0..<columns {
        let x = window.x.lowerBound + (Double(column) + 0.5) / Double(columns) * window.width
        values.append(Float(value(x, y)))
      }
    }
    self.init(rows: rows, columns: columns, values: values, window: window)
  }

  /// The value of a cell; row 0 is the lowest.
  public subscript(row: Int, column: Int) -> Float { values[row * columns + column] }

  /// Gives the smallest value that at least a share of the finite values do not exceed.
  ///
  /// A quantile of 1 is the greatest finite value. A grid without finite values has none.
  public func quantile(_ share: Double) -> Double? {
    precondition(share >= 0 && share <= 1, "A quantile must lie between 0 and 1.")
    if share == 1 { return values.lazy.filter(\.isFinite).max().map { Double($0) } }
    let sorted = values.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return nil }
    let rank = Int((share * Double(sorted.count)).rounded(.up)) - 1
    return Double(sorted[min(max(rank, 0), sorted.count - 1)])
  }

  /// Reads a value at a position in cells, where (0, 0) is the lower left corner of the grid.
  ///
  /// Between the middles of cells, `smoothly` blends the four neighbours, leaving out missing
  /// ones; a position within a missing cell is itself missing.
  func value(column: Double, row: Double, smoothly: Bool) -> Double {
    let nearestColumn = min(max(Int(column), 0), columns - 1)
    let nearestRow = min(max(Int(row), 0), rows - 1)
    let nearest = Double(self[nearestRow, nearestColumn])
    guard smoothly, nearest.isFinite else { return nearest }
    let u = min(max(column - 0.5, 0), Double(columns - 1))
    let v = min(max(row - 0.5, 0), Double(rows - 1))
    let left = Int(u)
    let bottom = Int(v)
    var sum = 0.0
    var total = 0.0
    for (r, rowWeight) in [(bottom, 1 - (v - Double(bottom))), (bottom + 1, v - Double(bottom))]
    where r < rows {
      for (c, columnWeight) in [(left, 1 - (u - Double(left))), (left + 1, u - Double(left))]
      where c < columns {
        let value = Double(self[r, c])
        guard value.isFinite else { continue }
        sum += rowWeight * columnWeight * value
        total += rowWeight * columnWeight
      }
    }
    return total > 0 ? sum / total : nearest
  }
}
