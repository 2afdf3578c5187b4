extension Canvas {
  /// Makes a canvas from a picture of 8 bits a channel, enlarged without steps between pixels.
  ///
  /// - Parameters:
  ///   - width: The pixels in a row of the picture.
  ///   - height: The rows of the picture.
  ///   - channels: 1 for grey, 3 for red, green, blue.
  ///   - bytes: The pixels, row by row from the top.
  ///   - factor: How many pixels of the canvas a pixel takes in each direction.
  public init(width: Int, height: Int, channels: Int, bytes: [UInt8], enlargedBy factor: Int = 1) {
    precondition(channels == 1 || channels == 3, "A picture has 1 or 3 channels.")
    precondition(
      width > 0 && height > 0 && bytes.count == width * height * channels,
      "The bytes must fill the picture exactly, row by row.")
    precondition(factor > 0, "A picture can be enlarged, but not made smaller.")
    self.init(width: width * factor, height: height * factor)
    // The two neighbours of every place along an axis, and the weight of the second.
    func neighbours(_ count: Int) -> [(Int, Int, Float)] {
      (0..<count * factor).map { place in
        let position = min(max((Float(place) + 0.5) / Float(factor) - 0.5, 0), Float(count - 1))
        let first = Int(position)
        return (first, min(first + 1, count - 1), position - Float(first))
      }
    }
    let columns = neighbours(width)
    var offset = 0
    for (top, bottom, down) in neighbours(height) {
      for (left, right, across) in columns {
        for channel in 0..<3 {
          let shift = channels == 3 ? channel : 0
          func byte(_ row: Int, _ column: Int) -> Float {
            Float(bytes[(row * width + column) * channels + shift])
          }
          let upper = byte(top, left) + (byte(top, right) - byte(top, left)) * across
          let lower = byte(bottom, left) + (byte(bottom, right) - byte(bottom, left)) * across
          pixels[offset] = UInt8(min(max(upper + (lower - upper) * down + 0.5, 0), 255))
          offset += 1
        }
      }
    }
  }

  /// Fills closed curves; a point is inside if a ray from it crosses an odd number of lines.
  ///
  /// Points that are not finite are left out. Edges are antialiased by four lines a pixel.
  public mutating func fill(_ curves: [[Point]], color: Color, opacity: Double = 1) {
    let rings = curves.map { $0.filter { abs($0.x) < 1e6 && abs($0.y) < 1e6 } }
      .filter { $0.count > 2 }
    let points = rings.joined()
    guard let left = points.map(\.x).min(), let right = points.map(\.x).max(),
      let top = points.map(\.y).min(), let bottom = points.map(\.y).max(), opacity > 0
    else { return }
    let box = PixelBox(coveringX: left...right, y: top...bottom).intersection(drawable)
    guard !box.isEmpty else { return }
    let samples = 4
    var coverage = [Double](repeating: 0, count: box.width)
    for y in box.minY..<box.maxY {
      for index in coverage.indices { coverage[index] = 0 }
      for sample in 0..<samples {
        let level = Double(y) + (Double(sample) + 0.5) / Double(samples)
        let crossings = Canvas.crossings(of: rings, at: level)
        for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
          let start = max(crossings[pair], Double(box.minX)) - Double(box.minX)
          let end = min(crossings[pair + 1], Double(box.maxX)) - Double(box.minX)
          guard start < end else { continue }
          for x in Int(start)...min(Int(end), box.width - 1) {
            let part = min(end, Double(x + 1)) - max(start, Double(x))
            if part > 0 { coverage[x] += part / Double(samples) }
          }
        }
      }
      for x in coverage.indices where coverage[x] > 0 {
        blend(box.minX + x, y, color, opacity: Float(min(coverage[x], 1) * min(opacity, 1)))
      }
    }
  }

  /// Where a level line crosses closed curves, from left to right.
  private static func crossings(of rings: [[Point]], at level: Double) -> [Double] {
    var result: [Double] = []
    for ring in rings {
      guard var previous = ring.last else { continue }
      for next in ring {
        if (previous.y > level) != (next.y > level) {
          let share = (level - previous.y) / (next.y - previous.y)
          result.append(previous.x + share * (next.x - previous.x))
        }
        previous = next
      }
    }
    return result.sorted()
  }
}
