/// Two sets of rows, every pair of columns: one set below the diagonal, the other above it, on the same axes.
///
/// The panel in row i and column j shows column i over column j, so that the two panels of a pair are
/// mirror images of each other where the sets are alike. On the diagonal are the histograms of both.
public struct PairPlot: Sendable {
  /// One set of rows.
  public struct Group: Sendable {
    /// The text in the legend.
    public var name: String
    /// The colour of its points and bars.
    public var color: Color
    /// The values, column by column.
    public var columns: [[Float]]

    /// Makes a set of rows.
    public init(name: String, color: Color, columns: [[Float]]) {
      precondition(
        columns.allSatisfy { $0.count == columns.first?.count },
        "All columns of a set have as many values.")
      self.name = name
      self.color = color
      self.columns = columns
    }

    /// The number of rows.
    public var count: Int { columns.first?.count ?? 0 }
  }

  /// The text above the panels.
  public var title: String
  /// The text below the panels.
  public var caption: String
  /// The names of the columns.
  public var names: [String]
  /// The set below the diagonal, filled on the diagonal.
  public var below: Group
  /// The set above the diagonal, an outline on the diagonal.
  public var above: Group
  /// What the axis of each column spans.
  public var ranges: [ClosedRange<Double>]
  /// The most points of a panel; of more rows some are drawn, evenly spread over the set, as many of
  /// either set.
  public var mostPoints = 2_500

  /// Makes a plot whose axes span the middle of the set below, without a share at either end.
  public init(
    title: String = "", caption: String = "", names: [String], below: Group, above: Group,
    trimming share: Double = 0.005
  ) {
    precondition(
      below.columns.count == names.count && above.columns.count == names.count && !names.isEmpty,
      "Both sets have one column for each name.")
    self.title = title
    self.caption = caption
    self.names = names
    self.below = below
    self.above = above
    ranges = below.columns.map { PairPlot.range(of: $0, trimming: share) }
  }

  /// The range of finite values without a share at either end, with a margin; never empty.
  public static func range(of values: [Float], trimming share: Double) -> ClosedRange<Double> {
    precondition(share >= 0 && share < 0.5, "A share to be left out lies between 0 and one half.")
    let sorted = values.filter(\.isFinite).sorted()
    guard !sorted.isEmpty else { return -1...1 }
    let cut = Int(Double(sorted.count) * share)
    let (low, high) = (Double(sorted[cut]), Double(sorted[sorted.count - 1 - cut]))
    // A column of one value gets an axis around it.
    let least = max(abs(low), abs(high)) * 1e-5
    guard high - low > least else {
      let reach = max(max(abs(low), abs(high)) * 0.05, 1e-6)
      return low - reach...high + reach
    }
    let margin = (high - low) * 0.04
    return low - margin...high + margin
  }

  /// The share of the rows of a set that lie outside of the range of a column.
  public func shareOutside(_ group: Group) -> Double {
    guard group.count > 0 else { return 0 }
    var isInside = [Bool](repeating: true, count: group.count)
    for (values, range) in zip(group.columns, ranges) {
      for (row, value) in values.enumerated() where !range.contains(Double(value)) {
        isInside[row] = false
      }
    }
    return Double(isInside.count { !$0 }) / Double(group.count)
  }

  /// How many points a panel has: as many of both sets, so that they can be compared.
  var pointCount: Int {
    let least = min(below.count, above.count)
    return min(mostPoints, least > 0 ? least : max(below.count, above.count))
  }

  /// A sentence on how many points are drawn; nil where those are all.
  public var drawnText: String? {
    guard max(below.count, above.count) > pointCount, names.count > 1 else { return nil }
    return "\(NumberText.fixed(Double(pointCount), decimals: 0)) points of each set are drawn; "
      + "histograms hold all."
  }

  /// The rows that are drawn as points.
  func drawnRows(_ group: Group) -> [Int] {
    let count = min(pointCount, group.count)
    return (0..<count).map { $0 * group.count / count }
  }

  /// The shares of a column in equal bins over its range, each divided by the bin's share of the range.
  func histogram(_ group: Group, _ column: Int, bins: Int) -> [Double] {
    var counts = [Double](repeating: 0, count: bins)
    let range = ranges[column]
    let width = range.upperBound - range.lowerBound
    for value in group.columns[column] where range.contains(Double(value)) {
      let place = (Double(value) - range.lowerBound) / width * Double(bins)
      counts[min(Int(place), bins - 1)] += 1
    }
    let unit = Double(bins) / Double(max(1, group.count))
    return counts.map { $0 * unit }
  }

  /// Draws the plot; a scale of 2 gives twice as many pixels in each direction.
  public func render(scale: Double = 1) -> Canvas {
    precondition(scale > 0 && scale.isFinite, "The scale of a figure must be positive.")
    return PairPlotRenderer(self, PairPlotLayout(self, scale: scale)).render()
  }
}
