import Testing

@testable import FlowCharts

@Suite struct PairPlotTests {
  private let blue = Color(0x1F6FB4)
  private let orange = Color(0xD9541E)

  private func plot(
    _ below: [[Float]], _ above: [[Float]], names: [String]? = nil, trimming share: Double = 0
  ) -> PairPlot {
    PairPlot(
      title: "title", caption: "caption", names: names ?? below.indices.map { "x\($0)" },
      below: .init(name: "data", color: blue, columns: below),
      above: .init(name: "samples", color: orange, columns: above), trimming: share)
  }

  /// How many pixels of a panel are bluish or reddish.
  private func count(_ color: Color, in area: Rect, of canvas: Canvas) -> Int {
    var total = 0
    for y in Int(area.y) + 1..<Int(area.maxY) - 1 {
      for x in Int(area.x) + 1..<Int(area.maxX) - 1 {
        let pixel = canvas[x, y]
        let redness = Int(pixel.red) - Int(pixel.blue)
        if color == blue ? redness < -40 : redness > 40 { total += 1 }
      }
    }
    return total
  }

  @Test func setsStayOnTheirSides() {
    let ramp = (0..<60).map { Float($0) }
    let wave = (0..<60).map { (row: Int) -> Float in Float(row * 7 % 60) }
    let plot = plot([ramp, wave], [wave, ramp])
    let layout = PairPlotLayout(plot, scale: 1)
    let canvas = plot.render()
    let below = layout.area(row: 1, column: 0)
    let above = layout.area(row: 0, column: 1)
    #expect(count(blue, in: below, of: canvas) > 100 && count(orange, in: below, of: canvas) == 0)
    #expect(count(orange, in: above, of: canvas) > 100 && count(blue, in: above, of: canvas) == 0)
    let diagonal = layout.area(row: 0, column: 0)
    #expect(count(orange, in: diagonal, of: canvas) > 100)
  }

  @Test func onePointLandsInItsPlace() {
    var plot = plot([[0, 10, 9], [0, 10, 1]], [[0], [0]])
    plot.ranges = [0...10, 0...10]
    plot.mostPoints = 3
    plot.above.columns = [[0, 0, 0], [0, 0, 0]]
    let area = PairPlotLayout(plot, scale: 2).area(row: 1, column: 0)
    let canvas = plot.render(scale: 2)
    // Row 1 over column 0: x is the first column, y the second.
    let pixel = canvas[Int(area.x + 0.9 * area.width), Int(area.maxY - 0.1 * area.height)]
    #expect(pixel.blue > pixel.red)
    let other = canvas[Int(area.x + 0.1 * area.width), Int(area.maxY - 0.9 * area.height)]
    #expect(abs(Int(other.blue) - Int(other.red)) < 20)
  }

  @Test func rangesLeaveOutliersOut() {
    var values = (0..<1_000).map { (row: Int) -> Float in Float(row) / 1_000 }
    values[17] = 1e30
    values[18] = -.infinity
    let range = PairPlot.range(of: values, trimming: 0.005)
    #expect(range.lowerBound > -0.1 && range.lowerBound <= 0.01)
    #expect(range.upperBound < 1.1 && range.upperBound >= 0.99)
    #expect(PairPlot.range(of: values, trimming: 0).upperBound > 1e30)
    for constant: Float in [0, 5, -1e20] {
      let range = PairPlot.range(of: [constant, constant], trimming: 0.005)
      #expect(range.lowerBound < Double(constant) && range.upperBound > Double(constant))
    }
    #expect(PairPlot.range(of: [.nan], trimming: 0) == -1...1)
  }

  @Test func sharesOutsideCountRows() {
    var plot = plot([[0, 1, 2, 3], [0, 1, 2, 3]], [[0, 9, 0, .nan], [0, 9, -9, 0]])
    plot.ranges = [0...3, 0...3]
    #expect(plot.shareOutside(plot.below) == 0)
    #expect(plot.shareOutside(plot.above) == 0.75)
  }

  @Test func bothSetsHaveAsManyPoints() {
    let many = (0..<900).map { Float($0) }
    var plot = plot([many, many], [[1, 2], [1, 2]])
    #expect(plot.drawnRows(plot.below) == [0, 450] && plot.drawnRows(plot.above) == [0, 1])
    #expect(plot.drawnText?.hasPrefix("2 points") == true)
    plot.above.columns = [many, many]
    plot.mostPoints = 300
    #expect(plot.drawnRows(plot.above).count == 300 && plot.drawnRows(plot.above).last == 897)
    plot.mostPoints = 2_000
    #expect(plot.drawnText == nil && plot.drawnRows(plot.below) == Array(0..<900))
  }

  @Test func histogramsAreShares() {
    var plot = plot([[0.5, 1.5, 1.6, 7]], [[]])
    plot.ranges = [0...2]
    #expect(plot.histogram(plot.below, 0, bins: 2) == [0.5, 1])
    #expect(plot.histogram(plot.above, 0, bins: 2) == [0, 0])
  }

  @Test(arguments: [1, 2, 3, 5, 8, 12])
  func edgesStayClean(columns: Int) {
    let values = (0..<columns).map { column -> [Float] in
      let unit: Float = column % 2 == 0 ? 1e7 : 1e-7
      return (0..<50).map { row -> Float in Float(row * (column + 3) % 50) * unit }
    }
    let names = values.indices.map { "a rather long name of column \($0)" }
    var plot = plot(values, values, names: names)
    plot.caption = String(repeating: "a long caption ", count: 30)
    plot.below.name = String(repeating: "data ", count: 8)
    let canvas = plot.render()
    let bottom = canvas.height - 5
    let right = canvas.width - 5
    #expect(
      (0..<canvas.width).allSatisfy { canvas[$0, 4] == .white && canvas[$0, bottom] == .white })
    #expect(
      (0..<canvas.height).allSatisfy { canvas[4, $0] == .white && canvas[right, $0] == .white })
  }

  @Test func legendDoesNotReachThePanels() {
    let plot = plot([[1, 2], [3, 4]], [[1, 2], [3, 4]])
    let layout = PairPlotLayout(plot, scale: 1.5)
    let panel = layout.area(row: 0, column: 0)
    for entry in layout.legend { #expect(entry.mark.y + layout.label.capHeight < panel.y) }
    #expect(layout.captionTop > layout.nameY + layout.label.capHeight)
  }

  @Test func degenerateSetsDoNotTrap() {
    _ = plot([[]], [[]]).render()
    _ = plot([[.nan, .infinity]], [[1]]).render()
    _ = plot([[3, 3, 3], [1e38, -1e38, 0]], [[3], [3]]).render()
    _ = plot([[], []], [[1e38], [-.infinity]]).render(scale: 0.5)
  }
}
