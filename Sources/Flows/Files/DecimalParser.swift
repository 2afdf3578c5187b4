#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Reads decimal numbers from text, correctly rounded and whatever the language of the system.
///
/// Most numbers have few digits: an integer and a power of ten that are both exact in `Double`, so
/// that one division or multiplication rounds correctly (W. D. Clinger, "How to read floating point
/// numbers accurately", 1990). The others go to the C library, as digits and an exponent without a
/// decimal point, since the point is what depends on the language.
struct DecimalParser {
  private let single: Bool
  private let powers: [Double]
  private var text: [CChar] = []

  /// Prepares to read numbers rounded to `Float` (`single`) or `Double`.
  init(single: Bool) {
    self.single = single
    powers = [
      1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
      1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
  }

  /// The number that the bytes from `start` to `end` spell, or nil if they spell none.
  ///
  /// The form is digits with an optional sign, decimal point and exponent. A number beyond the range
  /// is infinite, one too close to zero is zero.
  mutating func parse(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Double? {
    var index = start
    var isNegative = false
    if index < end, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    let digitsStart = index
    var mantissa: UInt64 = 0
    var significant = 0
    var digitCount = 0
    var fractionCount = 0
    var inFraction = false
    while index < end {
      let digit = bytes[index] &- 0x30
      if digit < 10 {
        digitCount += 1
        if inFraction { fractionCount += 1 }
        if significant < 19 {
          mantissa = mantissa * 10 + UInt64(digit)
          if mantissa != 0 { significant += 1 }
        } else {
          significant += 1
        }
      } else if bytes[index] == UInt8(ascii: "."), !inFraction {
        inFraction = true
      } else {
        break
      }
      index += 1
    }
    let digitsEnd = index
    guard digitCount > 0 else { return nil }
    var exponent = 0
    if index < end {
      guard bytes[index] | 0x20 == UInt8(ascii: "e"),
        let value = exponentValue(bytes, index + 1, end)
      else { return nil }
      exponent = value
    }
    exponent -= fractionCount

    let magnitude: Double
    if mantissa == 0 {
      magnitude = 0
    } else if significant <= 19, mantissa <= 1 << 53, (-22...22).contains(exponent) {
      let exact = Double(mantissa)
      magnitude = exponent < 0 ? exact / powers[-exponent] : exact * powers[exponent]
    } else {
      magnitude = slow(bytes, digitsStart, digitsEnd, significant, exponent, single: false)
    }
    var result = magnitude
    if single {
      result =
        Self.roundsTwice(magnitude)
        ? slow(bytes, digitsStart, digitsEnd, significant, exponent, single: true)
        : Double(Float(magnitude))
    }
    return isNegative ? -result : result
  }

  /// Whether rounding to `Double` first may change the rounding to `Float`.
  ///
  /// It can only when the `Double` lies halfway between two values of `Float`, at a different place
  /// for values below the normal range; those are rare and not told apart.
  private static func roundsTwice(_ magnitude: Double) -> Bool {
    if magnitude < 0x1p-125 { return magnitude != 0 }
    return magnitude.bitPattern & 0x1FFF_FFFF == 0x1000_0000
  }

  private func exponentValue(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int? {
    var index = start
    var isNegative = false
    if index < end, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
      isNegative = bytes[index] == UInt8(ascii: "-")
      index += 1
    }
    guard index < end else { return nil }
    var value = 0
    while index < end {
      let digit = bytes[index] &- 0x30
      guard digit < 10 else { return nil }
      // Larger values are all the same: far beyond any range even for a number of a million digits.
      if value < 1_000_000_000_000 { value = value * 10 + Int(digit) }
      index += 1
    }
    return isNegative ? -value : value
  }

  private mutating func slow(
    _ bytes: [UInt8], _ start: Int, _ end: Int, _ significant: Int, _ exponent: Int, single: Bool
  ) -> Double {
    // The number lies between 10 to the power of order - 1 and of order.
    let order = significant + exponent
    if order > 310 { return .infinity }
    if order < -330 { return 0 }
    text.removeAll(keepingCapacity: true)
    var seen = false
    for byte in bytes[start..<end] where byte != UInt8(ascii: ".") {
      if byte != 0x30 { seen = true }
      if seen { text.append(CChar(bitPattern: byte)) }
    }
    text.append(CChar(bitPattern: UInt8(ascii: "e")))
    for byte in String(exponent).utf8 { text.append(CChar(bitPattern: byte)) }
    text.append(0)
    return single ? Double(strtof(text, nil)) : strtod(text, nil)
  }
}
