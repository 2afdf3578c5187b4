/// One axis of a chart, laid out: its ends as drawn, and its ticks.
struct SVGAxis {
  let scale: LineChart.Scale
  let low: Double
  let high: Double
  private(set) var ticks: Ticks

  /// Lays an axis out over the values of the data.
  ///
  /// - Parameters:
  ///   - axis: What is asked for.
  ///   - values: All values along the axis.
  ///   - room: The share of the extent that is added at both ends where the data set the range.
  ///   - count: About how many ticks there shall be.
  init(_ axis: SVGChart.Axis, values: [Double], room: Double, count: Int) {
    scale = axis.scale
    var low = Double.infinity
    var high = -Double.infinity
    for value in values + (axis.including.map { [$0] } ?? []) {
      let drawn = SVGAxis.drawn(value, axis.scale)
      guard abs(drawn) < 1e290 else { continue }
      (low, high) = (min(low, drawn), max(high, drawn))
    }
    if let range = axis.range {
      let ends = [range.lowerBound, range.upperBound].map { SVGAxis.drawn($0, axis.scale) }
      if ends.allSatisfy(\.isFinite) {
        (low, high) = (ends[0], ends[1])
      }
    } else if low <= high {
      let extent = high - low > max(abs(high), abs(low)) * 1e-9 ? high - low : 0
      let margin = extent > 0 ? extent * room : max(abs(high), 1) * 0.1
      let edge = axis.including.map { SVGAxis.drawn($0, axis.scale) }
      // An axis that is to begin at zero begins there.
      low = low == edge && extent > 0 ? low : low - margin
      high = high == edge && extent > 0 ? high : high + margin
    }
    if !(low < high) {
      let middle = low.isFinite ? low : 0
      (low, high) = low.isFinite ? (middle - 0.5, middle + 0.5) : (0, 1)
    }
    if axis.scale == .logarithmic {
      (low, high) = (max(low, -250), min(high, 250))
      if !(low < high) { (low, high) = (-1, 1) }
    }
    self.low = low
    self.high = high
    switch axis.scale {
    case .linear:
      let factor = axis.isShare ? 100.0 : 1.0
      var linear = Ticks.linear(over: low * factor...high * factor, about: count)
      if axis.isShare {
        linear.values = linear.values.map { $0 / 100 }
        linear.labels = linear.labels.map { $0 + "\u{202F}%" }
      }
      ticks = linear
    case .logarithmic:
      let range = ElementaryMath.power(10, low)...ElementaryMath.power(10, high)
      ticks = SVGAxis.logarithmicTicks(over: range, count: count)
    }
  }

  /// Marks at plain numbers where there are few decades, which read easier than powers of ten.
  private static func logarithmicTicks(over range: ClosedRange<Double>, count: Int) -> Ticks {
    guard range.lowerBound >= 1e-4, range.upperBound <= 1e6 else {
      return Ticks.logarithmic(over: range)
    }
    let first = NumberText.exponent(of: range.lowerBound)
    let last = NumberText.exponent(of: range.upperBound)
    guard first <= last else { return Ticks.logarithmic(over: range) }
    let choices: [[Double]] = [[1, 2, 5], [1, 3], [1]]
    let (low, high) = (range.lowerBound * (1 - 1e-9), range.upperBound * (1 + 1e-9))
    for digits in choices {
      var values: [Double] = []
      for exponent in first...last {
        let power = ElementaryMath.powerOfTen(abs(exponent))
        for digit in digits {
          let value = exponent < 0 ? digit / power : digit * power
          if value >= low, value <= high { values.append(value) }
        }
      }
      if values.count >= 2, values.count <= count + 2 {
        return Ticks(values: values, labels: values.map { NumberText.rounded($0, digits: 1) })
      }
    }
    return Ticks.logarithmic(over: range)
  }

  /// A value as it is drawn; not finite where it cannot be.
  static func drawn(_ value: Double, _ scale: LineChart.Scale) -> Double {
    switch scale {
    case .linear: value
    case .logarithmic: value > 0 ? ElementaryMath.log10(value) : .nan
    }
  }

  /// The place of a value, from 0 to 1.
  func share(_ value: Double) -> Double {
    let place = (SVGAxis.drawn(value, scale) - low) / (high - low)
    return abs(place) < 1e4 ? place : .nan
  }
}
