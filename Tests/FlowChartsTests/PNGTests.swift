import Testing

@testable import FlowCharts

@Suite struct PNGTests {
  /// A reader of the files that the encoder writes.
  private func decode(_ file: [UInt8]) throws -> (width: Int, height: Int, pixels: [UInt8]) {
    #expect(Array(file[..<8]) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    func number(at offset: Int) -> Int { file[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
    var offset = 8
    var (width, height, channels) = (0, 0, 0)
    var compressed: [UInt8] = []
    var names: [String] = []
    while offset < file.count {
      let length = number(at: offset)
      let body = Array(file[offset + 4..<offset + 8 + length])
      #expect(Int(Checksums.crc32(body)) == number(at: offset + 8 + length))
      names.append(String(decoding: body[..<4], as: UTF8.self))
      if names.last == "IHDR" {
        width = number(at: offset + 8)
        height = number(at: offset + 12)
        channels = file[offset + 17] == 6 ? 4 : 3
      }
      if names.last == "IDAT" { compressed += body[4...] }
      offset += 12 + length
    }
    #expect(names.first == "IHDR" && names.last == "IEND")
    let rows = try Inflater.inflate(zlib: compressed)
    #expect(rows.count == height * (width * channels + 1))
    let sum = compressed.suffix(4).reduce(0) { $0 << 8 | UInt32($1) }
    #expect(sum == Checksums.adler32(rows))
    return (width, height, unfiltered(rows, rowBytes: width * channels, pixelBytes: channels))
  }

  private func unfiltered(_ rows: [UInt8], rowBytes: Int, pixelBytes: Int) -> [UInt8] {
    var pixels: [UInt8] = []
    for start in stride(from: 0, to: rows.count, by: rowBytes + 1) {
      let base = pixels.count
      for index in 0..<rowBytes {
        let left = index >= pixelBytes ? Int(pixels[base + index - pixelBytes]) : 0
        let above = base > 0 ? Int(pixels[base + index - rowBytes]) : 0
        let corner =
          base > 0 && index >= pixelBytes ? Int(pixels[base + index - rowBytes - pixelBytes]) : 0
        let guess: Int
        switch rows[start] {
        case 1: guess = left
        case 2: guess = above
        case 3: guess = (left + above) / 2
        case 4:
          let line = left + above - corner
          let (a, b, c) = (abs(line - left), abs(line - above), abs(line - corner))
          guess = a <= b && a <= c ? left : b <= c ? above : corner
        default: guess = 0
        }
        pixels.append(rows[start + 1 + index] &+ UInt8(guess))
      }
    }
    return pixels
  }

  private func noise(_ count: Int, levels: UInt64) -> [UInt8] {
    var state: UInt64 = 7
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: (state >> 40) % levels)
    }
  }

  @Test func knownChecksums() {
    #expect(Checksums.crc32(Array("123456789".utf8)) == 0xCBF4_3926)
    #expect(Checksums.adler32(Array("Wikipedia".utf8)) == 0x11E6_0398)
  }

  @Test(arguments: [1, 2, 3, 17, 258, 300, 70_000])
  func streamsComeBack(count: Int) throws {
    for bytes in [
      [UInt8](repeating: 9, count: count), noise(count, levels: 256), noise(count, levels: 3),
      (0..<count).map { UInt8(truncatingIfNeeded: $0 / 7 &* $0) },
    ] {
      #expect(try Inflater.inflate(zlib: Deflate.zlibStream(bytes)) == bytes)
    }
  }

  @Test func farMatchesComeBack() throws {
    // The second half repeats the first at exactly the greatest distance, and just beyond it.
    for distance in [32767, 32768, 32769] {
      let bytes = noise(distance, levels: 256)
      let twice = bytes + bytes
      #expect(try Inflater.inflate(zlib: Deflate.zlibStream(twice)) == twice)
    }
  }

  @Test(arguments: [PNGEncoder.Format.rgb, .rgba])
  func imagesComeBack(format: PNGEncoder.Format) throws {
    for (width, height) in [(1, 1), (1, 9), (31, 1), (64, 48)] {
      let count = width * height * format.pixelBytes
      let ramp = (0..<count).map { UInt8(truncatingIfNeeded: $0 / 3) }
      for pixels in [ramp, noise(count, levels: 256)] {
        let file = PNGEncoder(format: format).encode(width: width, height: height, pixels: pixels)
        let image = try decode(file)
        #expect(image.width == width && image.height == height)
        #expect(image.pixels == pixels)
      }
    }
  }

  @Test func picturesAreSmall() throws {
    var canvas = Canvas(width: 400, height: 300)
    canvas.drawText(
      "density", at: Point(x: 20, y: 60), style: TextStyle(capHeight: 20))
    canvas.drawLine(from: Point(x: 3, y: 4), to: Point(x: 390, y: 280), stroke: Stroke())
    let file = canvas.pngData()
    #expect(file.count < 400 * 300 * 3 / 40)
    #expect(try decode(file).pixels == canvas.pixels)
  }

  @Test func skewedCodesKeepTheirLimit() {
    // Fibonacci numbers give the deepest trees.
    var frequencies = [1, 1]
    for index in 2..<30 { frequencies.append(frequencies[index - 1] + frequencies[index - 2]) }
    let code = HuffmanCode(frequencies: frequencies, limit: 15)
    #expect(code.lengths.allSatisfy { $0 > 0 && $0 <= 15 })
    let kraft = code.lengths.reduce(0) { $0 + 1 << (15 - Int($1)) }
    #expect(kraft == 1 << 15)
  }
}
