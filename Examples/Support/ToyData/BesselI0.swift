#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#elseif canImport(Glibc)
  import Glibc
#endif

/// The modified Bessel function I₀ times the exponential of minus its argument.
///
/// The scaling keeps the value between 0 and 1, where I₀ alone overflows beyond 713. The relative
/// error is a few units of 10⁻¹⁶.
package func scaledBesselI0(_ argument: Double) -> Double {
  let x = abs(argument)
  // The least term of the asymptotic series is about exp(−2x), which is below 10⁻¹⁷ from 20 on;
  // the power series has only positive terms and so loses nothing to cancellation.
  return x < 25 ? exp(-x) * besselI0PowerSeries(x) : besselI0AsymptoticSeries(x)
}

/// I₀(x) = Σ (x²/4)ᵏ / (k!)².
private func besselI0PowerSeries(_ x: Double) -> Double {
  let quarter = 0.25 * x * x
  var term = 1.0
  var sum = 1.0
  var k = 1.0
  while term > 1e-17 * sum {
    term *= quarter / (k * k)
    sum += term
    k += 1
  }
  return sum
}

/// exp(−x) I₀(x) = Σ ((1·3·…·(2k − 1))² / (k! (8x)ᵏ)) / √(2πx), for large x.
private func besselI0AsymptoticSeries(_ x: Double) -> Double {
  let scale = 1 / (8 * x)
  var term = 1.0
  var sum = 1.0
  var k = 1.0
  // By the thirtieth term, long before the terms grow again, the series has converged.
  while term > 1e-17 && k < 30 {
    let odd = 2 * k - 1
    term *= odd * odd / k * scale
    sum += term
    k += 1
  }
  return sum / (2 * Double.pi * x).squareRoot()
}
