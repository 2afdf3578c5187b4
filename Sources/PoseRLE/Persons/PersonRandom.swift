import Flows

/// Draws from one Philox stream, each the same bits on every platform.
struct PersonRandom {
  private var generator: PhiloxGenerator

  init(_ generator: PhiloxGenerator) {
    self.generator = generator
  }

  /// Uniform in [0, 1).
  mutating func uniform() -> Double { Double(generator.next() >> 11) * 0x1p-53 }

  /// Uniform between two bounds.
  mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// True with a given probability.
  mutating func chance(_ probability: Double) -> Bool { uniform() < probability }

  /// Uniform in 0 ..< count.
  mutating func index(_ count: Int) -> Int { min(Int(uniform() * Double(count)), count - 1) }

  /// An index with probability proportional to its weight.
  mutating func index(weights: [Double]) -> Int {
    var left = uniform() * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      left -= weight
      if left < 0 { return index }
    }
    return weights.count - 1
  }

  /// Two independent standard normal numbers (Box and Muller, 1958).
  mutating func normals() -> SIMD2<Double> {
    let radius = (-2 * PortableMath.log(1 - uniform())).squareRoot()
    let (sine, cosine) = PortableMath.sineAndCosine(2 * .pi * uniform())
    return SIMD2(radius * cosine, radius * sine)
  }

  /// Normal, cut at three deviations.
  mutating func normal(_ mean: Double, _ deviation: Double) -> Double {
    mean + deviation * max(-3, min(3, normals().x))
  }

  /// 1 or −1.
  mutating func sign() -> Double { chance(0.5) ? 1 : -1 }

  /// 32 random bits.
  mutating func seed() -> UInt32 { UInt32(truncatingIfNeeded: generator.next()) }
}
