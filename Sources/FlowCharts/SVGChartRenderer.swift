/// Writes a chart as SVG: axes behind, then the backdrop, the series, and the names.
struct SVGChartRenderer {
  private let chart: SVGChart
  private let key: SVGKey
  private let x: SVGAxis
  private let y: SVGAxis
  private let area: Rect
  private let height: Double

  init(_ chart: SVGChart) {
    self.chart = chart
    key = SVGKey(chart)
    var xs: [Double] = []
    var ys: [Double] = []
    for series in chart.series {
      switch series.mark {
      case .bars(let width):
        xs += series.x.flatMap { [$0 - width / 2, $0 + width / 2] }
        ys += series.y + [0]
      case .band(let lower):
        xs += series.x
        ys += series.y + lower
      default:
        xs += series.x
        ys += series.y
      }
    }
    if let window = chart.backdrop?.grid.window {
      xs += [window.x.lowerBound, window.x.upperBound]
      ys += [window.y.lowerBound, window.y.upperBound]
    }
    let isMap = chart.backdrop != nil
    x = SVGAxis(
      chart.x, values: xs, room: 0, count: max(3, Int(chart.width * 0.85 / 72)))
    y = SVGAxis(
      chart.y, values: ys, room: isMap ? 0 : 0.05,
      count: max(3, Int(chart.width * chart.aspect * 0.85 / 48)))
    let widest = y.ticks.labels.map { SVGKey.width(of: $0) }.max() ?? 0
    let left = (widest + 12).rounded()
    // The last number below the axis may reach beyond its end.
    let overhang = x.ticks.labels.last.map { SVGKey.width(of: $0) / 2 + 1 } ?? 0
    let right = max(key.directWidth, overhang, 14)
    let top =
      Double(key.rows.count) * SVGKey.lineHeight + (key.rows.isEmpty ? 0 : 6)
      + (chart.y.label.isEmpty ? 8 : SVGKey.lineHeight + 8)
    let width = max(chart.width - left - right, chart.width * 0.3)
    area = Rect(
      x: left, y: top, width: width.rounded(), height: (width * chart.aspect).rounded())
    height = area.maxY + 24 + (chart.x.label.isEmpty ? 0 : SVGKey.lineHeight)
  }

  var html: HTML {
    HTML(
      "svg",
      [
        "class": "chart", "role": "img", "aria-label": chart.description,
        "viewBox": "0 0 \(number(chart.width)) \(number(height))",
      ]
    ) {
      names
      grid
      content
      axes
      endLabels
    }
  }

  private func number(_ value: Double) -> String { SVGPath.number(value) }

  private func place(_ px: Double, _ py: Double) -> Point {
    Point(x: x.share(px) * area.width, y: (1 - y.share(py)) * area.height)
  }

  // MARK: - Around the content

  private func text(
    _ content: String, _ name: String, _ px: Double, _ py: Double, anchor: String? = nil
  ) -> HTML {
    HTML(
      "text", ["class": name, "x": number(px), "y": number(py), "text-anchor": anchor]
    ) { content }
  }

  private var names: HTML {
    var pieces: [HTML] = []
    for (row, entries) in key.rows.enumerated() {
      let middle = Double(row) * SVGKey.lineHeight + 9
      for (left, series) in entries {
        pieces.append(sample(of: series, left: left, middle: middle))
        pieces.append(text(series.name, "key", left + 24, middle + 4))
      }
    }
    if !chart.y.label.isEmpty {
      pieces.append(text(chart.y.label, "name", 0, area.y - 13))
    }
    if !chart.x.label.isEmpty {
      pieces.append(text(chart.x.label, "name", area.maxX, height - 4, anchor: "end"))
    }
    return HTML(pieces)
  }

  private func sample(of series: SVGChart.Series, left: Double, middle: Double) -> HTML {
    let paint = series.paint.name
    switch series.mark {
    case .bars, .band:
      let name = if case .bars = series.mark { "bar" } else { "band" }
      return HTML(
        "rect",
        [
          "class": "\(name) \(paint)", "x": number(left), "y": number(middle - 5), "width": "18",
          "height": "10",
        ])
    case .points(let radius, _):
      return HTML(
        "circle",
        [
          "class": "dot \(paint)", "cx": number(left + 9), "cy": number(middle),
          "r": number(max(radius, 2.5)),
        ])
    case .line, .dashes, .dots, .marks:
      return curve(
        "M\(number(left)) \(number(middle))h18", series.mark, paint: paint, minimum: 2)
    }
  }

  private var grid: HTML {
    let across = y.ticks.values.map { value in
      "M\(number(area.x)) \(number(area.y + place(0, value).y))h\(number(area.width))"
    }
    let down = x.ticks.values.map { value in
      "M\(number(area.x + place(value, 0).x)) \(number(area.y))v\(number(area.height))"
    }
    return HTML("path", ["class": "grid", "d": (across + down).joined()])
  }

  private var axes: HTML {
    var pieces = [
      HTML(
        "path",
        ["class": "axis", "d": "M\(number(area.x)) \(number(area.maxY))h\(number(area.width))"])
    ]
    for (value, label) in zip(x.ticks.values, x.ticks.labels) {
      pieces.append(
        text(label, "tick", area.x + place(value, 0).x, area.maxY + 17, anchor: "middle"))
    }
    for (value, label) in zip(y.ticks.values, y.ticks.labels) {
      pieces.append(
        text(label, "tick", area.x - 7, area.y + place(0, value).y + 4, anchor: "end"))
    }
    return HTML(pieces)
  }

  private var endLabels: HTML {
    let labels = key.direct.compactMap { series in
      SVGKey.end(of: series).map { end in
        SVGKey.EndLabel(name: series.name, paint: series.paint, y: place(end.x, end.y).y)
      }
    }.filter { $0.y.isFinite }
    let placed = SVGKey.spread(labels, from: 4, to: area.height - 2)
    return HTML(
      placed.map {
        text($0.name, "label \($0.paint.name)", area.maxX + 8, area.y + $0.y + 4)
      })
  }

  // MARK: - The content

  private static let overhang = 5.0

  private var content: HTML {
    let isEmpty =
      chart.backdrop == nil
      && chart.series.allSatisfy { series in
        !zip(series.x, series.y).contains { place($0, $1).x.isFinite && place($0, $1).y.isFinite }
      }
    if isEmpty {
      return text(
        "nothing to show", "none", area.x + area.width / 2, area.y + area.height / 2,
        anchor: "middle")
    }
    let overhang = SVGChartRenderer.overhang
    return HTML(
      "svg",
      [
        "x": number(area.x - overhang), "y": number(area.y - overhang),
        "width": number(area.width + 2 * overhang), "height": number(area.height + 2 * overhang),
        "viewBox": [-overhang, -overhang, area.width + 2 * overhang, area.height + 2 * overhang]
          .map(number).joined(separator: " "),
      ]
    ) {
      if let backdrop = chart.backdrop { picture(backdrop) }
      chart.series.map(draw)
      if let backdrop = chart.backdrop { contours(backdrop) }
    }
  }

  private func window(_ map: SVGHeatMap) -> (low: Point, high: Point) {
    guard let window = map.grid.window else {
      return (Point(x: 0, y: area.height), Point(x: area.width, y: 0))
    }
    return (
      place(window.x.lowerBound, window.y.lowerBound),
      place(window.x.upperBound, window.y.upperBound)
    )
  }

  private func picture(_ map: SVGHeatMap) -> HTML {
    let (low, high) = window(map)
    return HTML(
      "image",
      [
        "x": number(low.x), "y": number(high.y), "width": number(high.x - low.x),
        "height": number(low.y - high.y), "preserveAspectRatio": "none",
        "href": Base64.address(ofPNG: map.png),
      ])
  }

  private func contours(_ map: SVGHeatMap) -> HTML {
    // Contours are traced where the picture lies, so that they fit it on any axis.
    let (low, high) = window(map)
    guard high.x > low.x, low.y > high.y else { return HTML([]) }
    var grid = map.grid
    grid.window = nil
    let frame = Window(x: low.x...high.x, y: -low.y...(-high.y))
    var pieces: [HTML] = []
    for level in map.levels {
      let lines = Contours.lines(in: grid, level: level.value, window: frame).map { line in
        line.map { Point(x: $0.x, y: -$0.y) }
      }
      guard let top = lines.joined().min(by: { $0.y < $1.y }) else { continue }
      pieces.append(
        HTML(
          "path",
          [
            "d": SVGPath.data(lines, decimals: 1), "fill": "none", "stroke": "#FFFFFF",
            "stroke-width": "1.3", "stroke-opacity": "0.9",
          ]))
      if !level.label.isEmpty {
        pieces.append(text(level.label, "halo", top.x, max(top.y - 4, 11), anchor: "middle"))
      }
    }
    return HTML(pieces)
  }

  private func draw(_ series: SVGChart.Series) -> HTML {
    let paint = series.paint.name
    let points = zip(series.x, series.y).map(place)
    switch series.mark {
    case .line, .dashes, .dots:
      let line = SVGPath.thinned(points, places: Int(area.width * 2), over: 0...area.width)
      return curve(SVGPath.data([line]), series.mark, paint: paint)
    case .points(let radius, let opacity):
      let (across, down) = (0...area.width, 0...area.height)
      let dots = points.filter { across.contains($0.x) && down.contains($0.y) }
        .map { "M\(number($0.x)) \(number($0.y))h0" }
      guard !dots.isEmpty else { return HTML([]) }
      return HTML(
        "path",
        [
          "class": "curve \(paint)", "d": dots.joined(), "stroke-width": number(2 * radius),
          "stroke-opacity": number(opacity),
        ])
    case .marks(let radius, _):
      return HTML {
        curve(SVGPath.data([points]), series.mark, paint: paint)
        for (index, point) in points.enumerated() where point.x.isFinite && point.y.isFinite {
          HTML(
            "circle",
            [
              "class": "dot \(paint)", "cx": number(point.x), "cy": number(point.y),
              "r": number(radius),
            ]
          ) {
            HTML("title") { told(series, index) }
          }
        }
      }
    case .bars(let width):
      let data = zip(series.x, series.y).map { middle, value in
        let corners = [
          place(middle - width / 2, 0), place(middle - width / 2, value),
          place(middle + width / 2, value), place(middle + width / 2, 0),
        ]
        guard value != 0, corners.allSatisfy({ $0.x.isFinite && $0.y.isFinite }) else { return "" }
        return SVGPath.data([corners], closed: true)
      }
      return HTML("path", ["class": "bar \(paint)", "d": data.joined()])
    case .band(let lower):
      let under = zip(series.x, lower).map(place)
      let kept = points.indices.filter {
        points[$0].x.isFinite && points[$0].y.isFinite && under[$0].y.isFinite
      }
      let outline = kept.map { points[$0] } + kept.reversed().map { under[$0] }
      return HTML(
        "path", ["class": "band \(paint)", "d": SVGPath.data([outline], closed: true)])
    }
  }

  /// What a mark says under the pointer.
  private func told(_ series: SVGChart.Series, _ index: Int) -> String {
    func value(_ value: Double, _ axis: SVGChart.Axis) -> String {
      axis.isShare
        ? NumberText.shown(100 * value, decimals: 1) + "\u{202F}%"
        : NumberText.rounded(value, digits: 3)
    }
    let place = "\(value(series.x[index], chart.x)): \(value(series.y[index], chart.y))"
    return series.name.isEmpty ? place : "\(series.name), \(place)"
  }

  private func curve(
    _ data: String, _ mark: SVGChart.Mark, paint: String, minimum: Double = 0
  ) -> HTML {
    let (width, pattern): (Double, String?) =
      switch mark {
      case .line(let width): (width, nil)
      case .dashes(let width): (width, "6 5")
      case .dots(let width): (width, "0.1 4")
      case .marks(_, let width): (width, nil)
      default: (1, nil)
      }
    return HTML(
      "path",
      [
        "class": "curve \(paint)", "d": data, "stroke-width": number(max(width, minimum)),
        "stroke-dasharray": pattern,
      ])
  }
}
