/// How a line is drawn.
public struct Stroke: Sendable {
  /// The colour of the line.
  public var color: Color
  /// The thickness in pixels.
  public var width: Double
  /// From 0, invisible, to 1, opaque.
  public var opacity: Double

  /// Makes a stroke.
  public init(color: Color = .ink, width: Double = 1.5, opacity: Double = 1) {
    precondition(width > 0, "The width of a stroke must be positive.")
    self.color = color
    self.width = width
    self.opacity = opacity
  }

  func scaled(by factor: Double) -> Stroke {
    Stroke(color: color, width: width * factor, opacity: opacity)
  }
}

extension Canvas {
  /// Draws a straight line with round ends.
  public mutating func drawLine(from start: Point, to end: Point, stroke: Stroke) {
    drawPolyline([start, end], stroke: stroke)
  }

  /// Draws a line through points, with round joints and ends.
  ///
  /// Points that are not finite interrupt the line. A line with partial opacity does not grow
  /// darker where it crosses itself.
  public mutating func drawPolyline(_ points: [Point], stroke: Stroke) {
    let finite = points.filter { $0.x.isFinite && $0.y.isFinite }
    guard let first = finite.first else { return }
    var (left, right, top, bottom) = (first.x, first.x, first.y, first.y)
    for point in finite {
      left = min(left, point.x)
      right = max(right, point.x)
      top = min(top, point.y)
      bottom = max(bottom, point.y)
    }
    let reach = stroke.width / 2 + 1
    let box = PixelBox(
      coveringX: left - reach...right + reach, y: top - reach...bottom + reach
    ).intersection(drawable)
    guard !box.isEmpty else { return }
    var mask = CoverageMask(box: box)
    var previous: Point?
    for point in points {
      guard point.x.isFinite, point.y.isFinite else {
        previous = nil
        continue
      }
      mask.addSegment(from: previous ?? point, to: point, width: stroke.width)
      previous = point
    }
    composite(mask, color: stroke.color, opacity: stroke.opacity)
  }
}
