import Testing

@testable import FlowCharts

@Suite struct GridTests {
  private let window = Window(halfWidth: 2)

  @Test func circleIsFound() {
    let grid = Grid(rows: 101, columns: 101, over: window) { x, y in (x * x + y * y).squareRoot() }
    let lines = Contours.lines(in: grid, level: 1.25, window: window)
    #expect(lines.count == 1)
    for line in lines {
      #expect(line.count > 100)
      #expect(line.first == line.last)
      #expect(
        line.allSatisfy { abs(($0.x * $0.x + $0.y * $0.y).squareRoot() - 1.25) < 2e-3 })
    }
  }

  @Test func openLinesReachTheEdge() {
    let grid = Grid(rows: 20, columns: 20, over: window) { x, _ in x }
    let lines = Contours.lines(in: grid, level: 0.5, window: window)
    #expect(lines.count == 1)
    #expect(lines[0].count == 20)
    #expect(lines[0].allSatisfy { abs($0.x - 0.5) < 1e-6 })
  }

  @Test func saddlesAndGapsDoNotTrap() {
    let board = Grid(rows: 6, columns: 6, over: window) { x, y in x * y > 0 ? 1 : -1 }
    #expect(!Contours.lines(in: board, level: 0, window: window).isEmpty)
    let checks = Grid(
      rows: 9, columns: 9, values: (0..<81).map { $0 % 2 == 0 ? Float(1) : 0 }, window: window)
    #expect(!Contours.lines(in: checks, level: 0.5, window: window).isEmpty)
    let gaps = Grid(
      rows: 9, columns: 9, values: (0..<81).map { $0 % 5 == 0 ? Float.nan : Float($0) })
    _ = Contours.lines(in: gaps, level: 40, window: window)
    let single = Grid(rows: 1, columns: 1, values: [Float(3)])
    #expect(Contours.lines(in: single, level: 1, window: window).isEmpty)
  }

  @Test func histogramIsADensity() {
    let x: [Float] = [-1.9, -1.9, 0.1, 1.9, 5, .nan]
    let y: [Float] = [-1.9, -1.8, 0.1, 1.9, 0, 0]
    let grid = Grid(densityOf: x, y, rows: 4, columns: 4, over: window)
    #expect(abs(grid.values.reduce(0, +) - 4 / 6) < 1e-6)
    #expect(abs(grid[0, 0] - 2 / 6) < 1e-6)
    #expect(abs(grid[3, 3] - 1 / 6) < 1e-6)
    let none = Grid(densityOf: [], [], rows: 2, columns: 2, over: window)
    #expect(none.values == [0, 0, 0, 0])
  }

  @Test func quantiles() {
    let grid = Grid(rows: 1, columns: 5, values: [5, 1, .nan, 3, 2] as [Float])
    #expect(grid.quantile(1) == 5)
    #expect(grid.quantile(0.5) == 2)
    #expect(grid.quantile(0) == 1)
    #expect(Grid(rows: 1, columns: 1, values: [Float.nan]).quantile(1) == nil)
  }

  @Test func smoothValuesMeetTheCells() {
    let grid = Grid(rows: 1, columns: 3, values: [0, 4, .nan] as [Float])
    #expect(grid.value(column: 0.5, row: 0.5, smoothly: true) == 0)
    #expect(grid.value(column: 1, row: 0.5, smoothly: true) == 2)
    #expect(grid.value(column: 1.9, row: 0.5, smoothly: true) == 4)
    #expect(grid.value(column: 2.1, row: 0.5, smoothly: true).isNaN)
  }

  @Test func gridLinesCanBeBent() {
    let family = LineFamily(gridOver: window, count: 3, samples: 5)
    #expect(family.lines.count == 6 && family.lines.allSatisfy { $0.count == 5 })
    let moved = family.mapped { Point(x: $0.x + 1, y: 2 * $0.y) }
    #expect(moved.lines[0][0] == Point(x: -1, y: -4))
  }
}
