/// Where a panel stands, and what its axes say.
struct PanelFrame: Sendable {
  var panel: Panel
  /// The data area, on whole pixels.
  var area: Rect
  var window: Window
  var xTicks: Ticks
  /// Ticks of the vertical axis, at heights as they are drawn.
  var yTicks: Ticks

  /// Makes a frame of the right size at the origin.
  init(_ panel: Panel, style: FigureStyle) {
    self.panel = panel
    window = panel.drawnWindow
    area = Rect(
      x: 0, y: 0, width: (style.panelSize * panel.aspect).rounded(), height: style.panelSize)
    let text = style.tickLabel
    xTicks = PanelFrame.ticks(
      over: window.x, about: Int((5 * panel.aspect).rounded()), length: area.width
    ) { text.width(of: $0) + text.capHeight * 1.3 }
    guard case .chart(let chart) = panel.content, chart.yScale == .logarithmic else {
      yTicks = PanelFrame.ticks(over: window.y, about: 5, length: area.height) { _ in
        text.capHeight * 1.8
      }
      return
    }
    let range =
      ElementaryMath.power(
        10, window.y.lowerBound)...ElementaryMath.power(
        10, window.y.upperBound)
    yTicks = Ticks.logarithmic(over: range)
    yTicks.values = yTicks.values.map(ElementaryMath.log10)
    yTicks.minor = yTicks.minor.map(ElementaryMath.log10)
  }

  /// Chooses as many ticks as wished, or fewer if their labels would touch each other.
  static func ticks(
    over range: ClosedRange<Double>, about count: Int, length: Double,
    roomFor: (String) -> Double
  ) -> Ticks {
    var ticks = Ticks.linear(over: range, about: max(2, count))
    for fewer in stride(from: max(2, count) - 1, through: 1, by: -1) {
      let extent = range.upperBound - range.lowerBound
      let room = ticks.labels.map(roomFor).max() ?? 0
      let distances = zip(ticks.values, ticks.values.dropFirst()).map {
        ($1 - $0) / extent * length
      }
      if distances.allSatisfy({ $0 >= room }) { break }
      ticks = Ticks.linear(over: range, about: fewer)
    }
    return ticks
  }
}

/// The places of all parts of a figure, in pixels.
struct FigureLayout {
  let style: FigureStyle
  let maximum: Double
  private(set) var frames: [PanelFrame]
  private(set) var colorBar: ColorBar?
  private(set) var width: Double
  private(set) var height: Double
  private(set) var contentLeft: Double
  let titleTop: Double
  private(set) var titleLines: [String]
  private(set) var captionTop: Double
  private(set) var captionLines: [String]

  init(_ figure: Figure, scale: Double) {
    let style = figure.style.scaled(by: scale)
    let grids = figure.panels.flatMap(\.heatMaps)
    let maximum = figure.colorScale.resolvedMaximum(for: grids)
    var frames = figure.panels.map { PanelFrame($0, style: style) }
    let lastHeatMap = figure.panels.lastIndex { !$0.heatMaps.isEmpty }

    var x = style.margin
    var colorBar: ColorBar?
    for index in frames.indices {
      x += FigureLayout.leftRoom(frames[index], style)
      frames[index].area.x = x
      x += frames[index].area.width
      var room = FigureLayout.overhang(frames[index], style)
      if index == lastHeatMap {
        x += (24 * scale).rounded()
        let bar = ColorBar(
          scale: figure.colorScale, maximum: maximum,
          isExceeded: grids.contains { ($0.quantile(1) ?? 0) > maximum * (1 + 1e-6) },
          area: Rect(x: x, y: 0, width: (20 * scale).rounded(), height: style.panelSize),
          style: style)
        x += bar.totalWidth
        colorBar = bar
        room = 0
      }
      x += index == frames.indices.last ? room : max(style.gap, room + style.gap / 2)
    }
    width = max((x + style.margin).rounded(.up), (320 * scale).rounded())
    contentLeft = frames.first?.area.x ?? style.margin
    // Titles and captions begin where the first frame begins.
    let textWidth = width - style.margin - contentLeft
    titleLines = style.title.lines(of: figure.title, fitting: textWidth)
    captionLines = style.caption.lines(of: figure.caption, fitting: textWidth)

    var y = style.margin
    titleTop = y
    if !titleLines.isEmpty {
      y += Double(titleLines.count - 1) * style.title.lineHeight + style.title.capHeight
      y += style.title.capHeight * 1.25
    }
    if frames.contains(where: { !$0.panel.title.isEmpty }) {
      y += style.panelTitle.capHeight * 1.75
    }
    let top = y.rounded()
    for index in frames.indices { frames[index].area.y = top }
    colorBar?.area.y = top
    if !frames.isEmpty {
      y = top + style.panelSize + style.tickLength + style.tickLabel.capHeight * 1.6
      if frames.contains(where: { !$0.panel.xLabel.isEmpty }) { y += style.label.capHeight * 1.75 }
    }
    captionTop = y + style.caption.capHeight * 1.7
    if !captionLines.isEmpty {
      y = captionTop + Double(captionLines.count - 1) * style.caption.lineHeight
      y += style.caption.capHeight + style.caption.descent * 0.5
    }
    height = (y + style.margin).rounded(.up)
    self.style = style
    self.maximum = maximum
    self.frames = frames
    self.colorBar = colorBar
  }

  /// The room for the numbers and the name of the vertical axis.
  static func leftRoom(_ frame: PanelFrame, _ style: FigureStyle) -> Double {
    let numbers = frame.yTicks.labels.map(style.tickLabel.width).max() ?? 0
    let name = frame.panel.yLabel.isEmpty ? 0 : style.label.capHeight * 2
    return (style.tickLength + style.tickLabel.capHeight * 0.6 + numbers + name).rounded(.up)
  }

  /// How far the last number of the horizontal axis reaches beyond the data area.
  private static func overhang(_ frame: PanelFrame, _ style: FigureStyle) -> Double {
    guard let value = frame.xTicks.values.last, let label = frame.xTicks.labels.last else {
      return 0
    }
    let rest = (frame.window.x.upperBound - value) / frame.window.width * frame.area.width
    return max(0, style.tickLabel.width(of: label) / 2 - rest)
  }
}
