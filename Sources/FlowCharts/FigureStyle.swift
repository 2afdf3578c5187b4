/// The measures of a figure, in pixels at scale 1.
public struct FigureStyle: Sendable {
  /// The height of the data area of every panel.
  public var panelSize = 520.0
  /// The space around everything.
  public var margin = 36.0
  /// The space between panels.
  public var gap = 44.0
  /// The text above all panels.
  public var title = TextStyle(capHeight: 22, weight: TextStyle.bold)
  /// The text above one panel.
  public var panelTitle = TextStyle(capHeight: 17, weight: 0.15)
  /// The numbers at the axes.
  public var tickLabel = TextStyle(capHeight: 14, color: Color(0x444A54))
  /// The names of the axes and the entries of legends.
  public var label = TextStyle(capHeight: 15)
  /// The lines below all panels.
  public var caption = TextStyle(capHeight: 14, color: .faintInk)
  /// The thickness of frames and ticks.
  public var frameWidth = 1.0
  /// The length of ticks.
  public var tickLength = 6.0
  /// The colour of frames and ticks.
  public var frameColor = Color(0x5C636E)
  /// The colour behind everything.
  public var background = Color.white

  /// Makes the usual style.
  public init() {}

  /// Gives the measures for another resolution; lines keep to whole pixels.
  func scaled(by factor: Double) -> FigureStyle {
    var result = self
    result.panelSize = (panelSize * factor).rounded()
    result.margin = (margin * factor).rounded()
    result.gap = (gap * factor).rounded()
    result.title = title.scaled(by: factor)
    result.panelTitle = panelTitle.scaled(by: factor)
    result.tickLabel = tickLabel.scaled(by: factor)
    result.label = label.scaled(by: factor)
    result.caption = caption.scaled(by: factor)
    result.frameWidth = max(1, (frameWidth * factor).rounded())
    result.tickLength = max(2, (tickLength * factor).rounded())
    return result
  }
}
