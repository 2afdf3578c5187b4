/// The places of all parts of a pair plot, in pixels.
struct PairPlotLayout {
  /// One entry of the legend.
  struct Entry {
    let text: String
    let color: Color
    /// The middle of its mark.
    let mark: Point
  }

  let scale: Double
  let title: TextStyle
  let label: TextStyle
  let tickLabel: TextStyle
  let caption: TextStyle
  let line: Double
  let tickLength: Double
  /// The side of a panel.
  let cell: Double
  private let gap: Double
  /// The top left corner of all panels.
  private let corner: Point
  let ticks: [Ticks]
  /// The same with fewer labels where they would touch each other side by side.
  let levelTicks: [Ticks]
  let titleLines: [String]
  let captionLines: [String]
  let titleTop: Double
  let captionTop: Double
  /// Where the names of the vertical axes stand.
  let nameX: Double
  /// Where the names of the horizontal axes stand.
  let nameY: Double
  let textX: Double
  let legend: [Entry]
  let width: Double
  let height: Double

  init(_ plot: PairPlot, scale: Double) {
    let count = plot.names.count
    let side: Double =
      switch count {
      case 1: 420
      case 2: 300
      case 3: 240
      case 4: 210
      case 5, 6: 180
      case 7, 8: 160
      default: 132
      }
    let cell = (side * scale).rounded()
    let gap = (10 * scale).rounded()
    let margin = (28 * scale).rounded()
    let title = TextStyle(capHeight: 19 * scale, weight: TextStyle.bold)
    let label = TextStyle(capHeight: 13 * scale)
    let tickLabel = TextStyle(capHeight: 10.5 * scale, color: Color(0x444A54))
    let caption = TextStyle(capHeight: 11.5 * scale, color: .faintInk)
    let tickLength = max(2, (5 * scale).rounded())
    let about = side < 170 ? 3 : 4
    let ticks = plot.ranges.map { range in
      PanelFrame.ticks(over: range, about: about, length: cell) { _ in tickLabel.capHeight * 1.8 }
    }
    levelTicks = plot.ranges.map { range in
      PanelFrame.ticks(over: range, about: about, length: cell) {
        tickLabel.width(of: $0) + tickLabel.capHeight * 1.3
      }
    }
    func room(_ columns: some Sequence<Int>) -> Double {
      let widest = columns.flatMap { ticks[$0].labels }.map(tickLabel.width).max() ?? 0
      return widest > 0 ? (widest + tickLength + tickLabel.capHeight * 0.9).rounded(.up) : 0
    }
    let left = margin + (label.capHeight * 2).rounded() + (count > 1 ? room(1..<count) : 0)
    let panels = Double(count) * cell + Double(count - 1) * gap
    let right = left + panels + (count > 1 ? room([0]) : 0)
    // So narrow a picture would break its title and caption into many lines.
    width = max((right + margin).rounded(.up), (520 * scale).rounded())
    textX = left
    let textWidth = width - margin - left
    titleLines = title.lines(of: plot.title, fitting: textWidth)
    captionLines = caption.lines(of: plot.caption, fitting: textWidth)

    titleTop = margin
    var y = margin
    if !titleLines.isEmpty {
      y += Double(titleLines.count - 1) * title.lineHeight + title.capHeight * 2
    }
    legend = PairPlotLayout.legend(plot, label, from: Point(x: left, y: y), width: textWidth)
    y = (legend.last?.mark.y ?? y) + label.capHeight * 1.6
    corner = Point(x: left, y: y.rounded())
    nameX = margin + label.capHeight / 2
    y = corner.y + panels + tickLength + tickLabel.capHeight * 1.6
    nameY = y + label.capHeight * 0.75
    captionTop = nameY + label.capHeight + caption.capHeight * 1.6
    y = nameY + label.capHeight
    if !captionLines.isEmpty {
      y = captionTop + Double(captionLines.count - 1) * caption.lineHeight + caption.capHeight
    }
    height = (y + margin).rounded(.up)
    line = max(1, scale.rounded())
    (self.scale, self.cell, self.gap, self.ticks) = (scale, cell, gap, ticks)
    (self.title, self.label, self.tickLabel, self.caption) = (title, label, tickLabel, caption)
    self.tickLength = tickLength
  }

  /// The panel in a row and a column, both from 0.
  func area(row: Int, column: Int) -> Rect {
    Rect(
      x: corner.x + Double(column) * (cell + gap), y: corner.y + Double(row) * (cell + gap),
      width: cell, height: cell)
  }

  /// The entries side by side, or where there is no room one below the other.
  private static func legend(
    _ plot: PairPlot, _ style: TextStyle, from start: Point, width: Double
  ) -> [Entry] {
    func text(_ group: PairPlot.Group, _ place: String) -> String {
      let rows = NumberText.fixed(Double(group.count), decimals: 0)
      return "\(group.name)\(plot.names.count > 1 ? " \(place) the diagonal" : "") (\(rows) rows)"
    }
    let texts = [text(plot.below, "below"), text(plot.above, "above")]
    let colors = [plot.below.color, plot.above.color]
    let step = style.width(of: texts[0]) + style.capHeight * 4.5
    let fits = step + style.width(of: texts[1]) + style.capHeight * 1.5 <= width
    return texts.indices.map { index in
      let across = fits ? step * Double(index) : 0
      let down = fits ? 0 : style.lineHeight * Double(index)
      return Entry(
        text: texts[index], color: colors[index],
        mark: Point(
          x: start.x + style.capHeight / 2 + across, y: start.y + style.capHeight / 2 + down))
    }
  }
}
