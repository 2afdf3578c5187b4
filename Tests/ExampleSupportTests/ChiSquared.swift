import Foundation
import Testing

/// The probability that a χ² variable exceeds a value: Q(df/2, value/2).
func chiSquaredTail(_ value: Double, degreesOfFreedom: Int) -> Double {
  regularizedUpperGamma(Double(degreesOfFreedom) / 2, value / 2)
}

/// Q(a, x) = Γ(a, x)/Γ(a), by the series of P below a + 1 and a continued fraction above.
func regularizedUpperGamma(_ a: Double, _ x: Double) -> Double {
  guard x > 0 else { return 1 }
  guard x.isFinite else { return 0 }
  let scale = exp(a * log(x) - x - lgamma(a))
  if x < a + 1 {
    var term = 1 / a
    var sum = term
    var k = a
    while term > 1e-17 * sum {
      k += 1
      term *= x / k
      sum += term
    }
    return 1 - scale * sum
  }
  // Lentz's method for the continued fraction.
  var b = x + 1 - a
  var c = Double.greatestFiniteMagnitude
  var d = 1 / b
  var fraction = d
  for step in 1...10_000 {
    let numerator = -Double(step) * (Double(step) - a)
    b += 2
    d = 1 / (numerator * d + b)
    c = b + numerator / c
    fraction *= c * d
    if abs(c * d - 1) < 1e-15 { break }
  }
  return scale * fraction
}

@Suite("Chi-squared tail")
struct ChiSquaredTests {
  @Test("agrees with closed forms and tables")
  func values() {
    for x in [0.1, 1.0, 5, 20] {
      #expect(abs(chiSquaredTail(x, degreesOfFreedom: 2) - exp(-x / 2)) < 1e-13)
      #expect(abs(chiSquaredTail(x, degreesOfFreedom: 1) - erfc((x / 2).squareRoot())) < 1e-13)
      let four = exp(-x / 2) * (1 + x / 2)
      #expect(abs(chiSquaredTail(x, degreesOfFreedom: 4) - four) < 1e-13)
    }
    #expect(abs(chiSquaredTail(124.342_113, degreesOfFreedom: 100) - 0.05) < 1e-7)
    #expect(abs(chiSquaredTail(77.929_465, degreesOfFreedom: 100) - 0.95) < 1e-7)
  }
}
