extension TextStyle {
  /// Gives the width of a text on one line, in pixels.
  public func width(of text: String) -> Double {
    var total = 0.0
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      total += advance(of: scalar, after: previous)
      previous = scalar
    }
    // The space after the last letter does not count.
    return max(0, total - (previous == nil ? 0 : tracking * capHeight))
  }

  /// The way from one letter to the next; bolder letters need more room.
  func advance(of scalar: Unicode.Scalar, after previous: Unicode.Scalar?) -> Double {
    let kerning = previous.map { StrokeFont.kerning($0, scalar) } ?? 0
    return (StrokeFont.glyph(scalar).advance + kerning) * unit
      + tracking * capHeight + (strokeWidth - 0.12 * capHeight) * 0.8
  }

  /// Breaks a text at spaces into lines that are at most so wide.
  ///
  /// A word that is too wide for a line by itself is broken between letters.
  public func lines(of text: String, fitting limit: Double) -> [String] {
    var lines: [String] = []
    for paragraph in text.split(separator: "\n", omittingEmptySubsequences: true) {
      var line = ""
      for word in paragraph.split(separator: " ") {
        let longer = line.isEmpty ? String(word) : line + " " + word
        if width(of: longer) <= limit {
          line = longer
          continue
        }
        if !line.isEmpty { lines.append(line) }
        line = ""
        for character in word {
          if !line.isEmpty, width(of: line + String(character)) > limit {
            lines.append(line)
            line = ""
          }
          line.append(character)
        }
      }
      if !line.isEmpty { lines.append(line) }
    }
    return lines
  }

  /// Shortens a text with an ellipsis until it is at most so wide.
  func shortened(_ text: String, toFit limit: Double) -> String {
    guard width(of: text) > limit else { return text }
    var rest = text
    while !rest.isEmpty {
      rest.removeLast()
      while rest.last == " " { rest.removeLast() }
      if width(of: rest + "\u{2026}") <= limit { return rest + "\u{2026}" }
    }
    return ""
  }
}

extension Canvas {
  /// Draws one line of text.
  ///
  /// The font holds ASCII, sub- and superscript digits, and some Greek and mathematical signs;
  /// any other character is drawn as an empty box. The line the letters stand on is moved to the
  /// nearest edge between pixels, which keeps level strokes sharp.
  public mutating func drawText(
    _ text: String, at position: Point, style: TextStyle,
    horizontal: HorizontalAnchor = .leading, vertical: VerticalAnchor = .baseline,
    direction: TextDirection = .right
  ) {
    guard position.x.isFinite, position.y.isFinite else { return }
    let length = style.width(of: text)
    let before: Double =
      switch horizontal {
      case .leading: 0
      case .center: length / 2
      case .trailing: length
      }
    let below: Double =
      switch vertical {
      case .baseline: 0
      case .middle: style.capHeight / 2
      case .top: style.capHeight
      }
    let origin: Point =
      switch direction {
      case .right: Point(x: position.x - before, y: (position.y + below).rounded())
      case .up: Point(x: (position.x + below).rounded(), y: position.y + before)
      }
    let room = style.capHeight * 0.5
    let extent: Rect =
      switch direction {
      case .right:
        Rect(
          x: origin.x - room, y: origin.y - style.capHeight * 1.5, width: length + 2 * room,
          height: style.capHeight * 2)
      case .up:
        Rect(
          x: origin.x - style.capHeight * 1.5, y: origin.y - length - room,
          width: style.capHeight * 2, height: length + 2 * room)
      }
    let box = PixelBox(coveringX: extent.x...extent.maxX, y: extent.y...extent.maxY)
      .intersection(drawable)
    guard !box.isEmpty else { return }
    var mask = CoverageMask(box: box)
    addText(text, to: &mask, origin: origin, style: style, direction: direction)
    composite(mask, color: style.color, opacity: 1)
  }

  private func addText(
    _ text: String, to mask: inout CoverageMask, origin: Point, style: TextStyle,
    direction: TextDirection
  ) {
    let unit = style.unit
    // Half a stroke lies below the centre line of the lowest strokes.
    let lift = style.strokeWidth / 2
    var pen = 0.0
    var previous: Unicode.Scalar?
    for scalar in text.unicodeScalars {
      let glyph = StrokeFont.glyph(scalar)
      let advance = style.advance(of: scalar, after: previous)
      let kerning = previous.map { StrokeFont.kerning($0, scalar) } ?? 0
      let extra = (style.strokeWidth - 0.12 * style.capHeight) * 0.4
      func place(_ point: Point) -> Point {
        let along = pen + extra + (point.x + kerning) * unit
        let up = point.y * unit + lift
        switch direction {
        case .right: return Point(x: origin.x + along, y: origin.y - up)
        case .up: return Point(x: origin.x - up, y: origin.y - along)
        }
      }
      // Superscripts are small, but not as thin as they are small.
      let width = style.strokeWidth * (glyph.isSmall ? 0.85 : 1)
      for line in glyph.lines {
        for (start, end) in zip(line, line.dropFirst()) {
          mask.addSegment(from: place(start), to: place(end), width: width)
        }
      }
      for dot in glyph.dots {
        let center = place(dot)
        mask.addSegment(from: center, to: center, width: width * 1.35)
      }
      pen += advance
      previous = scalar
    }
  }
}
