/// Values on a grid, and the curves along which they pass a threshold (marching squares; Lorensen
/// and Cline, SIGGRAPH 1987, in the plane).
struct ContourGrid {
  let columns: Int
  let rows: Int
  let values: [Double]
  let threshold: Double

  /// The closed curves around all values of at least the threshold, in units of the grid.
  ///
  /// These values are to the left. What lies beyond the grid is below the threshold.
  func curves() -> [[SIMD2<Double>]] {
    // Grid edges are numbered two for each point, to its right and upwards, with a ring of points
    // around the grid. Every crossing is the start of one segment and the end of another.
    let width = columns + 2
    var next = [Int](repeating: -1, count: 2 * width * (rows + 2))
    for row in -1..<rows {
      for column in -1..<columns { connect(column, row, width: width, &next) }
    }
    var curves: [[SIMD2<Double>]] = []
    for start in next.indices where next[start] >= 0 {
      var curve: [SIMD2<Double>] = []
      var edge = start
      while next[edge] >= 0 {
        curve.append(crossing(edge, width: width))
        let following = next[edge]
        next[edge] = -1
        edge = following
      }
      curves.append(curve)
    }
    return curves
  }

  /// The segments of one cell, whose lower left corner is given.
  private func connect(_ column: Int, _ row: Int, width: Int, _ next: inout [Int]) {
    // Corners and edges counterclockwise; edge i runs from corner i to the next.
    let corners = [
      isInside(column, row), isInside(column + 1, row), isInside(column + 1, row + 1),
      isInside(column, row + 1),
    ]
    if corners[0] == corners[1] && corners[1] == corners[2] && corners[2] == corners[3] { return }
    let point = (row + 1) * width + column + 1
    let edges = [2 * point, 2 * (point + 1) + 1, 2 * (point + width), 2 * point + 1]
    let leaving = (0..<4).filter { corners[$0] && !corners[($0 + 1) % 4] }
    let entering = (0..<4).filter { !corners[$0] && corners[($0 + 1) % 4] }
    if leaving.count == 1 {
      next[edges[leaving[0]]] = edges[entering[0]]
      return
    }
    // A saddle: the mean of the corners says whether the two inner ones are joined.
    let mean =
      (value(column, row) + value(column + 1, row) + value(column + 1, row + 1)
        + value(column, row + 1)) / 4
    for edge in leaving {
      next[edges[edge]] = edges[(edge + (mean >= threshold ? 1 : 3)) % 4]
    }
  }

  private func value(_ column: Int, _ row: Int) -> Double {
    let isWithin = column >= 0 && column < columns && row >= 0 && row < rows
    return isWithin ? values[row * columns + column] : -.infinity
  }

  private func isInside(_ column: Int, _ row: Int) -> Bool { value(column, row) >= threshold }

  /// Where the threshold is passed on an edge: interpolated, or halfway where one side is infinite.
  private func crossing(_ edge: Int, width: Int) -> SIMD2<Double> {
    let column = edge / 2 % width - 1
    let row = edge / 2 / width - 1
    let (right, up) = edge % 2 == 0 ? (1, 0) : (0, 1)
    let (first, second) = (value(column, row), value(column + right, row + up))
    let difference = second - first
    let share = difference.isFinite ? (threshold - first) / difference : 0.5
    return SIMD2(Double(column) + share * Double(right), Double(row) + share * Double(up))
  }
}
