/// Coordinates and paths as SVG writes them.
public enum SVGPath {
  /// Writes a coordinate with up to so many decimals and without needless zeros.
  ///
  /// What is not finite is written as zero; what lies beyond ±10⁷ is cut off there.
  public static func number(_ value: Double, decimals: Int = 2) -> String {
    guard value.isFinite else { return "0" }
    let unit = ElementaryMath.powerOfTen(decimals)
    let scaled = Int64((min(max(value, -1e7), 1e7) * unit).rounded())
    let whole = scaled.magnitude / UInt64(unit)
    var fraction = String(scaled.magnitude % UInt64(unit))
    fraction = String(repeating: "0", count: max(0, decimals - fraction.count)) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    let sign = scaled < 0 ? "-" : ""
    return sign + String(whole) + (fraction.isEmpty || decimals == 0 ? "" : "." + fraction)
  }

  /// Writes lines through points; points that are not finite interrupt a line.
  public static func data(_ lines: [[Point]], closed: Bool = false, decimals: Int = 2) -> String {
    var result = ""
    for line in lines {
      var isDown = false
      for point in line {
        guard point.x.isFinite, point.y.isFinite else {
          isDown = false
          continue
        }
        result += isDown ? "L" : "M"
        let y = number(point.y, decimals: decimals)
        result += number(point.x, decimals: decimals) + (y.hasPrefix("-") ? "" : " ") + y
        isDown = true
      }
      if closed, isDown { result += "Z" }
    }
    return result
  }

  /// Thins a line out to what can be seen at so many places across.
  ///
  /// Of all points between two neighbouring places the first, the last, the lowest and the highest
  /// stay, so that peaks are kept. Points must come from left to right, or nothing is left out.
  public static func thinned(_ line: [Point], places: Int, over range: ClosedRange<Double>)
    -> [Point]
  {
    let width = range.upperBound - range.lowerBound
    guard line.count > 4 * places, width > 0,
      zip(line, line.dropFirst()).allSatisfy({ $0.x <= $1.x })
    else { return line }
    var result: [Point] = []
    var start = 0
    func place(_ point: Point) -> Double {
      ((point.x - range.lowerBound) / width * Double(places)).rounded(.down)
    }
    while start < line.count {
      var end = start
      let here = place(line[start])
      var (low, high) = (start, start)
      while end < line.count, place(line[end]) == here {
        if line[end].y < line[low].y { low = end }
        if line[end].y > line[high].y { high = end }
        end += 1
      }
      for index in Set([start, low, high, end - 1]).sorted() { result.append(line[index]) }
      start = end
    }
    return result
  }
}
