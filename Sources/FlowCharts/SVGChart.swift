/// Curves, dots, bars and bands over common axes, drawn as SVG within an HTML page.
///
/// Colours are those of ``HTMLStyle``, so that a chart follows the page from light to dark. What is
/// not finite, or not positive on a logarithmic axis, is left out.
public struct SVGChart: Sendable {
  /// How values are spread over an axis, and how they are written.
  public struct Axis: Sendable {
    /// What the axis counts.
    public var label: String
    /// The spread.
    public var scale: LineChart.Scale
    /// What the axis covers; none means that it follows from the data.
    public var range: ClosedRange<Double>?
    /// Whether a value of 1 is written as 100 %.
    public var isShare: Bool
    /// A value that a range from the data takes in, such as zero.
    public var including: Double?

    /// Makes an axis.
    public init(
      _ label: String = "", scale: LineChart.Scale = .linear, range: ClosedRange<Double>? = nil,
      isShare: Bool = false, including: Double? = nil
    ) {
      self.label = label
      self.scale = scale
      self.range = range
      self.isShare = isShare
      self.including = including
    }
  }

  /// The colour of a series.
  public enum Paint: Sendable, Hashable {
    /// One of ``Color/series``, counted round.
    case series(Int)
    /// The colour of text.
    case ink
    /// The colour of captions.
    case faint
    /// A colour that stays behind others.
    case pale

    /// The class that carries the colour.
    public var name: String {
      switch self {
      case .series(let index):
        let count = Color.series.count
        return "s\(((index % count) + count) % count)"
      case .ink: return "ink"
      case .faint: return "faint"
      case .pale: return "pale"
      }
    }
  }

  /// What is drawn of a series.
  public enum Mark: Sendable {
    /// A line of a thickness in pixels.
    case line(Double = 2)
    /// A broken line.
    case dashes(Double = 1.6)
    /// A line of fine dots.
    case dots(Double = 1.6)
    /// Separate points of a radius in pixels.
    case points(radius: Double = 2, opacity: Double = 1)
    /// A line with points on it, which tell their values under the pointer.
    case marks(radius: Double = 3, width: Double = 2)
    /// Bars from zero, of a width in units of the axis.
    case bars(width: Double)
    /// The area between the values and lower ones.
    case band(lower: [Double])
  }

  /// Values that are drawn alike.
  public struct Series: Sendable {
    /// What the values are; a series without a name is not listed.
    public var name: String
    /// The horizontal coordinates.
    public var x: [Double]
    /// The vertical coordinates.
    public var y: [Double]
    /// The colour.
    public var paint: Paint
    /// What is drawn.
    public var mark: Mark

    /// Makes a series.
    ///
    /// - Precondition: there are as many x as y coordinates, and as many lower ends of a band.
    public init(
      _ name: String, x: [Double], y: [Double], paint: Paint = .ink, mark: Mark = .line()
    ) {
      precondition(x.count == y.count, "A series needs as many x coordinates as y coordinates.")
      if case .band(let lower) = mark {
        precondition(lower.count == y.count, "A band needs as many lower as upper ends.")
      }
      self.name = name
      self.x = x
      self.y = y
      self.paint = paint
      self.mark = mark
    }
  }

  /// Where the names of series stand.
  public enum Key: Sendable {
    /// In a row above the chart.
    case above
    /// At the right ends of lines; what is not a line stands above.
    case direct
    /// Nowhere.
    case none
  }

  /// What the chart shows, for readers who do not see it.
  public var description: String
  /// The horizontal axis.
  public var x: Axis
  /// The vertical axis.
  public var y: Axis
  /// The series, from the lowest to the topmost.
  public var series: [Series]
  /// A picture behind the series.
  public var backdrop: SVGHeatMap?
  /// Where names stand.
  public var key: Key
  /// The width of the whole chart, in units of its own.
  public var width: Double
  /// The height of the area inside the axes over its width.
  public var aspect: Double

  /// Makes a chart.
  public init(
    _ description: String, x: Axis, y: Axis, series: [Series], backdrop: SVGHeatMap? = nil,
    key: Key = .above, width: Double = 480, aspect: Double = 0.56
  ) {
    precondition(width >= 160 && aspect > 0.1 && aspect < 5, "A chart needs room to be drawn.")
    self.description = description
    self.x = x
    self.y = y
    self.series = series
    self.backdrop = backdrop
    self.key = key
    self.width = width
    self.aspect = aspect
  }

  /// The chart as an element of a page.
  public var html: HTML { SVGChartRenderer(self).html }
}
