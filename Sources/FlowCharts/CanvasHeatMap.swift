extension Canvas {
  /// Draws the values of a grid as colours, from zero to a maximum.
  ///
  /// Where several cells fall on one pixel their mean is shown. Pixels whose value is missing are
  /// drawn in ``Color/missing``.
  public mutating func drawHeatMap(
    _ grid: Grid, in rect: Rect, interpolation: Interpolation = .smooth, maximum: Double,
    colorMap: ColorMap
  ) {
    precondition(maximum > 0, "The maximum of a heat map must be positive.")
    guard rect.width > 0, rect.height > 0 else { return }
    let box = PixelBox(
      minX: PixelBox.whole(rect.x.rounded()), minY: PixelBox.whole(rect.y.rounded()),
      maxX: PixelBox.whole(rect.maxX.rounded()), maxY: PixelBox.whole(rect.maxY.rounded())
    ).intersection(drawable)
    guard !box.isEmpty else { return }
    let cellsAcross = Double(grid.columns) / rect.width
    let cellsDown = Double(grid.rows) / rect.height
    // Fine grids are sampled several times per pixel, or thin structures would flicker.
    let samples = min(max(Int(max(cellsAcross, cellsDown).rounded(.up)), 1), 8)
    for y in box.minY..<box.maxY {
      for x in box.minX..<box.maxX {
        var sum = 0.0
        var count = 0.0
        for sample in 0..<samples * samples {
          let dx = (Double(sample % samples) + 0.5) / Double(samples)
          let dy = (Double(sample / samples) + 0.5) / Double(samples)
          let value = grid.value(
            column: (Double(x) + dx - rect.x) * cellsAcross,
            row: (rect.maxY - Double(y) - dy) * cellsDown, smoothly: interpolation == .smooth)
          guard value.isFinite else { continue }
          sum += value
          count += 1
        }
        set(x, y, count > 0 ? colorMap.color(at: sum / count / maximum) : .missing)
      }
    }
  }
}
