/// Numbers as people read them: next to the ticks of an axis, and in tables.
public enum NumberText {
  /// What stands for a number that is missing.
  public static let missing = "\u{2013}"

  /// Writes a number with a fixed count of decimals and a true minus sign; a dash if it is missing.
  ///
  /// A number that is not finite counts as missing; one beyond 10⁹ is written with a power of ten.
  public static func shown(_ value: Double?, decimals: Int) -> String {
    guard let value, value.isFinite else { return missing }
    return abs(value) < 1e9
      ? fixed(value, decimals: decimals) : labels(for: [value], step: abs(value) / 100)[0]
  }

  /// Writes a number with so many digits that count, however large or small it is.
  public static func rounded(_ value: Double?, digits: Int) -> String {
    guard let value, value.isFinite else { return missing }
    // So small a number is a zero that rounding spoilt.
    if abs(value) < 1e-280 { return "0" }
    let places = digits - 1 - exponent(of: abs(value))
    guard places <= 9, abs(value) < 1e9 else {
      return labels(for: [value], step: ElementaryMath.powerOfTen(-places))[0]
    }
    return fixed(value, decimals: max(0, places))
  }

  /// Writes a number with a fixed count of decimals and a true minus sign.
  static func fixed(_ value: Double, decimals: Int) -> String {
    let factor = ElementaryMath.powerOfTen(decimals)
    let scaled = (abs(value) * factor).rounded()
    precondition(scaled < 9e18, "A number this large must be written with a power of ten.")
    let digits = Int64(scaled)
    let sign = value < 0 && digits > 0 ? "\u{2212}" : ""
    let unit = Int64(factor)
    let whole = sign + grouped(digits / unit)
    guard decimals > 0 else { return whole }
    let fraction = String(digits % unit)
    return whole + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
  }

  /// Writes ten to a whole power.
  static func powerOfTen(_ exponent: Int) -> String { "10" + superscript(exponent) }

  static func superscript(_ number: Int) -> String {
    let digits: [Character] = ["⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"]
    return (number < 0 ? "⁻" : "")
      + String(String(number.magnitude).compactMap { $0.wholeNumberValue }.map { digits[$0] })
  }

  /// Writes several numbers alike, with as many decimals as their distance asks for.
  static func labels(for values: [Double], step: Double) -> [String] {
    let largest = values.map(abs).max() ?? 0
    let stepExponent = exponent(of: step)
    guard largest >= 1e6 || stepExponent < -5 else {
      return values.map { fixed($0, decimals: max(0, -stepExponent)) }
    }
    let common = exponent(of: largest)
    let unit = ElementaryMath.powerOfTen(common)
    let decimals = min(max(0, common - stepExponent), 12)
    return values.map { value in
      value == 0
        ? "0"
        : fixed(value / unit, decimals: decimals) + "\u{00D7}" + powerOfTen(common)
    }
  }

  /// The power of ten of the first digit.
  static func exponent(of value: Double) -> Int {
    guard value > 0, value.isFinite else { return 0 }
    // A little more than the value, because 0.1 + 0.2 must not count as less than 0.3.
    return Int(ElementaryMath.log10(value * (1 + 1e-9)).rounded(.down))
  }

  /// Sets digits off in threes from five digits on.
  private static func grouped(_ number: Int64) -> String {
    let digits = String(number)
    guard digits.count >= 5 else { return digits }
    var result = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { result += "\u{2009}" }
      result.append(digit)
    }
    return result
  }
}
