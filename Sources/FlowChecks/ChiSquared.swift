import Foundation

/// The probability that a χ² variable of k degrees of freedom exceeds a value.
///
/// By Wilson and Hilferty: the cube root of χ²/k is nearly normal.
func chiSquaredTail(_ statistic: Double, degrees: Int) -> Double {
  let k = Double(max(1, degrees))
  let z = (cbrt(statistic / k) - (1 - 2 / (9 * k))) / (2 / (9 * k)).squareRoot()
  return erfc(z / 2.0.squareRoot()) / 2
}

/// The p-value of Pearson's χ² test; cells of small mass are one cell, and so is what lies in none.
package func goodnessOfFit(counts: [Int], masses: [Double], total: Int) -> Double {
  guard masses.allSatisfy(\.isFinite) else { return 0 }
  var (statistic, cells) = (0.0, 0)
  func add(_ count: Int, _ expected: Double) {
    let distance = Double(count) - expected
    statistic += distance * distance / expected
    cells += 1
  }
  var (small, smallMass) = (0, 0.0)
  for (count, mass) in zip(counts, masses) {
    if mass * Double(total) >= 10 {
      add(count, mass * Double(total))
    } else {
      small += count
      smallMass += mass
    }
  }
  let outside = total - counts.reduce(0, +)
  let outsideMass = 1 - masses.reduce(0, +)
  for (count, mass) in [(small, smallMass), (outside, outsideMass)]
  where count > 0 || mass * Double(total) >= 5 {
    // A mass below zero is as much of a contradiction as draws where there is no mass.
    add(count, max(mass * Double(total), 1))
  }
  return chiSquaredTail(statistic, degrees: cells - 1)
}
