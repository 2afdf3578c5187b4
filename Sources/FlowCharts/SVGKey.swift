/// The names of a chart's series: what stands above, and what stands at the ends of lines.
struct SVGKey {
  /// A name at the end of a line.
  struct EndLabel {
    let name: String
    let paint: SVGChart.Paint
    var y: Double
  }

  static let fontSize = 12.0
  static let lineHeight = 18.0

  /// The series that are named above the chart, row by row, with the left end of each.
  private(set) var rows: [[(left: Double, series: SVGChart.Series)]] = []
  /// The series that are named at their ends.
  private(set) var direct: [SVGChart.Series] = []

  init(_ chart: SVGChart) {
    guard chart.key != .none else { return }
    var left = 0.0
    for series in chart.series where !series.name.isEmpty {
      if chart.key == .direct, SVGKey.end(of: series) != nil {
        direct.append(series)
        continue
      }
      let length = 24 + SVGKey.width(of: series.name) + 16
      if rows.isEmpty || left + length - 16 > chart.width {
        rows.append([])
        left = 0
      }
      rows[rows.count - 1].append((left, series))
      left += length
    }
  }

  /// The room that end labels need.
  var directWidth: Double {
    direct.map { SVGKey.width(of: $0.name, isBold: true) }.max().map { $0 + 10 } ?? 0
  }

  /// The last point of a line; none for what is not a line.
  static func end(of series: SVGChart.Series) -> Point? {
    switch series.mark {
    case .line, .dashes, .dots, .marks: break
    case .points, .bars, .band: return nil
    }
    let index = series.x.indices.last { series.x[$0].isFinite && series.y[$0].isFinite }
    return index.map { Point(x: series.x[$0], y: series.y[$0]) }
  }

  /// Moves labels apart until none hides another, and keeps them between two heights.
  static func spread(_ labels: [EndLabel], from top: Double, to bottom: Double) -> [EndLabel] {
    var result = labels.sorted { ($0.y, $0.name) < ($1.y, $1.name) }
    let distance = fontSize * 1.2
    for index in result.indices {
      let lowest = index == 0 ? top : result[index - 1].y + distance
      result[index].y = max(result[index].y, lowest)
    }
    for index in result.indices.reversed() {
      let highest = index == result.count - 1 ? bottom : result[index + 1].y - distance
      result[index].y = min(result[index].y, highest)
    }
    return result
  }

  /// The width of a text in an ordinary sans-serif type, roughly, and rather too much.
  static func width(of text: String, size: Double = fontSize, isBold: Bool = false) -> Double {
    let units = text.unicodeScalars.reduce(0.0) { sum, scalar in
      switch scalar {
      case "i", "j", "l", "I", "t", "f", "r", ".", ",", ":", ";", "|", "'", " ", "(", ")":
        sum + 0.36
      case "m", "w", "M", "W", "%", "@": sum + 0.9
      case "A"..."Z": sum + 0.7
      default: sum + 0.58
      }
    }
    return units * size * (isBold ? 1.06 : 1)
  }
}
