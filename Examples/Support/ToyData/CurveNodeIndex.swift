/// For each cell of a grid over a window, the runs of curve nodes that matter to points in it.
///
/// A node may be left out when, for every point of the cell, its Gaussian is smaller than that of
/// the nearest node by the factor exp(−25) or more; this bounds the relative error of the sum, near
/// the curve and far from it alike.
struct CurveNodeIndex: Sendable {
  private let originX: Double
  private let originY: Double
  private let cellsPerUnit: Double
  private let cellsPerSide: Int

  /// For each cell, where its runs start in the two lists below, with one entry more for the end.
  private let firstRuns: [Int32]
  private let runStarts: [Int32]
  private let runEnds: [Int32]

  /// Builds the index with cells about one standard deviation wide.
  init(positionsX: [Double], positionsY: [Double], deviation: Double, window: PlotWindow) {
    cellsPerSide = max(1, Int((2 * window.halfWidth / deviation).rounded(.up)))
    originX = window.xRange.lowerBound
    originY = window.yRange.lowerBound
    cellsPerUnit = Double(cellsPerSide) / (2 * window.halfWidth)

    var firstRuns: [Int32] = [0]
    var runStarts: [Int32] = []
    var runEnds: [Int32] = []
    let halfDiagonal = 0.5.squareRoot() / cellsPerUnit
    var squares = [Double](repeating: 0, count: positionsX.count)
    for row in 0..<cellsPerSide {
      for column in 0..<cellsPerSide {
        let centerX = originX + (Double(column) + 0.5) / cellsPerUnit
        let centerY = originY + (Double(row) + 0.5) / cellsPerUnit
        var nearest = Double.infinity
        for node in squares.indices {
          let dx = positionsX[node] - centerX
          let dy = positionsY[node] - centerY
          squares[node] = dx * dx + dy * dy
          nearest = min(nearest, squares[node])
        }
        // Both bounds are the triangle inequality: no point of the cell is farther from the centre
        // than half the diagonal.
        let farthestNearest = nearest.squareRoot() + halfDiagonal
        let reach =
          halfDiagonal
          + (farthestNearest * farthestNearest + 50 * deviation * deviation).squareRoot()
        var open = false
        for node in squares.indices {
          let matters = squares[node] <= reach * reach
          if matters && !open { runStarts.append(Int32(node)) }
          if !matters && open { runEnds.append(Int32(node)) }
          open = matters
        }
        if open { runEnds.append(Int32(squares.count)) }
        firstRuns.append(Int32(runStarts.count))
      }
    }
    self.firstRuns = firstRuns
    self.runStarts = runStarts
    self.runEnds = runEnds
  }

  /// The number of the cell that holds a point, or nil when the point lies outside the window.
  func cell(_ x: Double, _ y: Double) -> Int? {
    let column = (x - originX) * cellsPerUnit
    let row = (y - originY) * cellsPerUnit
    let limit = Double(cellsPerSide)
    guard column >= 0, column < limit, row >= 0, row < limit else { return nil }
    return Int(row) * cellsPerSide + Int(column)
  }

  /// The numbers of the runs of a cell.
  func ranges(of cell: Int) -> Range<Int> {
    Int(firstRuns[cell])..<Int(firstRuns[cell + 1])
  }

  /// The nodes of a run.
  func nodeRange(_ run: Int) -> Range<Int> {
    Int(runStarts[run])..<Int(runEnds[run])
  }
}
