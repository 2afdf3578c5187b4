/// How text is drawn: its height, the thickness of its strokes, its colour.
public struct TextStyle: Sendable {
  /// The height of a capital letter in pixels.
  public var capHeight: Double
  /// The thickness of a stroke as a share of the height of a capital letter.
  public var weight: Double
  /// The colour of the strokes.
  public var color: Color
  /// Additional space between letters, as a share of the height of a capital letter.
  public var tracking: Double

  /// Makes a style; a weight of ``regular`` suits running text, ``bold`` suits titles.
  public init(
    capHeight: Double, weight: Double = TextStyle.regular, color: Color = .ink,
    tracking: Double = 0
  ) {
    precondition(capHeight > 0, "The height of text must be positive.")
    precondition(weight > 0 && weight < 0.5, "The weight of text must lie between 0 and 0.5.")
    self.capHeight = capHeight
    self.weight = weight
    self.color = color
    self.tracking = tracking
  }

  /// The usual weight of running text.
  public static let regular = 0.12
  /// The weight of titles.
  public static let bold = 0.175

  /// The distance from one line of text to the next, in pixels.
  public var lineHeight: Double { capHeight * 1.85 }
  /// How far letters such as g reach below the line, in pixels.
  public var descent: Double { capHeight * 0.32 }

  var strokeWidth: Double { capHeight * weight }
  /// Pixels per unit of the font, such that a capital letter with its strokes is `capHeight` tall.
  var unit: Double { (capHeight - strokeWidth) / StrokeFont.capHeight }

  func scaled(by factor: Double) -> TextStyle {
    TextStyle(
      capHeight: capHeight * factor, weight: weight, color: color, tracking: tracking)
  }
}

/// Which point of a text its position names, from left to right.
public enum HorizontalAnchor: Sendable {
  /// The position is the start of the text.
  case leading
  /// The position is the middle of the text.
  case center
  /// The position is the end of the text.
  case trailing
}

/// Which height of a text its position names.
public enum VerticalAnchor: Sendable {
  /// The position is the line the letters stand on.
  case baseline
  /// The position is half way up a capital letter.
  case middle
  /// The position is the top of a capital letter.
  case top
}

/// Whether text runs to the right or upwards.
public enum TextDirection: Sendable {
  /// From left to right.
  case right
  /// From bottom to top, as the label of a vertical axis.
  case up
}
