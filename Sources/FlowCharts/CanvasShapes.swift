extension Canvas {
  /// Fills a rectangle; edges between pixels are drawn with partial coverage.
  public mutating func fill(_ rect: Rect, color: Color, opacity: Double = 1) {
    guard rect.width > 0, rect.height > 0, opacity > 0 else { return }
    let box = PixelBox(coveringX: rect.x...rect.maxX, y: rect.y...rect.maxY)
      .intersection(drawable)
    guard !box.isEmpty else { return }
    for y in box.minY..<box.maxY {
      let vertical = min(Double(y + 1), rect.maxY) - max(Double(y), rect.y)
      for x in box.minX..<box.maxX {
        let horizontal = min(Double(x + 1), rect.maxX) - max(Double(x), rect.x)
        let coverage = vertical * horizontal * opacity
        if coverage >= 1 {
          set(x, y, color)
        } else {
          blend(x, y, color, opacity: Float(coverage))
        }
      }
    }
  }

  /// Draws the outline of a rectangle, with the stroke centred on its edges.
  public mutating func outline(_ rect: Rect, color: Color, width: Double = 1) {
    let outer = rect.grown(by: width / 2)
    let inner = rect.grown(by: -width / 2)
    fill(Rect(x: outer.x, y: outer.y, width: outer.width, height: width), color: color)
    fill(Rect(x: outer.x, y: inner.maxY, width: outer.width, height: width), color: color)
    fill(Rect(x: outer.x, y: inner.y, width: width, height: inner.height), color: color)
    fill(Rect(x: inner.maxX, y: inner.y, width: width, height: inner.height), color: color)
  }

  /// Fills a circle; overlapping circles with partial opacity grow darker, as scatter plots need.
  public mutating func fillCircle(
    center: Point, radius: Double, color: Color, opacity: Double = 1
  ) {
    guard center.x.isFinite, center.y.isFinite, radius > 0, opacity > 0 else { return }
    let box = PixelBox(
      coveringX: center.x - radius - 0.5...center.x + radius + 0.5,
      y: center.y - radius - 0.5...center.y + radius + 0.5
    ).intersection(drawable)
    guard !box.isEmpty else { return }
    for y in box.minY..<box.maxY {
      for x in box.minX..<box.maxX {
        let dx = Double(x) + 0.5 - center.x
        let dy = Double(y) + 0.5 - center.y
        let coverage =
          radius < 1.5
          ? Canvas.sampledCoverage(dx: dx, dy: dy, radius: radius)
          : min(max(radius + 0.5 - (dx * dx + dy * dy).squareRoot(), 0), 1)
        if coverage > 0 { blend(x, y, color, opacity: Float(coverage * opacity)) }
      }
    }
  }

  /// Fills a triangle whose base is level, as the tip of a colour bar is.
  mutating func fillTip(apex: Point, base: ClosedRange<Double>, baseY: Double, color: Color) {
    let box = PixelBox(
      coveringX: base, y: min(apex.y, baseY)...max(apex.y, baseY)
    ).intersection(drawable)
    guard !box.isEmpty else { return }
    for y in box.minY..<box.maxY {
      let fraction = (Double(y) + 0.5 - apex.y) / (baseY - apex.y)
      guard fraction > 0, fraction <= 1 else { continue }
      let left = apex.x + (base.lowerBound - apex.x) * fraction
      let right = apex.x + (base.upperBound - apex.x) * fraction
      for x in box.minX..<box.maxX {
        let coverage = min(Double(x + 1), right) - max(Double(x), left)
        if coverage > 0 { blend(x, y, color, opacity: Float(min(coverage, 1))) }
      }
    }
  }

  /// Counts the hits of a fine raster, because the distance rule is wrong for tiny circles.
  private static func sampledCoverage(dx: Double, dy: Double, radius: Double) -> Double {
    var hits = 0
    for row in 0..<4 {
      for column in 0..<4 {
        let x = dx + (Double(column) - 1.5) / 4
        let y = dy + (Double(row) - 1.5) / 4
        if x * x + y * y <= radius * radius { hits += 1 }
      }
    }
    return Double(hits) / 16
  }
}
