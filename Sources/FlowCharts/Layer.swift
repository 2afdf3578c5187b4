/// One thing drawn in a panel; later layers cover earlier ones.
public enum Layer: Sendable {
  /// Values as colours, on the colour scale of the figure.
  case heatMap(Grid, interpolation: Interpolation = .smooth)
  /// Separate points.
  case points(PointCloud)
  /// Lines, such as the image of a grid or paths of points.
  case lines(LineFamily)
  /// Lines of equal value of a grid.
  case contours(Grid, levels: [Double], stroke: Stroke = Stroke(color: .white, width: 1.2))
}

/// How a heat map fills the space between the middles of its cells.
public enum Interpolation: Sendable {
  /// Every cell is a plain rectangle.
  case nearest
  /// Values pass evenly from one cell to the next.
  case smooth
}

/// Points to scatter in a panel.
public struct PointCloud: Sendable {
  /// The horizontal coordinates, in data units.
  public var x: [Float]
  /// The vertical coordinates, in data units.
  public var y: [Float]
  /// The radius of every point, in pixels.
  public var radius: Double
  /// The colour of all points.
  public var color: Color
  /// The opacity of a single point.
  public var opacity: Double

  /// Makes a cloud; points that are not finite or lie outside the window are not drawn.
  public init(
    x: [Float], y: [Float], radius: Double = 1.6, color: Color = Color(0x1F6FB4),
    opacity: Double = 0.5
  ) {
    precondition(x.count == y.count, "Points need as many x coordinates as y coordinates.")
    self.x = x
    self.y = y
    self.radius = radius
    self.color = color
    self.opacity = opacity
  }
}

/// Lines that are drawn alike.
public struct LineFamily: Sendable {
  /// The lines, each a row of points in data units.
  public var lines: [[Point]]
  /// How all of them are drawn.
  public var stroke: Stroke

  /// Makes a family of lines; points that are not finite interrupt a line.
  public init(lines: [[Point]], stroke: Stroke = Stroke(color: Color(0x1F6FB4), width: 1.2)) {
    self.lines = lines
    self.stroke = stroke
  }

  /// Makes the level and the upright lines of a square grid, ready to be bent by a map.
  ///
  /// - Parameters:
  ///   - window: What the grid covers, edges included.
  ///   - count: The number of lines in each direction.
  ///   - samples: The number of points on every line.
  ///   - stroke: How the lines are drawn.
  public init(
    gridOver window: Window, count: Int, samples: Int = 161,
    stroke: Stroke = Stroke(color: Color(0x1F6FB4), width: 1.2)
  ) {
    precondition(count >= 2, "A grid needs at least two lines in each direction.")
    precondition(samples >= 2, "A line needs at least two points.")
    func place(_ range: ClosedRange<Double>, _ index: Int, of total: Int) -> Double {
      range.lowerBound + (range.upperBound - range.lowerBound) * Double(index) / Double(total - 1)
    }
    let level = (0..<count).map { line in
      (0..<samples).map { sample in
        Point(x: place(window.x, sample, of: samples), y: place(window.y, line, of: count))
      }
    }
    let upright = (0..<count).map { line in
      (0..<samples).map { sample in
        Point(x: place(window.x, line, of: count), y: place(window.y, sample, of: samples))
      }
    }
    self.init(lines: level + upright, stroke: stroke)
  }

  /// Gives the family with every point moved by a map.
  public func mapped(_ map: (Point) -> Point) -> LineFamily {
    LineFamily(lines: lines.map { $0.map(map) }, stroke: stroke)
  }
}
