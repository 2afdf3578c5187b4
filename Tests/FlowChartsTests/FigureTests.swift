import Testing

@testable import FlowCharts

@Suite struct FigureTests {
  private let window = Window(halfWidth: 2)

  private func smallFigure(_ panels: [Panel]) -> Figure {
    var figure = Figure(
      title: "title", caption: "caption", colorScale: ColorScale(label: "density"), panels: panels)
    figure.style.panelSize = 120
    return figure
  }

  @Test func heatMapStandsUpright() {
    // Only the lower left cell is full.
    let grid = Grid(rows: 2, columns: 2, values: [1, 0, 0, .nan] as [Float])
    let figure = smallFigure([
      Panel(title: "", window: window, layers: [.heatMap(grid, interpolation: .nearest)])
    ])
    let area = FigureLayout(figure, scale: 1).frames[0].area
    let canvas = figure.render()
    func color(_ x: Double, _ y: Double) -> Color {
      canvas[Int(area.x + x * area.width), Int(area.y + y * area.height)]
    }
    #expect(color(0.25, 0.75) == ColorMap.magma.color(at: 1))
    #expect(color(0.25, 0.25) == ColorMap.magma.color(at: 0))
    #expect(color(0.75, 0.25) == .missing)
  }

  @Test func onePointLandsInItsPlace() {
    let figure = smallFigure([
      Panel(
        title: "", window: window,
        layers: [.points(PointCloud(x: [1], y: [1], radius: 3, color: .black, opacity: 1))])
    ])
    let area = FigureLayout(figure, scale: 1).frames[0].area
    let canvas = figure.render()
    #expect(canvas[Int(area.x + area.width * 0.75), Int(area.y + area.height * 0.25)] == .black)
    #expect(canvas[Int(area.x + area.width * 0.75), Int(area.y + area.height * 0.75)] == .white)
  }

  @Test func partsDoNotOverlap() {
    let grid = Grid(rows: 4, columns: 4, over: window) { x, y in x + y }
    let figure = smallFigure([
      Panel(title: "a", window: window, layers: [.heatMap(grid)], yLabel: "y"),
      Panel(title: "b", window: window, layers: [.heatMap(grid)]),
      Panel(title: "c", chart: LineChart(series: [.init(name: "c", y: [1e-9, 2e-9])])),
    ])
    let layout = FigureLayout(figure, scale: 1.5)
    for (left, right) in zip(layout.frames, layout.frames.dropFirst()) {
      let room = FigureLayout.leftRoom(right, layout.style)
      #expect(left.area.maxX + 10 < right.area.x - room)
    }
    #expect(layout.colorBar.map { $0.area.x > layout.frames[1].area.maxX } ?? false)
    #expect(layout.colorBar.map { $0.area.x + $0.totalWidth < layout.frames[2].area.x } ?? false)
    #expect(layout.frames[2].area.maxX < layout.width - layout.style.margin + 1)
  }

  @Test func edgesStayClean() {
    let figure = smallFigure([
      Panel(title: "a", window: Window(x: 0...1e7, y: -1e-7...1), layers: []),
      Panel(title: "b", window: window, layers: [], xLabel: "x", yLabel: "y"),
    ])
    let canvas = figure.render()
    for x in 0..<canvas.width {
      #expect(canvas[x, 4] == .white && canvas[x, canvas.height - 5] == .white)
    }
    for y in 0..<canvas.height {
      #expect(canvas[4, y] == .white && canvas[canvas.width - 5, y] == .white)
    }
  }

  @Test func scaleMultipliesTheSize() {
    let figure = smallFigure([Panel(title: "a", window: window, layers: [])])
    let single = figure.render()
    let double = figure.render(scale: 2)
    #expect(abs(double.width - 2 * single.width) <= 12)
    #expect(abs(double.height - 2 * single.height) <= 12)
  }

  @Test func degenerateContentDoesNotTrap() {
    let zeros = Grid(rows: 3, columns: 3, values: [Float](repeating: 0, count: 9))
    let missing = Grid(rows: 2, columns: 2, values: [Float](repeating: .nan, count: 4))
    let cell = Grid(rows: 1, columns: 1, values: [0.5])
    let extreme = Grid(rows: 1, columns: 3, values: [-1, .infinity, 1e30] as [Float])
    for grid in [zeros, missing, cell, extreme] {
      _ = smallFigure([
        Panel(
          title: "t", window: window,
          layers: [.heatMap(grid), .contours(grid, levels: [0, 0.5, .nan])])
      ]).render()
    }
    _ = Figure().render()
    _ = smallFigure([
      Panel(
        title: "", window: Window(x: 1e6...(1e6 + 1e-6), y: 0...1e-300),
        layers: [
          .points(PointCloud(x: [], y: [])),
          .points(PointCloud(x: [.nan, 1e38], y: [0, -1e38])),
          .lines(LineFamily(lines: [[], [Point(x: 0, y: 0)], [Point(x: .nan, y: 0)]])),
        ])
    ]).render()
  }

  @Test(arguments: [LineChart.Scale.linear, .logarithmic])
  func degenerateChartsDoNotTrap(scale: LineChart.Scale) {
    let courses: [[Double]] = [
      [], [1], [0], [-1, -2], [3, 3, 3], [.nan, .infinity], [1e308, -1e308, 1],
      [.leastNonzeroMagnitude, 1e300], [1, 2, .nan, 4],
    ]
    for y in courses {
      let chart = LineChart(series: [.init(name: "course", y: y)], yScale: scale)
      _ = smallFigure([Panel(title: "t", chart: chart)]).render()
    }
    _ = smallFigure([Panel(title: "t", chart: LineChart(series: [], yScale: scale))]).render()
  }

  @Test func maximumOfTheScale() {
    let spike = Grid(
      rows: 10, columns: 100, values: (0..<1000).map { $0 == 500 ? Float(100) : 1 })
    #expect(ColorScale(quantile: 0.99).resolvedMaximum(for: [spike]) == 1)
    #expect(ColorScale().resolvedMaximum(for: [spike]) == 100)
    #expect(ColorScale(maximum: 7).resolvedMaximum(for: [spike]) == 7)
    let zeros = Grid(rows: 1, columns: 2, values: [Float(0), 0])
    #expect(ColorScale().resolvedMaximum(for: [zeros]) == 1)
    #expect(ColorScale().resolvedMaximum(for: []) == 1)
  }
}
