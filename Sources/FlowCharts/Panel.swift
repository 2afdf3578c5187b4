/// One picture in the row of a figure.
public struct Panel: Sendable {
  /// What a panel shows.
  public enum Content: Sendable {
    /// Layers over a part of the plane.
    case plane(Window, [Layer])
    /// Curves.
    case chart(LineChart)
  }

  /// The text above the panel.
  public var title: String
  /// The text below the horizontal axis.
  public var xLabel: String
  /// The text along the vertical axis.
  public var yLabel: String
  /// What the panel shows.
  public var content: Content
  /// The width of the data area as a multiple of its height.
  public var aspect: Double
  /// The colour behind the content.
  public var background: Color

  /// Makes a panel that shows a part of the plane.
  public init(
    title: String, window: Window, layers: [Layer], xLabel: String = "", yLabel: String = "",
    aspect: Double = 1, background: Color = .white
  ) {
    self.init(
      title: title, content: .plane(window, layers), xLabel: xLabel, yLabel: yLabel,
      aspect: aspect, background: background)
  }

  /// Makes a panel that shows curves.
  public init(
    title: String, chart: LineChart, xLabel: String = "", yLabel: String = "",
    aspect: Double = 1.35, background: Color = .white
  ) {
    self.init(
      title: title, content: .chart(chart), xLabel: xLabel, yLabel: yLabel, aspect: aspect,
      background: background)
  }

  private init(
    title: String, content: Content, xLabel: String, yLabel: String, aspect: Double,
    background: Color
  ) {
    precondition(aspect > 0.2 && aspect < 10, "The aspect of a panel must lie between 0.2 and 10.")
    self.title = title
    self.content = content
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.aspect = aspect
    self.background = background
  }

  /// The grids whose colours the figure's scale must cover.
  var heatMaps: [Grid] {
    guard case .plane(_, let layers) = content else { return [] }
    return layers.compactMap { layer in
      if case .heatMap(let grid, _) = layer { return grid }
      return nil
    }
  }

  /// The part of the plane, with axes as they are drawn.
  var drawnWindow: Window {
    switch content {
    case .plane(let window, _): window
    case .chart(let chart): chart.drawnWindow
    }
  }
}
