/// An axis-parallel square, given by its centre and half its side.
public struct PlotWindow: Sendable, Equatable {
  /// The x coordinate of the centre.
  public let centerX: Double

  /// The y coordinate of the centre.
  public let centerY: Double

  /// Half the length of a side.
  public let halfWidth: Double

  /// Makes a window from its centre and half its side, which must be positive.
  public init(centerX: Double = 0, centerY: Double = 0, halfWidth: Double) {
    precondition(halfWidth > 0, "Half the width of a window must be positive, not \(halfWidth).")
    self.centerX = centerX
    self.centerY = centerY
    self.halfWidth = halfWidth
  }

  /// The range of x coordinates.
  public var xRange: ClosedRange<Double> { centerX - halfWidth...centerX + halfWidth }

  /// The range of y coordinates.
  public var yRange: ClosedRange<Double> { centerY - halfWidth...centerY + halfWidth }

  /// The area of the square.
  public var area: Double { 4 * halfWidth * halfWidth }

  /// Whether a point lies in the window, edges included.
  public func contains(_ x: Double, _ y: Double) -> Bool {
    abs(x - centerX) <= halfWidth && abs(y - centerY) <= halfWidth
  }

  /// The window with the same centre and its sides multiplied by a positive factor.
  public func scaled(by factor: Double) -> PlotWindow {
    PlotWindow(centerX: centerX, centerY: centerY, halfWidth: halfWidth * factor)
  }

  /// The centres of a square grid of cells that tile the window, row by row from the bottom.
  public func gridCenters(_ cellsPerSide: Int) -> [Double] {
    precondition(
      cellsPerSide > 0, "A grid needs at least one cell per side, not \(cellsPerSide).")
    let step = 2 * halfWidth / Double(cellsPerSide)
    var points: [Double] = []
    points.reserveCapacity(2 * cellsPerSide * cellsPerSide)
    for row in 0..<cellsPerSide {
      for column in 0..<cellsPerSide {
        points.append(centerX - halfWidth + (Double(column) + 0.5) * step)
        points.append(centerY - halfWidth + (Double(row) + 0.5) * step)
      }
    }
    return points
  }
}
