import Foundation
import Testing

@testable import FlowCharts

#if canImport(FoundationXML)
  import FoundationXML
#endif

@Suite struct SVGChartTests {
  private func isWellFormed(_ html: HTML) -> Bool {
    XMLParser(data: Data(html.markup.utf8)).parse()
  }

  private static let marks: [SVGChart.Mark] = [
    .line(), .dashes(), .dots(), .points(), .marks(), .bars(width: 0.5),
    .band(lower: [0, -1, 0.5, .nan, 3]),
  ]

  @Test func everyMarkDrawsItsValues() {
    for mark in SVGChartTests.marks {
      let chart = SVGChart(
        "a \"chart\" of <b>", x: SVGChart.Axis("x & y"), y: SVGChart.Axis("<y>"),
        series: [SVGChart.Series("a<b", x: [0, 1, 2, 3, 4], y: [1, 2, 1.5, .nan, 4], mark: mark)])
      #expect(isWellFormed(chart.html))
      #expect(chart.html.markup.contains("a&lt;b"))
      #expect(!chart.html.markup.contains("nothing to show"))
      #expect(chart.html == chart.html)
    }
  }

  @Test func aLineGoesFromCornerToCorner() {
    let chart = SVGChart(
      "", x: SVGChart.Axis(range: 0...1), y: SVGChart.Axis(range: 0...1),
      series: [SVGChart.Series("", x: [0, 1], y: [0, 1])], key: .none)
    // The grid tells how large the area is.
    let grid = chart.html.markup.components(separatedBy: "class=\"grid\" d=\"M")[1]
    let numbers = grid.prefix { $0 != "\"" }.split { "M h".contains($0) }.compactMap { Double($0) }
    let (width, height) = (numbers[2], numbers[1] - 8)
    #expect(width > 300 && height > 100)
    #expect(
      chart.html.markup.contains(
        "d=\"M0 \(SVGPath.number(height))L\(SVGPath.number(width)) 0\""))
  }

  @Test(arguments: [LineChart.Scale.linear, .logarithmic])
  func degenerateValuesDoNotTrap(scale: LineChart.Scale) {
    let courses: [[Double]] = [
      [], [1], [0], [-1, -2], [3, 3, 3], [.nan, .infinity], [1e308, -1e308, 1],
      [.leastNonzeroMagnitude, 1e300], [1, 2, .nan, 4], [1e-3, 1e3], [0.9, 1.1],
    ]
    for values in courses {
      for mark in SVGChartTests.marks.dropLast() {
        for (x, y) in [(values, values), (values.indices.map(Double.init), values)] {
          let chart = SVGChart(
            "", x: SVGChart.Axis(scale: scale), y: SVGChart.Axis(scale: scale, isShare: true),
            series: [SVGChart.Series("s", x: x, y: y, mark: mark)], key: .direct)
          #expect(isWellFormed(chart.html))
          #expect(!chart.html.markup.contains("nan") && !chart.html.markup.contains("inf"))
        }
      }
    }
    let empty = SVGChart("", x: SVGChart.Axis(), y: SVGChart.Axis(), series: [])
    #expect(empty.html.markup.contains("nothing to show"))
  }

  @Test func axesOfShares() {
    let axis = SVGAxis(
      SVGChart.Axis(range: 0...1, isShare: true), values: [], room: 0, count: 5)
    #expect(axis.ticks.values == [0, 0.2, 0.4, 0.6, 0.8, 1])
    #expect(axis.ticks.labels.last == "100\u{202F}%")
    #expect(axis.share(0.25) == 0.25)
  }

  @Test func shortLogarithmicAxesHavePlainNumbers() {
    let axis = SVGAxis(
      SVGChart.Axis(scale: .logarithmic, range: 0.5...20), values: [], room: 0, count: 6)
    #expect(axis.ticks.labels == ["0.5", "1", "2", "5", "10", "20"])
    #expect(abs(axis.share(10.0.squareRoot()) - 0.5) < 1e-12)
    #expect(axis.share(0).isNaN && axis.share(-1).isNaN)
    let wide = SVGAxis(
      SVGChart.Axis(scale: .logarithmic, range: 1e-12...1e12), values: [], room: 0, count: 6)
    #expect(wide.ticks.labels.contains("10\u{2074}"))
  }

  @Test func endLabelsStayApart() {
    let labels = [50.0, 51, 52, 199, 3].map {
      SVGKey.EndLabel(name: "n", paint: .ink, y: $0)
    }
    let placed = SVGKey.spread(labels, from: 4, to: 198)
    for (upper, lower) in zip(placed, placed.dropFirst()) { #expect(lower.y - upper.y > 14) }
    #expect(placed.allSatisfy { $0.y >= 4 && $0.y <= 198 })
  }

  @Test func coordinates() {
    #expect(SVGPath.number(-0.001) == "0")
    #expect(SVGPath.number(-1.5) == "-1.5")
    #expect(SVGPath.number(2.004) == "2")
    #expect(SVGPath.number(0.05) == "0.05")
    #expect(SVGPath.number(123.456, decimals: 0) == "123")
    #expect(SVGPath.number(.nan) == "0")
    #expect(SVGPath.number(1e300) == "10000000")
    let line = [Point(x: 0, y: 1), Point(x: .nan, y: 0), Point(x: 2, y: -3), Point(x: 4, y: 5)]
    #expect(SVGPath.data([line], closed: true) == "M0 1M2-3L4 5Z")
  }

  @Test func thinningKeepsPeaks() {
    var line = (0..<10_000).map { Point(x: Double($0), y: Double($0 % 7)) }
    line[5_003].y = 1_000
    line[5_004].y = -1_000
    let thinned = SVGPath.thinned(line, places: 100, over: 0...10_000)
    #expect(thinned.count <= 404 && thinned.count >= 200)
    #expect(thinned.contains(line[5_003]) && thinned.contains(line[5_004]))
    #expect(thinned.first == line.first && thinned.last == line.last)
    #expect(zip(thinned, thinned.dropFirst()).allSatisfy { $0.x < $1.x })
    #expect(SVGPath.thinned(line.reversed(), places: 100, over: 0...10_000).count == 10_000)
  }

  @Test func heatMapsCarryTheirPicture() throws {
    let window = Window(halfWidth: 4)
    let grid = Grid(rows: 80, columns: 80, over: window) { x, y in
      exp(-(x * x + y * y) / 2) / (2 * Double.pi)
    }
    // Of a standard Gaussian, exp(-r²/2) bounds the region that holds the rest.
    for share in [0.5, 0.8, 0.95] {
      let level = try #require(grid.level(holding: share))
      #expect(abs(level * 2 * Double.pi - (1 - share)) < 0.02)
    }
    let half = grid.values.reduce(0) { $0 + Double($1) } * 2
    #expect(grid.level(holding: 0.4, of: half) == grid.level(holding: 0.8))
    #expect(grid.level(holding: 0.6, of: half) == nil)
    let zeros = Grid(rows: 2, columns: 2, values: [0, 0, 0, Float.nan])
    #expect(zeros.level(holding: 0.5) == nil)
    let chart = SVGChart(
      "", x: SVGChart.Axis(), y: SVGChart.Axis(), series: [],
      backdrop: SVGHeatMap(grid, levels: [SVGHeatMap.Level(0.08, label: "50 %")]))
    #expect(isWellFormed(chart.html))
    #expect(chart.html.markup.contains("href=\"data:image/png;base64,iVBORw0KGgo"))
    #expect(chart.html.markup.contains(">50 %</text>"))
    let empty = SVGChart(
      "", x: SVGChart.Axis(), y: SVGChart.Axis(), series: [],
      backdrop: SVGHeatMap(zeros, levels: [SVGHeatMap.Level(1)]))
    #expect(isWellFormed(empty.html))
  }
}
