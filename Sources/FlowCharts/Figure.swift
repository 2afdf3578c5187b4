/// A row of panels under a title, with one colour scale for all heat maps.
public struct Figure: Sendable {
  /// The text above all panels.
  public var title: String
  /// The text below all panels.
  public var caption: String
  /// The colours of all heat maps.
  public var colorScale: ColorScale
  /// The panels from left to right.
  public var panels: [Panel]
  /// The measures.
  public var style: FigureStyle

  /// Makes a figure.
  public init(
    title: String = "", caption: String = "", colorScale: ColorScale = ColorScale(),
    panels: [Panel] = [], style: FigureStyle = FigureStyle()
  ) {
    self.title = title
    self.caption = caption
    self.colorScale = colorScale
    self.panels = panels
    self.style = style
  }

  /// Draws the figure; a scale of 2 gives twice as many pixels in each direction.
  ///
  /// A colour bar stands to the right of the last panel with a heat map, if there is one.
  public func render(scale: Double = 1) -> Canvas {
    precondition(scale > 0 && scale.isFinite, "The scale of a figure must be positive.")
    let layout = FigureLayout(self, scale: scale)
    var canvas = Canvas(
      width: Int(layout.width), height: Int(layout.height), background: style.background)
    for (index, line) in layout.titleLines.enumerated() {
      canvas.drawText(
        line,
        at: Point(
          x: layout.contentLeft, y: layout.titleTop + Double(index) * layout.style.title.lineHeight),
        style: layout.style.title, vertical: .top)
    }
    for frame in layout.frames {
      PanelRenderer(
        frame: frame, style: layout.style, scale: scale, colorMap: colorScale.map,
        maximum: layout.maximum
      ).draw(on: &canvas)
    }
    layout.colorBar?.draw(on: &canvas)
    for (index, line) in layout.captionLines.enumerated() {
      canvas.drawText(
        line,
        at: Point(
          x: layout.contentLeft,
          y: layout.captionTop + Double(index) * layout.style.caption.lineHeight),
        style: layout.style.caption, vertical: .top)
    }
    return canvas
  }
}
