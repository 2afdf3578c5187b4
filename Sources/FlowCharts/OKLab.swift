/// A colour in OKLab, where equal steps look about equally large.
struct OKLab: Sendable {
  var lightness: Double
  var a: Double
  var b: Double

  init(lightness: Double, a: Double, b: Double) {
    self.lightness = lightness
    self.a = a
    self.b = b
  }

  init(_ color: Color) {
    let red = OKLab.linear(color.red)
    let green = OKLab.linear(color.green)
    let blue = OKLab.linear(color.blue)
    let long = ElementaryMath.cubeRoot(
      0.412_221_470_8 * red + 0.536_332_536_3 * green + 0.051_445_992_9 * blue)
    let middle = ElementaryMath.cubeRoot(
      0.211_903_498_2 * red + 0.680_699_545_1 * green + 0.107_396_956_6 * blue)
    let short = ElementaryMath.cubeRoot(
      0.088_302_461_9 * red + 0.281_718_837_6 * green + 0.629_978_700_5 * blue)
    lightness = 0.210_454_255_3 * long + 0.793_617_785_0 * middle - 0.004_072_046_8 * short
    a = 1.977_998_495_1 * long - 2.428_592_205_0 * middle + 0.450_593_709_9 * short
    b = 0.025_904_037_1 * long + 0.782_771_766_2 * middle - 0.808_675_766_0 * short
  }

  var color: Color {
    func cube(_ value: Double) -> Double { value * value * value }
    let long = cube(lightness + 0.396_337_777_4 * a + 0.215_803_757_3 * b)
    let middle = cube(lightness - 0.105_561_345_8 * a - 0.063_854_172_8 * b)
    let short = cube(lightness - 0.089_484_177_5 * a - 1.291_485_548_0 * b)
    return Color(
      red: OKLab.encoded(
        4.076_741_662_1 * long - 3.307_711_591_3 * middle + 0.230_969_929_2 * short),
      green: OKLab.encoded(
        -1.268_438_004_6 * long + 2.609_757_401_1 * middle - 0.341_319_396_5 * short),
      blue: OKLab.encoded(
        -0.004_196_086_3 * long - 0.703_418_614_7 * middle + 1.707_614_701_0 * short))
  }

  /// Gives the colour a fraction of the way towards another one.
  func mixed(with other: OKLab, fraction: Double) -> OKLab {
    OKLab(
      lightness: lightness + (other.lightness - lightness) * fraction,
      a: a + (other.a - a) * fraction,
      b: b + (other.b - b) * fraction)
  }

  private static func linear(_ component: UInt8) -> Double {
    let value = Double(component) / 255
    return value <= 0.04045
      ? value / 12.92 : ElementaryMath.power((value + 0.055) / 1.055, 2.4)
  }

  private static func encoded(_ value: Double) -> UInt8 {
    let clamped = min(max(value, 0), 1)
    let curve =
      clamped <= 0.003_130_8
      ? clamped * 12.92 : 1.055 * ElementaryMath.power(clamped, 1 / 2.4) - 0.055
    return UInt8((curve * 255).rounded())
  }
}
