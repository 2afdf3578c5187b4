import Testing

@testable import FlowCharts

@Suite struct CanvasTests {
  private func ink(_ canvas: Canvas) -> Double {
    canvas.pixels.reduce(0) { $0 + Double(255 - $1) / 255 } / 3
  }

  @Test func levelLineCoversItsPixels() {
    var canvas = Canvas(width: 20, height: 9)
    canvas.drawLine(
      from: Point(x: 3, y: 4.5), to: Point(x: 17, y: 4.5), stroke: Stroke(color: .black, width: 1))
    #expect(canvas[10, 4] == .black)
    #expect(canvas[10, 3] == .white)
    #expect(canvas[10, 5] == .white)
    #expect(canvas[0, 4] == .white)
  }

  @Test(arguments: [0.4, 1, 2.5])
  func lineHasItsArea(width: Double) {
    var canvas = Canvas(width: 120, height: 90)
    canvas.drawLine(
      from: Point(x: 15, y: 12), to: Point(x: 99, y: 75),
      stroke: Stroke(color: .black, width: width))
    let area = 105 * width + width * width * .pi / 4
    #expect(abs(ink(canvas) - area) < 0.05 * area + 1)
  }

  @Test func opacityMixes() {
    var canvas = Canvas(width: 4, height: 4)
    canvas.fill(Rect(x: 0, y: 0, width: 4, height: 4), color: .black, opacity: 0.5)
    #expect(abs(Int(canvas[1, 1].red) - 128) <= 1)
  }

  @Test func crossingOfOneLineIsNotDarker() {
    var canvas = Canvas(width: 30, height: 30)
    canvas.drawPolyline(
      [
        Point(x: 5, y: 15.5), Point(x: 25, y: 15.5), Point(x: 15.5, y: 5), Point(x: 15.5, y: 25),
      ], stroke: Stroke(color: .black, width: 3, opacity: 0.5))
    #expect(canvas[15, 15] == canvas[9, 15])
  }

  @Test(arguments: [0.4, 0.9, 1.6, 7])
  func circleHasItsArea(radius: Double) {
    var canvas = Canvas(width: 30, height: 30)
    canvas.fillCircle(center: Point(x: 15.2, y: 14.7), radius: radius, color: .black)
    let area = Double.pi * radius * radius
    #expect(abs(ink(canvas) - area) < 0.08 * area + 0.1)
  }

  @Test func clipKeepsTheRestClean() {
    var canvas = Canvas(width: 20, height: 20)
    canvas.clip = Rect(x: 5, y: 5, width: 10, height: 10)
    canvas.fill(Rect(x: -50, y: -50, width: 200, height: 200), color: .black)
    canvas.drawLine(
      from: Point(x: -1e12, y: 3), to: Point(x: 1e12, y: 3), stroke: Stroke(width: 4))
    #expect(canvas[5, 5] == .black && canvas[14, 14] == .black)
    #expect(canvas[4, 10] == .white && canvas[15, 10] == .white)
    #expect(ink(canvas) == 100)
  }

  @Test func brokenLinesDoNotTrap() {
    var canvas = Canvas(width: 20, height: 20)
    canvas.drawPolyline([], stroke: Stroke())
    canvas.drawPolyline([Point(x: .nan, y: 1)], stroke: Stroke())
    canvas.drawPolyline([Point(x: 2, y: 12), Point(x: 1e308, y: 1e308)], stroke: Stroke())
    canvas.drawPolyline(
      [Point(x: 1, y: 1), Point(x: 8, y: 1), Point(x: .infinity, y: 1), Point(x: 15, y: 1)],
      stroke: Stroke(color: .black, width: 2))
    #expect(canvas[5, 1] == .black)
    #expect(canvas[11, 1] == .white)
  }

  @Test func everyCharacterHasAShape() {
    let style = TextStyle(capHeight: 20)
    for code in 33...126 {
      let text = String(UnicodeScalar(UInt8(code)))
      var canvas = Canvas(width: 80, height: 60)
      canvas.drawText(text, at: Point(x: 20, y: 40), style: style)
      #expect(ink(canvas) > 2, "\(text) is empty.")
      let right = 20 + style.width(of: text) + 2
      let isInside = (0..<60).allSatisfy { y in
        (0..<80).allSatisfy { x in
          canvas[x, y] == .white || (Double(x) > 17 && Double(x) < right && y >= 14 && y < 48)
        }
      }
      #expect(isInside, "\(text) reaches out of its place.")
    }
    for sign in "\u{2212}\u{2016}\u{00D7}\u{00B1}\u{222B}σμ\u{00BD}⁻³₀".unicodeScalars {
      #expect(StrokeFont.glyph(sign).advance != StrokeFont.glyph("\u{FFFC}").advance)
    }
  }

  @Test func capitalsHaveTheirHeight() {
    var canvas = Canvas(width: 60, height: 60)
    canvas.drawText("H", at: Point(x: 10, y: 40), style: TextStyle(capHeight: 24, color: .black))
    let rows = (0..<60).filter { y in (0..<60).contains { canvas[$0, y].red < 128 } }
    #expect(rows == Array(16..<40))
  }

  @Test func anchorsAndDirections() {
    let style = TextStyle(capHeight: 14)
    let width = style.width(of: "density")
    #expect(abs(style.width(of: "density density") - 2 * width - style.width(of: " ")) < 3)
    var canvas = Canvas(width: 200, height: 200)
    canvas.drawText(
      "density", at: Point(x: 100, y: 100), style: style, horizontal: .center, vertical: .middle,
      direction: .up)
    let columns = (0..<200).filter { x in (0..<200).contains { canvas[x, $0] != .white } }
    let rows = (0..<200).filter { y in (0..<200).contains { canvas[$0, y] != .white } }
    #expect((columns.first ?? 0) >= 91 && (columns.last ?? 200) <= 113)
    #expect(abs(Double(rows.count) - width) < 7)
    #expect(abs((rows.first ?? 0) + (rows.last ?? 0) - 199) <= 6)
  }

  @Test func longTextIsBrokenAndShortened() {
    let style = TextStyle(capHeight: 14)
    let text = "grid lines of the base space carried to the data space"
    let lines = style.lines(of: text, fitting: 200)
    #expect(lines.count > 1 && lines.joined(separator: " ") == text)
    #expect(lines.allSatisfy { style.width(of: $0) <= 200 })
    #expect(style.lines(of: "abcdefghijklmnopqrstuvwxyz", fitting: 60).count > 2)
    #expect(style.lines(of: "abc", fitting: 1) == ["a", "b", "c"])
    let short = style.shortened(text, toFit: 120)
    #expect(short.last == "\u{2026}" && style.width(of: short) <= 120)
  }
}
