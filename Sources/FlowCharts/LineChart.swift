/// Curves over a common horizontal axis, such as the course of a loss.
public struct LineChart: Sendable {
  /// One curve.
  public struct Series: Sendable {
    /// The text in the legend; without text the curve is not listed.
    public var name: String
    /// The horizontal coordinates.
    public var x: [Double]
    /// The vertical coordinates.
    public var y: [Double]
    /// The colour; without one the curve takes the next of ``Color/series``.
    public var color: Color?
    /// The thickness in pixels.
    public var lineWidth: Double
    /// The opacity of the curve.
    public var opacity: Double

    /// Makes a curve through points; points that are not finite interrupt it.
    public init(
      name: String, x: [Double], y: [Double], color: Color? = nil, lineWidth: Double = 2.2,
      opacity: Double = 1
    ) {
      precondition(x.count == y.count, "A curve needs as many x coordinates as y coordinates.")
      self.name = name
      self.x = x
      self.y = y
      self.color = color
      self.lineWidth = lineWidth
      self.opacity = opacity
    }

    /// Makes a curve through values at 0, 1, 2 and so on.
    public init(name: String, y: [Double], color: Color? = nil) {
      self.init(name: name, x: y.indices.map(Double.init), y: y, color: color)
    }
  }

  /// How values are spread over the vertical axis.
  public enum Scale: Sendable {
    /// Equal distances for equal differences.
    case linear
    /// Equal distances for equal ratios; values that are not positive interrupt the curve.
    case logarithmic
  }

  /// The curves, from the lowest to the topmost.
  public var series: [Series]
  /// The spread of the vertical axis.
  public var yScale: Scale
  /// The horizontal range; none means that of the data.
  public var xRange: ClosedRange<Double>?
  /// The vertical range; none means that of the data, with some room.
  public var yRange: ClosedRange<Double>?

  /// Makes a chart.
  public init(
    series: [Series], yScale: Scale = .linear, xRange: ClosedRange<Double>? = nil,
    yRange: ClosedRange<Double>? = nil
  ) {
    precondition(
      yScale == .linear || yRange.map { $0.lowerBound > 0 } ?? true,
      "A logarithmic axis must begin above zero.")
    self.series = series
    self.yScale = yScale
    self.xRange = xRange
    self.yRange = yRange
  }

  /// The vertical coordinate as it is drawn; not finite where a curve must break.
  func height(_ value: Double) -> Double {
    switch yScale {
    case .linear: value
    case .logarithmic: value > 0 ? ElementaryMath.log10(value) : .nan
    }
  }

  /// The part of the plane to show, with the vertical axis as it is drawn.
  var drawnWindow: Window {
    var (left, right, low, high) = (
      Double.infinity, -Double.infinity, Double.infinity, -Double.infinity
    )
    for curve in series {
      for (x, y) in zip(curve.x, curve.y.map(height)) where abs(x) < 1e290 && abs(y) < 1e290 {
        (left, right) = (min(left, x), max(right, x))
        (low, high) = (min(low, y), max(high, y))
      }
    }
    if yScale == .logarithmic {
      // Beyond these powers of ten a value could not be told from zero or infinity.
      (low, high) = (max(low, -250), min(high, 250))
    }
    let x = xRange ?? LineChart.extended(left, right, by: 0)
    let y =
      yRange.map { height($0.lowerBound)...height($0.upperBound) }
      ?? LineChart.extended(low, high, by: 0.06)
    return Window(
      x: LineChart.extended(x.lowerBound, x.upperBound, by: 0),
      y: LineChart.extended(y.lowerBound, y.upperBound, by: 0))
  }

  /// Makes a range that is never empty, with a share of itself added at both ends.
  private static func extended(_ low: Double, _ high: Double, by share: Double) -> ClosedRange<
    Double
  > {
    guard low <= high else { return 0...1 }
    let room = max(
      (high - low) * share, high - low > abs(high) * 1e-9 ? 0 : max(abs(high), 1) * 0.1)
    return low - room...high + room
  }
}
