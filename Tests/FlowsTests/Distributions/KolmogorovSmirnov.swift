import Foundation

/// The p-value of the one-sample Kolmogorov–Smirnov test, by the limit distribution with Stephens'
/// correction for finite samples.
func kolmogorovSmirnov(_ draws: [Double], distribution: (Double) -> Double) -> Double {
  let sorted = draws.sorted()
  let n = Double(sorted.count)
  var distance = 0.0
  for (index, x) in sorted.enumerated() {
    let p = distribution(x)
    distance = max(distance, Double(index + 1) / n - p, p - Double(index) / n)
  }
  let t = (n.squareRoot() + 0.12 + 0.11 / n.squareRoot()) * distance
  if t < 0.2 { return 1 }
  let series = (1...100).map { k in
    (k % 2 == 1 ? 2.0 : -2.0) * exp(-2 * Double(k * k) * t * t)
  }
  return min(1, max(0, series.reduce(0, +)))
}
