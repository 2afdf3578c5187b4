/// Values of a grid as colours behind a chart, with labelled lines of equal value.
public struct SVGHeatMap: Sendable {
  /// One line of equal value.
  public struct Level: Sendable {
    /// The value.
    public var value: Double
    /// What stands on the line; empty for nothing.
    public var label: String

    /// Makes a level.
    public init(_ value: Double, label: String = "") {
      self.value = value
      self.label = label
    }
  }

  /// The values; a grid without a window fills the axes.
  public var grid: Grid
  /// The colours from zero to the maximum.
  public var colorMap: ColorMap
  /// The value of the last colour; none means the greatest one.
  public var maximum: Double?
  /// The lines.
  public var levels: [Level]

  /// Makes a heat map.
  public init(
    _ grid: Grid, colorMap: ColorMap = .magma, maximum: Double? = nil, levels: [Level] = []
  ) {
    self.grid = grid
    self.colorMap = colorMap
    self.maximum = maximum
    self.levels = levels
  }

  /// The colours, one pixel for each cell, as a PNG file; viewers blend between cells.
  var png: [UInt8] {
    let greatest = maximum ?? grid.quantile(1) ?? 1
    var canvas = Canvas(width: grid.columns, height: grid.rows)
    canvas.drawHeatMap(
      grid, in: Rect(x: 0, y: 0, width: Double(grid.columns), height: Double(grid.rows)),
      interpolation: .nearest, maximum: greatest > 0 && greatest.isFinite ? greatest : 1,
      colorMap: colorMap)
    return canvas.pngData()
  }
}

extension Grid {
  /// Finds the value that the densest cells exceed, which together hold a share of the whole.
  ///
  /// For a density it bounds the smallest region with that probability.
  ///
  /// - Parameters:
  ///   - share: The share to hold, from 0 to 1.
  ///   - whole: What the values of all cells would sum to if the grid covered everything; none
  ///     means that it does.
  /// - Returns: The value; none if no value is positive, or if the grid holds less than the share.
  public func level(holding share: Double, of whole: Double? = nil) -> Double? {
    let sorted = values.filter { $0.isFinite && $0 > 0 }.sorted(by: >)
    let total = whole ?? sorted.reduce(0) { $0 + Double($1) }
    guard total > 0, total.isFinite else { return nil }
    var sum = 0.0
    for value in sorted {
      sum += Double(value)
      // A little less, because the sum of all may round to less than the whole.
      if sum >= share * total * (1 - 1e-9) { return Double(value) }
    }
    return nil
  }
}
