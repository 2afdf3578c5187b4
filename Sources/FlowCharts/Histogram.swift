extension Grid {
  /// Makes a density from points: the share of points in every cell, divided by the cell's area.
  ///
  /// Points outside the window count among all points, but in no cell, so the density integrates
  /// to the share of points inside. Without any points the density is zero.
  public init(
    densityOf x: [Float], _ y: [Float], rows: Int, columns: Int, over window: Window
  ) {
    precondition(x.count == y.count, "Points need as many x coordinates as y coordinates.")
    precondition(rows > 0 && columns > 0, "A grid needs at least one cell.")
    var counts = [Float](repeating: 0, count: rows * columns)
    for (px, py) in zip(x, y) {
      guard window.contains(x: Double(px), y: Double(py)) else { continue }
      let column = Int((Double(px) - window.x.lowerBound) / window.width * Double(columns))
      let row = Int((Double(py) - window.y.lowerBound) / window.height * Double(rows))
      counts[min(row, rows - 1) * columns + min(column, columns - 1)] += 1
    }
    let area = window.width / Double(columns) * (window.height / Double(rows))
    let share = x.isEmpty ? 0 : Float(1 / (Double(x.count) * area))
    self.init(rows: rows, columns: columns, values: counts.map { $0 * share }, window: window)
  }
}
