/// The shape of one character: the centre lines of its strokes, ready to be drawn.
struct Glyph: Sendable {
  var lines: [[Point]]
  var dots: [Point]
  /// The way from the start of this character to the start of the next.
  var advance: Double
  /// Whether the character is a reduced copy of another one, set high or low.
  var isSmall = false

  /// Gives a reduced copy, moved upwards.
  func reduced(by factor: Double, raised: Double) -> Glyph {
    func moved(_ point: Point) -> Point { Point(x: point.x * factor, y: point.y * factor + raised) }
    return Glyph(
      lines: lines.map { $0.map(moved) }, dots: dots.map(moved), advance: advance * factor,
      isSmall: true)
  }

  func shifted(by distance: Double) -> Glyph {
    func moved(_ point: Point) -> Point { Point(x: point.x + distance, y: point.y) }
    return Glyph(
      lines: lines.map { $0.map(moved) }, dots: dots.map(moved), advance: advance,
      isSmall: isSmall)
  }
}

/// Reads the short notation in which the font is written.
///
/// Numbers are in font units with y growing upwards. `M x y` begins a line, `L x y` goes on
/// straight, `C x1 y1 x2 y2 x y` goes on along a cubic Bézier curve, and `A cx cy rx ry from to`
/// goes on along an arc, angles in degrees, counterclockwise. Arcs are slightly squarer than
/// ellipses, which gives round letters more room inside. `D x y` is a dot.
struct GlyphPath {
  private var lines: [[Point]] = []
  private var dots: [Point] = []
  private var current: [Point] = []

  /// Reads a path and sets the given space on either side of it.
  static func glyph(_ source: String, left: Double, right: Double, advance: Double?) -> Glyph {
    var path = GlyphPath()
    path.read(source)
    let points = path.lines.joined() + path.dots
    let rightmost = points.map(\.x).max() ?? 0
    return Glyph(
      lines: path.lines, dots: path.dots, advance: advance ?? left + rightmost + right
    ).shifted(by: left)
  }

  private mutating func read(_ source: String) {
    let words = source.split(separator: " ")
    var index = 0
    while index < words.count {
      let command = words[index]
      index += 1
      var numbers: [Double] = []
      while index < words.count, let number = Double(words[index]) {
        numbers.append(number)
        index += 1
      }
      apply(command, numbers)
    }
    finishLine()
  }

  private mutating func apply(_ command: Substring, _ numbers: [Double]) {
    switch (command, numbers.count) {
    case ("M", 2):
      finishLine()
      current = [Point(x: numbers[0], y: numbers[1])]
    case ("L", 2):
      current.append(Point(x: numbers[0], y: numbers[1]))
    case ("C", 6):
      appendCurve(numbers)
    case ("A", 6):
      appendArc(numbers)
    case ("D", 2):
      dots.append(Point(x: numbers[0], y: numbers[1]))
    default:
      preconditionFailure("The font holds a command that the notation does not know.")
    }
  }

  private mutating func finishLine() {
    if current.count > 1 { lines.append(current) }
    current = []
  }

  private mutating func appendCurve(_ numbers: [Double]) {
    guard let start = current.last else {
      preconditionFailure("A curve of the font must follow a point.")
    }
    let steps = 12
    for step in 1...steps {
      let t = Double(step) / Double(steps)
      let s = 1 - t
      let (a, b, c, d) = (s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t)
      current.append(
        Point(
          x: a * start.x + b * numbers[0] + c * numbers[2] + d * numbers[4],
          y: a * start.y + b * numbers[1] + c * numbers[3] + d * numbers[5]))
    }
  }

  private mutating func appendArc(_ numbers: [Double]) {
    // The exponent of a superellipse |x|^2.25 + |y|^2.25 = 1.
    let exponent = 2 / 2.25
    let steps = max(4, Int((abs(numbers[5] - numbers[4]) / 9).rounded(.up)))
    for step in 0...steps {
      let degrees = numbers[4] + (numbers[5] - numbers[4]) * Double(step) / Double(steps)
      let cosine = ElementaryMath.cosine(degrees * .pi / 180)
      let sine = ElementaryMath.sine(degrees * .pi / 180)
      func bulge(_ value: Double) -> Double {
        let size = ElementaryMath.power(abs(value), exponent)
        return value < 0 ? -size : size
      }
      current.append(
        Point(x: numbers[0] + numbers[2] * bulge(cosine), y: numbers[1] + numbers[3] * bulge(sine)))
    }
  }
}
