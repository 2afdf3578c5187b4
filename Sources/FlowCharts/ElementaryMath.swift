#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The few functions of the platform's math library that drawing needs.
///
/// Keeping them behind one name keeps the conditional import in one file.
enum ElementaryMath {
  static func cosine(_ radians: Double) -> Double { cos(radians) }
  static func sine(_ radians: Double) -> Double { sin(radians) }
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
  static func powerOfTen(_ exponent: Int) -> Double { pow(10, Double(exponent)) }
  static func log10(_ value: Double) -> Double {
    // The logarithm of an exact power of ten must come out whole, whatever the library rounds to.
    let raw = logarithm(value)
    let whole = raw.rounded()
    return abs(raw - whole) < 1e-13 * max(1, abs(whole)) ? whole : raw
  }
  static func cubeRoot(_ value: Double) -> Double { cbrt(value) }
}

/// The platform's decimal logarithm, out of reach of the method of the same name.
private func logarithm(_ value: Double) -> Double { log10(value) }
