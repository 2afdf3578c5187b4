/// Draws a pair plot.
struct PairPlotRenderer {
  private static let frameColor = Color(0x5C636E)

  let plot: PairPlot
  let layout: PairPlotLayout

  private var count: Int { plot.names.count }

  init(_ plot: PairPlot, _ layout: PairPlotLayout) {
    self.plot = plot
    self.layout = layout
  }

  func render() -> Canvas {
    var canvas = Canvas(width: Int(layout.width), height: Int(layout.height))
    drawLines(layout.titleLines, from: layout.titleTop, layout.title, on: &canvas)
    drawLegend(on: &canvas)
    let below = plot.drawnRows(plot.below)
    let above = plot.drawnRows(plot.above)
    for row in 0..<count {
      for column in 0..<count {
        let area = layout.area(row: row, column: column)
        canvas.clip = area
        if row == column {
          drawHistograms(of: column, in: area, on: &canvas)
        } else {
          drawGrid(row: row, column: column, in: area, on: &canvas)
          let group = row > column ? plot.below : plot.above
          drawPoints(
            group, row > column ? below : above, x: column, y: row, in: area, on: &canvas)
        }
        canvas.clip = nil
        canvas.outline(
          area.grown(by: layout.line / 2), color: Self.frameColor, width: layout.line)
      }
    }
    for column in 0..<count { drawHorizontalAxis(of: column, on: &canvas) }
    for row in 0..<count { drawVerticalAxis(of: row, on: &canvas) }
    drawLines(layout.captionLines, from: layout.captionTop, layout.caption, on: &canvas)
    return canvas
  }

  /// Where a value of a column stands on an axis, as a share of its length.
  private func share(_ value: Double, _ column: Int) -> Double {
    let range = plot.ranges[column]
    return (value - range.lowerBound) / (range.upperBound - range.lowerBound)
  }

  private func drawPoints(
    _ group: PairPlot.Group, _ rows: [Int], x: Int, y: Int, in area: Rect,
    on canvas: inout Canvas
  ) {
    let (xs, ys) = (group.columns[x], group.columns[y])
    // Few points are drawn strongly; many would fill the panel with one colour.
    let opacity = min(0.8, max(0.3, 450 / Double(max(1, rows.count))))
    for row in rows where xs[row].isFinite && ys[row].isFinite {
      let (across, up) = (share(Double(xs[row]), x), share(Double(ys[row]), y))
      guard abs(across) < 2, abs(up) < 2 else { continue }
      canvas.fillCircle(
        center: Point(x: area.x + across * area.width, y: area.maxY - up * area.height),
        radius: 1.3 * layout.scale, color: group.color, opacity: opacity)
    }
  }

  private func drawHistograms(of column: Int, in area: Rect, on canvas: inout Canvas) {
    let bins = count > 4 ? 32 : 44
    let filled = plot.histogram(plot.below, column, bins: bins)
    let outlined = plot.histogram(plot.above, column, bins: bins)
    let highest = max(filled.max() ?? 0, outlined.max() ?? 0, 1e-12) * 1.08
    let width = area.width / Double(bins)
    func top(_ value: Double) -> Double { area.maxY - value / highest * area.height }
    for (bin, value) in filled.enumerated() where value > 0 {
      let left = area.x + Double(bin) * width
      canvas.fill(
        Rect(x: left, y: top(value), width: width, height: area.maxY - top(value)),
        color: plot.below.color, opacity: 0.45)
    }
    var steps: [Point] = []
    for (bin, value) in outlined.enumerated() {
      let left = area.x + Double(bin) * width
      steps.append(Point(x: left, y: top(value)))
      steps.append(Point(x: left + width, y: top(value)))
    }
    canvas.drawPolyline(
      steps, stroke: Stroke(color: plot.above.color, width: 1.8 * layout.scale))
  }

  private func drawGrid(row: Int, column: Int, in area: Rect, on canvas: inout Canvas) {
    for value in layout.levelTicks[column].values {
      let x = (area.x + share(value, column) * area.width - layout.line / 2).rounded()
      canvas.fill(
        Rect(x: x, y: area.y, width: layout.line, height: area.height), color: .hairline)
    }
    for value in layout.ticks[row].values {
      let y = (area.maxY - share(value, row) * area.height - layout.line / 2).rounded()
      canvas.fill(Rect(x: area.x, y: y, width: area.width, height: layout.line), color: .hairline)
    }
  }

  private func drawHorizontalAxis(of column: Int, on canvas: inout Canvas) {
    let area = layout.area(row: count - 1, column: column)
    let (ticks, style) = (layout.levelTicks[column], layout.tickLabel)
    for (value, label) in zip(ticks.values, ticks.labels) {
      let middle = area.x + share(value, column) * area.width
      canvas.fill(
        Rect(
          x: (middle - layout.line / 2).rounded(), y: area.maxY + layout.line, width: layout.line,
          height: layout.tickLength), color: Self.frameColor)
      // A label that reaches into the next panel would run into its labels.
      let half = style.width(of: label) / 2
      let place = min(max(middle, area.x + half - 3), area.maxX - half + 3)
      guard count == 1 || abs(place - middle) <= half * 0.6 else { continue }
      canvas.drawText(
        label,
        at: Point(
          x: place, y: area.maxY + layout.line + layout.tickLength + style.capHeight * 0.5),
        style: style, horizontal: .center, vertical: .top)
    }
    canvas.drawText(
      layout.label.shortened(plot.names[column], toFit: area.width),
      at: Point(x: area.x + area.width / 2, y: layout.nameY), style: layout.label,
      horizontal: .center, vertical: .top)
  }

  /// The axis of a row of panels: at its left, and that of the first row, which has no panel of points
  /// there, at its right.
  private func drawVerticalAxis(of row: Int, on canvas: inout Canvas) {
    let first = layout.area(row: row, column: 0)
    canvas.drawText(
      layout.label.shortened(count == 1 ? "density" : plot.names[row], toFit: first.height),
      at: Point(x: layout.nameX, y: first.y + first.height / 2), style: layout.label,
      horizontal: .center, vertical: .middle, direction: .up)
    guard count > 1 else { return }
    let isLeft = row > 0
    let area = isLeft ? first : layout.area(row: row, column: count - 1)
    let style = layout.tickLabel
    let reach = layout.line + layout.tickLength
    let space = style.capHeight * 0.45
    for (value, label) in zip(layout.ticks[row].values, layout.ticks[row].labels) {
      let y = area.maxY - share(value, row) * area.height
      canvas.fill(
        Rect(
          x: isLeft ? area.x - reach : area.maxX + layout.line,
          y: (y - layout.line / 2).rounded(), width: layout.tickLength, height: layout.line),
        color: Self.frameColor)
      let half = style.capHeight / 2
      let place = min(max(y, area.y + half - 2), area.maxY - half + 2)
      canvas.drawText(
        label, at: Point(x: isLeft ? area.x - reach - space : area.maxX + reach + space, y: place),
        style: style, horizontal: isLeft ? .trailing : .leading, vertical: .middle)
    }
  }

  private func drawLegend(on canvas: inout Canvas) {
    for entry in layout.legend {
      canvas.fillCircle(
        center: entry.mark, radius: layout.label.capHeight * 0.5, color: entry.color)
      canvas.drawText(
        entry.text, at: Point(x: entry.mark.x + layout.label.capHeight, y: entry.mark.y),
        style: layout.label, vertical: .middle)
    }
  }

  private func drawLines(
    _ lines: [String], from top: Double, _ style: TextStyle, on canvas: inout Canvas
  ) {
    for (index, line) in lines.enumerated() {
      canvas.drawText(
        line, at: Point(x: layout.textX, y: top + Double(index) * style.lineHeight), style: style,
        vertical: .top)
    }
  }
}
