/// The marks of an axis: round numbers within a range, and how they are written.
public struct Ticks: Sendable, Equatable {
  /// The places of the marks, in ascending order.
  public var values: [Double]
  /// The text of every mark.
  public var labels: [String]
  /// The places of smaller marks without text.
  public var minor: [Double] = []

  /// Chooses about so many marks at multiples of 1, 2, or 5 times a power of ten.
  public static func linear(over range: ClosedRange<Double>, about count: Int = 5) -> Ticks {
    precondition(count > 0, "An axis needs at least one tick.")
    let extent = range.upperBound - range.lowerBound
    let largest = max(abs(range.lowerBound), abs(range.upperBound))
    guard extent.isFinite, extent > largest * 1e-11, extent > 1e-300 else {
      // The numbers could not be told apart, so one of them stands for all.
      let middle = range.lowerBound
      guard middle.isFinite else { return Ticks(values: [], labels: []) }
      return Ticks(
        values: [middle], labels: NumberText.labels(for: [middle], step: max(largest / 10, 1e-3)))
    }
    let ideal = extent / Double(count)
    let power = ElementaryMath.powerOfTen(NumberText.exponent(of: ideal))
    let step =
      [1, 2, 5, 10].map { $0 * power }
      .min { abs(extent / $0 - Double(count)) < abs(extent / $1 - Double(count)) } ?? ideal
    let slack = 1e-9
    let first = (range.lowerBound / step - slack).rounded(.up)
    let last = (range.upperBound / step + slack).rounded(.down)
    let values = first > last ? [] : (0...Int(last - first)).map { round(first + Double($0), step) }
    return Ticks(values: values, labels: NumberText.labels(for: values, step: step))
  }

  /// Chooses marks for a logarithmic axis: powers of ten, or round numbers in a short range.
  public static func logarithmic(over range: ClosedRange<Double>) -> Ticks {
    precondition(range.lowerBound > 0, "A logarithmic axis must begin above zero.")
    let low = ElementaryMath.log10(range.lowerBound)
    let high = ElementaryMath.log10(range.upperBound)
    let first = Int((low - 1e-9).rounded(.up))
    let last = Int((high + 1e-9).rounded(.down))
    guard last - first >= 1 else { return shortLogarithmic(over: range) }
    let stride = max(1, (last - first + 5) / 6)
    let exponents = (first...last).filter { $0 % stride == 0 }
    var ticks = Ticks(
      values: exponents.map(ElementaryMath.powerOfTen),
      labels: exponents.map(NumberText.powerOfTen))
    if stride == 1 {
      ticks.minor = (first - 1...last).flatMap { exponent in
        (2...9).map { Double($0) * ElementaryMath.powerOfTen(exponent) }
      }.filter { range.contains($0) }
    }
    return ticks
  }

  /// Marks for less than two whole decades.
  private static func shortLogarithmic(over range: ClosedRange<Double>) -> Ticks {
    let first = NumberText.exponent(of: range.lowerBound)
    let last = NumberText.exponent(of: range.upperBound)
    let values = (first...max(first, last)).flatMap { exponent in
      [1, 2, 5].map { $0 * ElementaryMath.powerOfTen(exponent) }
    }.filter { range.contains($0) }
    guard values.count >= 3 else { return linear(over: range, about: 4) }
    let labels = values.map { NumberText.labels(for: [$0], step: $0)[0] }
    return Ticks(values: values, labels: labels)
  }

  /// Multiplies so that the product is the number closest to its short decimal form.
  private static func round(_ count: Double, _ step: Double) -> Double {
    if count == 0 { return 0 }
    return step < 1 ? count / (1 / step).rounded() : count * step
  }
}
