/// Draws the inside of a panel with curves: lines behind, the curves, and the legend.
struct ChartRenderer {
  let chart: LineChart
  let panel: PanelRenderer
  let style: FigureStyle
  let scale: Double

  private var area: Rect { panel.frame.area }

  func draw(on canvas: inout Canvas) {
    drawLinesBehind(on: &canvas)
    let curves = chart.series.map { curve in
      zip(curve.x, curve.y).map { panel.place($0, chart.height($1)) }
    }
    for (index, points) in curves.enumerated() {
      let curve = chart.series[index]
      canvas.drawPolyline(
        points,
        stroke: Stroke(
          color: color(of: index), width: curve.lineWidth * scale, opacity: curve.opacity))
    }
    drawLegend(avoiding: curves, on: &canvas)
  }

  private func color(of index: Int) -> Color {
    chart.series[index].color ?? Color.series[index % Color.series.count]
  }

  private func drawLinesBehind(on canvas: inout Canvas) {
    let line = style.frameWidth
    for value in panel.frame.xTicks.values {
      let x = panel.snapped(panel.place(value, 0).x, from: area.x, to: area.maxX)
      canvas.fill(
        Rect(x: x, y: area.y, width: line, height: area.height), color: .hairline)
    }
    for value in panel.frame.yTicks.values {
      let y = panel.snapped(panel.place(0, value).y, from: area.y, to: area.maxY)
      canvas.fill(
        Rect(x: area.x, y: y, width: area.width, height: line), color: .hairline)
    }
  }

  private func drawLegend(avoiding curves: [[Point]], on canvas: inout Canvas) {
    let entries = chart.series.indices.filter { !chart.series[$0].name.isEmpty }
    guard !entries.isEmpty else { return }
    let text = style.label
    let pad = text.capHeight * 0.9
    let sample = text.capHeight * 2
    let names = entries.map {
      text.shortened(chart.series[$0].name, toFit: area.width * 0.6)
    }
    let width = (names.map(text.width).max() ?? 0) + sample + pad * 2.7
    let height =
      Double(entries.count - 1) * text.lineHeight + text.capHeight + pad * 1.8
    let box = emptiestCorner(width: width, height: height, curves: curves)
    canvas.fill(box, color: panel.frame.panel.background, opacity: 0.88)
    canvas.outline(
      box.grown(by: -style.frameWidth / 2), color: Color(0xD3D7DD), width: style.frameWidth)
    for (row, index) in entries.enumerated() {
      let middle =
        box.y + pad * 0.9 + text.capHeight / 2 + Double(row) * text.lineHeight
      let left = box.x + pad
      canvas.drawLine(
        from: Point(x: left, y: middle.rounded()),
        to: Point(x: left + sample, y: middle.rounded()),
        stroke: Stroke(
          color: color(of: index), width: max(chart.series[index].lineWidth, 2) * scale))
      canvas.drawText(
        names[row], at: Point(x: left + sample + pad * 0.7, y: middle), style: text,
        vertical: .middle)
    }
  }

  /// Chooses the corner where the legend hides the least of the curves.
  private func emptiestCorner(width: Double, height: Double, curves: [[Point]]) -> Rect {
    let inset = style.label.capHeight
    let left = (area.x + inset).rounded()
    let right = (area.maxX - inset - width).rounded()
    let top = (area.y + inset).rounded()
    let bottom = (area.maxY - inset - height).rounded()
    let corners = [(right, top), (left, top), (right, bottom), (left, bottom)].map {
      Rect(x: $0.0, y: $0.1, width: width.rounded(), height: height.rounded())
    }
    let hidden = corners.map { corner in
      curves.reduce(0.0) { $0 + length(of: $1, inside: corner.grown(by: inset / 2)) }
    }
    let best = hidden.indices.min { (hidden[$0], $0) < (hidden[$1], $1) } ?? 0
    return corners[best]
  }

  /// The length of the part of a curve that lies in a rectangle, roughly.
  private func length(of points: [Point], inside rect: Rect) -> Double {
    var total = 0.0
    for (start, end) in zip(points, points.dropFirst()) {
      let distance =
        ((end.x - start.x) * (end.x - start.x) + (end.y - start.y) * (end.y - start.y))
        .squareRoot()
      guard distance.isFinite else { continue }
      let steps = Int(min(max(distance / 4, 1), 200))
      let hits = (0..<steps).filter { step in
        let t = (Double(step) + 0.5) / Double(steps)
        let x = start.x + (end.x - start.x) * t
        let y = start.y + (end.y - start.y) * t
        return x >= rect.x && x <= rect.maxX && y >= rect.y && y <= rect.maxY
      }
      total += distance * Double(hits.count) / Double(steps)
    }
    return total
  }
}
