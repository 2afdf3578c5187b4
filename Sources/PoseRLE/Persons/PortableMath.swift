/// Elementary functions from additions, products and divisions alone, the same bits on every
/// platform; to about 1e-15.
enum PortableMath {
  /// sin and cos of an angle in radians, |angle| below about 1e5.
  static func sineAndCosine(_ angle: Double) -> (sine: Double, cosine: Double) {
    let turns = (angle * 0.636_619_772_367_581_3).rounded(.toNearestOrEven)
    // π/2 in two parts, so that little is lost in the difference.
    let r = (angle - turns * 1.570_796_326_734_125_6) - turns * 6.077_100_506_506_192e-11
    let s = r * r
    var sine = s * 2.811_457_254_345_520_8e-15 - 7.647_163_731_819_816e-13
    sine = s * sine + 1.605_904_383_682_161_3e-10
    sine = s * sine - 2.505_210_838_544_171_7e-8
    sine = s * sine + 2.755_731_922_398_589_3e-6
    sine = s * sine - 1.984_126_984_126_984e-4
    sine = s * sine + 8.333_333_333_333_333e-3
    sine = s * sine - 0.166_666_666_666_666_67
    sine = r + r * s * sine
    var cosine = s * 4.779_477_332_387_385e-14 - 1.147_074_559_772_972_4e-11
    cosine = s * cosine + 2.087_675_698_786_81e-9
    cosine = s * cosine - 2.755_731_922_398_589e-7
    cosine = s * cosine + 2.480_158_730_158_73e-5
    cosine = s * cosine - 1.388_888_888_888_889e-3
    cosine = s * cosine + 4.166_666_666_666_666_4e-2
    cosine = 1 + s * (s * cosine - 0.5)
    switch Int(turns) & 3 {
    case 0: return (sine, cosine)
    case 1: return (cosine, -sine)
    case 2: return (-sine, -cosine)
    default: return (-cosine, sine)
    }
  }

  /// The natural logarithm of a positive, finite, normal number: 2 atanh((m − 1) / (m + 1)) + e log 2.
  static func log(_ x: Double) -> Double {
    var m = x.significand
    var e = Double(x.exponent)
    if m > 1.414_213_562_373_095 {
      m *= 0.5
      e += 1
    }
    let f = (m - 1) / (m + 1)
    let s = f * f
    var series = 0.0
    var k = 23.0
    while k > 0.5 {
      series = series * s + 1 / k
      k -= 2
    }
    return e * 0.693_147_180_559_945_3 + 2 * f * series
  }
}
