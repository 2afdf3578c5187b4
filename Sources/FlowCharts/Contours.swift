/// Lines of equal value through a grid, found by marching squares.
public enum Contours {
  /// Gives the lines of one level, in data units; closed lines end where they begin.
  ///
  /// The corners of the squares are the middles of the grid's cells, so the lines keep half a cell
  /// away from the edge of the grid. Squares with a missing corner are left out.
  public static func lines(in grid: Grid, level: Double, window: Window) -> [[Point]] {
    guard grid.rows > 1, grid.columns > 1, level.isFinite else { return [] }
    var tracer = ContourTracer(grid: grid, level: level)
    tracer.findSegments()
    let area = grid.window ?? window
    return tracer.chains().map { chain in
      chain.map { edge in
        let place = tracer.crossing(edge)
        return Point(
          x: area.x.lowerBound + (place.x + 0.5) / Double(grid.columns) * area.width,
          y: area.y.lowerBound + (place.y + 0.5) / Double(grid.rows) * area.height)
      }
    }
  }
}

/// The bookkeeping of marching squares.
///
/// Every crossing lies on an edge between two neighbouring cells and is named by that edge:
/// twice the number of the lower left cell, plus one if the edge leads upwards.
private struct ContourTracer {
  let grid: Grid
  let level: Double
  private var neighbours: [Int: (Int, Int?)] = [:]
  private var order: [Int] = []

  init(grid: Grid, level: Double) {
    self.grid = grid
    self.level = level
  }

  mutating func findSegments() {
    for row in 0..<grid.rows - 1 {
      for column in 0..<grid.columns - 1 {
        let corners = [
          Double(grid[row, column]), Double(grid[row, column + 1]),
          Double(grid[row + 1, column + 1]), Double(grid[row + 1, column]),
        ]
        guard corners.allSatisfy(\.isFinite) else { continue }
        let cell = row * grid.columns + column
        let bottom = 2 * cell
        let right = 2 * (cell + 1) + 1
        let top = 2 * (cell + grid.columns)
        let left = 2 * cell + 1
        let above = corners.map { $0 >= level }
        switch (above[0], above[1], above[2], above[3]) {
        case (true, true, true, true), (false, false, false, false): break
        case (true, false, false, false), (false, true, true, true): connect(left, bottom)
        case (false, true, false, false), (true, false, true, true): connect(bottom, right)
        case (false, false, true, false), (true, true, false, true): connect(right, top)
        case (false, false, false, true), (true, true, true, false): connect(top, left)
        case (true, true, false, false), (false, false, true, true): connect(left, right)
        case (true, false, false, true), (false, true, true, false): connect(bottom, top)
        case (true, false, true, false), (false, true, false, true):
          // A saddle: the mean of the corners tells which two of them hang together.
          let isMiddleAbove = corners.reduce(0, +) / 4 >= level
          if isMiddleAbove == above[0] {
            connect(top, left)
            connect(bottom, right)
          } else {
            connect(left, bottom)
            connect(right, top)
          }
        }
      }
    }
  }

  private mutating func connect(_ first: Int, _ second: Int) {
    for (edge, other) in [(first, second), (second, first)] {
      if let known = neighbours[edge] {
        neighbours[edge] = (known.0, other)
      } else {
        neighbours[edge] = (other, nil)
        order.append(edge)
      }
    }
  }

  /// Joins the segments to lines: open ones from their ends, then the closed ones.
  func chains() -> [[Int]] {
    var visited: Set<Int> = []
    var result: [[Int]] = []
    let ends = order.filter { neighbours[$0]?.1 == nil }
    for start in ends + order where !visited.contains(start) {
      var chain = [start]
      visited.insert(start)
      var edge = start
      while let next = successor(of: edge, notIn: visited) {
        chain.append(next)
        visited.insert(next)
        edge = next
      }
      if let (first, second) = neighbours[start], let second, chain.count > 2,
        edge == first || edge == second
      {
        chain.append(start)
      }
      result.append(chain)
    }
    return result
  }

  private func successor(of edge: Int, notIn visited: Set<Int>) -> Int? {
    guard let (first, second) = neighbours[edge] else { return nil }
    if !visited.contains(first) { return first }
    if let second, !visited.contains(second) { return second }
    return nil
  }

  /// The place of a crossing in cells, measured from the middle of the lower left cell.
  func crossing(_ edge: Int) -> Point {
    let cell = edge / 2
    let (row, column) = (cell / grid.columns, cell % grid.columns)
    let goesUp = edge % 2 == 1
    let start = Double(grid[row, column])
    let end = Double(goesUp ? grid[row + 1, column] : grid[row, column + 1])
    let fraction = end == start ? 0.5 : min(max((level - start) / (end - start), 0), 1)
    return Point(
      x: Double(column) + (goesUp ? 0 : fraction), y: Double(row) + (goesUp ? fraction : 0))
  }
}
