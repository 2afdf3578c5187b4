/// The key to the colours of the heat maps.
struct ColorBar: Sendable {
  let scale: ColorScale
  let maximum: Double
  /// Whether some values are greater than the last colour says.
  let isExceeded: Bool
  var area: Rect
  let style: FigureStyle
  let ticks: Ticks

  init(scale: ColorScale, maximum: Double, isExceeded: Bool, area: Rect, style: FigureStyle) {
    self.scale = scale
    self.maximum = maximum
    self.isExceeded = isExceeded
    self.area = area
    self.style = style
    ticks = Ticks.linear(over: 0...maximum)
  }

  private var labelLeft: Double {
    style.tickLength + style.tickLabel.capHeight * 0.5
  }

  private var numbersWidth: Double { ticks.labels.map(style.tickLabel.width).max() ?? 0 }

  /// The width of the bar with its numbers and its label.
  var totalWidth: Double {
    let label = scale.label.isEmpty ? 0 : style.label.capHeight * 2
    return (area.width + labelLeft + numbersWidth + label).rounded(.up)
  }

  func draw(on canvas: inout Canvas) {
    let line = style.frameWidth
    for row in 0..<Int(area.height) {
      let value = 1 - (Double(row) + 0.5) / area.height
      canvas.fill(
        Rect(x: area.x, y: area.y + Double(row), width: area.width, height: 1),
        color: scale.map.color(at: value))
    }
    canvas.outline(area.grown(by: line / 2), color: style.frameColor, width: line)
    if isExceeded { drawTip(on: &canvas) }
    for (value, label) in zip(ticks.values, ticks.labels) {
      let y = area.maxY - value / maximum * area.height
      let snapped = min(max((y - line / 2).rounded(), area.y - line), area.maxY)
      canvas.fill(
        Rect(x: area.maxX + line, y: snapped, width: style.tickLength, height: line),
        color: style.frameColor)
      canvas.drawText(
        label, at: Point(x: area.maxX + labelLeft + line, y: snapped + line / 2),
        style: style.tickLabel, vertical: .middle)
    }
    guard !scale.label.isEmpty else { return }
    let text = style.label.shortened(scale.label, toFit: area.height)
    canvas.drawText(
      text,
      at: Point(
        x: area.maxX + labelLeft + numbersWidth + style.label.capHeight * 1.3,
        y: area.y + area.height / 2),
      style: style.label, horizontal: .center, vertical: .middle, direction: .up)
  }

  /// A pointed end: the colours go on beyond the last number.
  private func drawTip(on canvas: inout Canvas) {
    let line = style.frameWidth
    let height = (area.width * 0.6).rounded()
    let base = area.y - line
    let apex = Point(x: area.x + area.width / 2, y: base - height)
    canvas.fillTip(
      apex: apex, base: area.x...area.maxX, baseY: base, color: scale.map.color(at: 1))
    canvas.drawPolyline(
      [
        Point(x: area.x - line / 2, y: base), apex, Point(x: area.maxX + line / 2, y: base),
      ], stroke: Stroke(color: style.frameColor, width: line))
  }
}
