/// Draws one panel: its content, its frame, and the text around it.
struct PanelRenderer {
  let frame: PanelFrame
  let style: FigureStyle
  let scale: Double
  let colorMap: ColorMap
  let maximum: Double

  private var area: Rect { frame.area }

  /// Where a point of the data lies on the canvas.
  func place(_ x: Double, _ y: Double) -> Point {
    let window = frame.window
    return Point(
      x: area.x + (x - window.x.lowerBound) / window.width * area.width,
      y: area.maxY - (y - window.y.lowerBound) / window.height * area.height)
  }

  func draw(on canvas: inout Canvas) {
    canvas.clip = area
    canvas.fill(area, color: frame.panel.background)
    switch frame.panel.content {
    case .plane(_, let layers):
      for layer in layers { draw(layer, on: &canvas) }
    case .chart(let chart):
      ChartRenderer(chart: chart, panel: self, style: style, scale: scale).draw(on: &canvas)
    }
    canvas.clip = nil
    drawAxes(on: &canvas)
    drawTexts(on: &canvas)
  }

  private func draw(_ layer: Layer, on canvas: inout Canvas) {
    switch layer {
    case .heatMap(let grid, let interpolation):
      let window = grid.window ?? frame.window
      let low = place(window.x.lowerBound, window.y.lowerBound)
      let high = place(window.x.upperBound, window.y.upperBound)
      canvas.drawHeatMap(
        grid, in: Rect(x: low.x, y: high.y, width: high.x - low.x, height: low.y - high.y),
        interpolation: interpolation, maximum: maximum, colorMap: colorMap)
    case .points(let cloud):
      for (x, y) in zip(cloud.x, cloud.y) where x.isFinite && y.isFinite {
        canvas.fillCircle(
          center: place(Double(x), Double(y)), radius: cloud.radius * scale, color: cloud.color,
          opacity: cloud.opacity)
      }
    case .lines(let family):
      draw(family.lines, stroke: family.stroke, on: &canvas)
    case .contours(let grid, let levels, let stroke):
      for level in levels {
        draw(
          Contours.lines(in: grid, level: level, window: frame.window), stroke: stroke, on: &canvas)
      }
    }
  }

  private func draw(_ lines: [[Point]], stroke: Stroke, on canvas: inout Canvas) {
    let scaled = stroke.scaled(by: scale)
    for line in lines { canvas.drawPolyline(line.map { place($0.x, $0.y) }, stroke: scaled) }
  }

  private func drawAxes(on canvas: inout Canvas) {
    let line = style.frameWidth
    canvas.outline(area.grown(by: line / 2), color: style.frameColor, width: line)
    for (value, label) in zip(frame.xTicks.values, frame.xTicks.labels) {
      let x = snapped(place(value, 0).x, from: area.x, to: area.maxX)
      canvas.fill(
        Rect(x: x, y: area.maxY + line, width: line, height: style.tickLength),
        color: style.frameColor)
      canvas.drawText(
        label,
        at: Point(
          x: x + line / 2,
          y: area.maxY + line + style.tickLength + style.tickLabel.capHeight * 0.55),
        style: style.tickLabel, horizontal: .center, vertical: .top)
    }
    for (value, label) in zip(frame.yTicks.values, frame.yTicks.labels) {
      let y = drawYTick(at: value, length: style.tickLength, on: &canvas)
      canvas.drawText(
        label,
        at: Point(x: area.x - line - style.tickLength - style.tickLabel.capHeight * 0.45, y: y),
        style: style.tickLabel, horizontal: .trailing, vertical: .middle)
    }
    for value in frame.yTicks.minor {
      _ = drawYTick(at: value, length: (style.tickLength / 2).rounded(), on: &canvas)
    }
  }

  private func drawYTick(at value: Double, length: Double, on canvas: inout Canvas) -> Double {
    let line = style.frameWidth
    let y = snapped(place(0, value).y, from: area.y, to: area.maxY)
    canvas.fill(
      Rect(x: area.x - line - length, y: y, width: length, height: line),
      color: style.frameColor)
    return y + line / 2
  }

  /// Moves a tick to whole pixels; one at the end of an axis continues the frame.
  func snapped(_ position: Double, from low: Double, to high: Double) -> Double {
    let line = style.frameWidth
    if position < low + 0.75 { return low - line }
    if position > high - 0.75 { return high }
    return (position - line / 2).rounded()
  }

  private func drawTexts(on canvas: inout Canvas) {
    let title = style.panelTitle.shortened(frame.panel.title, toFit: area.width)
    canvas.drawText(
      title, at: Point(x: area.x, y: area.y - style.panelTitle.capHeight * 0.75),
      style: style.panelTitle)
    let xLabel = style.label.shortened(frame.panel.xLabel, toFit: area.width)
    canvas.drawText(
      xLabel,
      at: Point(
        x: area.x + area.width / 2,
        y: area.maxY + style.tickLength + style.tickLabel.capHeight * 1.6
          + style.label.capHeight * 0.75),
      style: style.label, horizontal: .center, vertical: .top)
    let yLabel = style.label.shortened(frame.panel.yLabel, toFit: area.height)
    canvas.drawText(
      yLabel,
      at: Point(
        x: area.x - FigureLayout.leftRoom(frame, style) + style.label.capHeight * 0.5,
        y: area.y + area.height / 2),
      style: style.label, horizontal: .center, vertical: .middle, direction: .up)
  }
}
