/// How much of each pixel a stroke covers.
///
/// The parts of a stroke join by the maximum, so that joints and crossings of one stroke do not
/// grow darker; the whole is then laid over the canvas once.
struct CoverageMask {
  let box: PixelBox
  private(set) var coverage: [Float]

  init(box: PixelBox) {
    self.box = box
    coverage = [Float](repeating: 0, count: box.width * box.height)
  }

  /// Adds a straight stroke with round ends; equal end points give a dot.
  mutating func addSegment(from first: Point, to second: Point, width: Double) {
    let half = width / 2
    let reach = half + 0.5
    guard let (start, end) = clipped(first, second, margin: 2 * reach) else { return }
    let area = PixelBox(
      coveringX: min(start.x, end.x) - reach...max(start.x, end.x) + reach,
      y: min(start.y, end.y) - reach...max(start.y, end.y) + reach
    ).intersection(box)
    guard !area.isEmpty else { return }
    let dx = end.x - start.x
    let dy = end.y - start.y
    let squaredLength = dx * dx + dy * dy
    let inverse = squaredLength > 0 ? 1 / squaredLength : 0
    let isSteep = abs(dy) > 1e-9
    // Half the width of the stroke's section with a level line.
    let section = isSteep ? reach * squaredLength.squareRoot() / abs(dy) + 1 : 0
    for y in area.minY..<area.maxY {
      let py = Double(y) + 0.5 - start.y
      var left = area.minX
      var right = area.maxX
      if isSteep {
        let middle = start.x + py * dx / dy
        left = max(left, PixelBox.whole((middle - section).rounded(.down)))
        right = min(right, PixelBox.whole((middle + section).rounded(.up)))
      }
      guard left < right else { continue }
      let row = (y - box.minY) * box.width - box.minX
      for x in left..<right {
        let px = Double(x) + 0.5 - start.x
        let along = min(max((px * dx + py * dy) * inverse, 0), 1)
        let ex = px - along * dx
        let ey = py - along * dy
        let distance = (ex * ex + ey * ey).squareRoot()
        let covered = Float(min(half, distance + 0.5) - max(-half, distance - 0.5))
        if covered > coverage[row + x] { coverage[row + x] = covered }
      }
    }
  }

  /// Cuts a segment down to the part near the mask, so that far points cost neither time nor
  /// precision.
  private func clipped(_ first: Point, _ second: Point, margin: Double) -> (Point, Point)? {
    let far = 1e9
    let start = Point(x: min(max(first.x, -far), far), y: min(max(first.y, -far), far))
    let end = Point(x: min(max(second.x, -far), far), y: min(max(second.y, -far), far))
    let dx = end.x - start.x
    let dy = end.y - start.y
    var enter = 0.0
    var leave = 1.0
    for (position, change, low, high) in [
      (start.x, dx, Double(box.minX) - margin, Double(box.maxX) + margin),
      (start.y, dy, Double(box.minY) - margin, Double(box.maxY) + margin),
    ] {
      if change == 0 {
        if position < low || position > high { return nil }
        continue
      }
      let (one, other) = ((low - position) / change, (high - position) / change)
      enter = max(enter, min(one, other))
      leave = min(leave, max(one, other))
    }
    guard enter <= leave else { return nil }
    return (
      Point(x: start.x + enter * dx, y: start.y + enter * dy),
      Point(x: start.x + leave * dx, y: start.y + leave * dy)
    )
  }
}

extension Canvas {
  /// Lays a colour over the canvas where the mask covers it.
  mutating func composite(_ mask: CoverageMask, color: Color, opacity: Double) {
    let box = mask.box
    guard !box.isEmpty, opacity > 0 else { return }
    let strength = Float(min(opacity, 1))
    for y in box.minY..<box.maxY {
      let row = (y - box.minY) * box.width - box.minX
      for x in box.minX..<box.maxX where mask.coverage[row + x] > 0 {
        blend(x, y, color, opacity: min(mask.coverage[row + x], 1) * strength)
      }
    }
  }
}
