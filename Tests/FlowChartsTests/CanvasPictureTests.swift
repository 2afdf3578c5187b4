import Testing

@testable import FlowCharts

@Suite struct CanvasPictureTests {
  @Test func picturesKeepTheirPixels() {
    let bytes: [UInt8] = [1, 2, 3, 40, 50, 60, 70, 80, 90, 100, 110, 120]
    let canvas = Canvas(width: 2, height: 2, channels: 3, bytes: bytes)
    #expect(canvas.pixels == bytes)
    let gray = Canvas(width: 2, height: 1, channels: 1, bytes: [7, 200])
    #expect(gray[0, 0] == Color(red: 7, green: 7, blue: 7))
    #expect(gray[1, 0] == Color(red: 200, green: 200, blue: 200))
  }

  @Test func enlargedPicturesPassEvenly() {
    let canvas = Canvas(width: 2, height: 1, channels: 1, bytes: [0, 200], enlargedBy: 4)
    #expect(canvas.width == 8 && canvas.height == 4)
    // The middles of the pixels lie at 2 and 6; between them values rise evenly.
    let row = (0..<8).map { canvas[$0, 2].red }
    #expect(row == [0, 0, 25, 75, 125, 175, 200, 200])
  }

  @Test func grayFilesHoldOneByteAPixel() throws {
    let pixels: [UInt8] = [0, 50, 100, 150, 200, 250]
    let file = PNGEncoder(format: .gray).encode(width: 3, height: 2, pixels: pixels)
    // The kind of the pixels, after their number across and down and their depth.
    #expect(file[24] == 8 && file[25] == 0)
  }

  @Test func filledCurvesCoverTheirArea() {
    var canvas = Canvas(width: 20, height: 20)
    let outer = [(2.0, 2.0), (18, 2), (18, 18), (2, 18)].map { Point(x: $0.0, y: $0.1) }
    let hole = [(6.5, 6.0), (12, 6), (12, 12), (6.5, 12)].map { Point(x: $0.0, y: $0.1) }
    canvas.fill([outer, hole], color: .black)
    #expect(canvas[3, 3] == .black && canvas[17, 17] == .black)
    #expect(canvas[9, 9] == .white && canvas[1, 5] == .white && canvas[19, 5] == .white)
    // Half of this pixel belongs to the hole.
    #expect(abs(Int(canvas[6, 8].red) - 128) <= 1)
  }

  @Test func degenerateCurvesDoNotTrap() {
    var canvas = Canvas(width: 8, height: 8)
    let far = [(-1e5, -1e5), (1e5, -1e5), (1e5, 1e5), (-1e5, 1e5)].map { Point(x: $0.0, y: $0.1) }
    canvas.fill([], color: .black)
    canvas.fill([[Point(x: 1, y: 1)], [Point(x: .nan, y: 0), Point(x: 1, y: 1)]], color: .black)
    #expect(canvas[1, 1] == .white)
    canvas.fill([far], color: .black)
    #expect(canvas[0, 0] == .black && canvas[7, 7] == .black)
  }
}
