/// Points that fill the unit cube evenly: a rank-1 lattice with a random shift.
///
/// Point k of n is frac(k·z/n + shift), folded by 1 − |2u − 1|, which for integrands that are not
/// periodic doubles the order of convergence (Hickernell, 2002). z is the generating vector of
/// Cools, Kuo and Nuyens ("Constructing embedded lattice rules for multivariate integration", SIAM J.
/// Sci. Comput. 28, 2006) for up to 2²⁰ points, its first 64 columns; later columns are independent
/// draws.
enum LatticePoints {
  private static let generatingVector: [UInt64] = [
    1, 182_667, 469_891, 498_753, 110_745, 446_247, 250_185, 118_627, 245_333, 283_199, 408_519,
    391_023, 246_327, 126_539, 399_185, 461_527, 300_343, 69_681, 516_695, 436_179, 106_383,
    238_523, 413_283, 70_841, 47_719, 300_129, 113_029, 123_925, 410_745, 211_325, 17_489, 511_893,
    40_767, 186_077, 519_471, 255_369, 101_819, 243_573, 66_189, 152_143, 503_455, 113_217,
    132_603, 463_967, 297_717, 157_383, 224_015, 502_917, 36_237, 94_049, 170_665, 79_397, 123_963,
    223_451, 323_871, 303_633, 98_567, 318_855, 494_245, 477_137, 177_975, 64_483, 26_695, 88_779,
  ]

  /// The numbers between 0 and 1 that `Float` keeps apart from both.
  static let open = 0x1p-24...(1 - 0x1p-24)

  /// `[count, dimension]` points, count a power of two; each is uniform, and none is 0 or 1 in
  /// `Float` either.
  static func shifted(_ count: Int, dimension: Int, using generator: inout PhiloxGenerator)
    -> Tensor<Double>
  {
    let columns = Swift.min(dimension, generatingVector.count)
    let shifts = Tensor<Double>.uniform([columns], using: &generator).scalars
    var scalars: [Double] = []
    scalars.reserveCapacity(count * columns)
    for k in 0..<UInt64(count) {
      for column in 0..<columns {
        let step = k &* generatingVector[column] % UInt64(count)
        let sum = Double(step) / Double(count) + shifts[column]
        scalars.append(1 - (2 * (sum >= 1 ? sum - 1 : sum) - 1).magnitude)
      }
    }
    var points = Tensor<Double>(shape: [count, columns], scalars: scalars)
    if columns < dimension {
      points = .concatenated(
        [points, .uniform([count, dimension - columns], using: &generator)], axis: 1)
    }
    return points.clipped(to: open)
  }
}
