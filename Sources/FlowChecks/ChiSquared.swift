import Foundation

/// The probability that a χ² variable of k degrees of freedom exceeds a value.
///
/// By Wilson and Hilferty: the cube root of χ²/k is nearly normal.
func chiSquaredTail(_ statistic: Double, degrees: Int) -> Double {
  let k = Double(max(1, degrees))
  let z = (cbrt(statistic / k) - (1 - 2 / (9 * k))) / (2 / (9 * k)).squareRoot()
  return erfc(z / 2.0.squareRoot()) / 2
}

/// The p-value of Pearson's χ² test; what lies in no cell, and cells of small mass, are one cell.
package func goodnessOfFit(counts: [Int], masses: [Double], total: Int) -> Double {
  var (restCount, restMass) = (total, 1.0)
  var (statistic, cells) = (0.0, 0)
  func add(_ count: Int, _ expected: Double) {
    let distance = Double(count) - expected
    statistic += distance * distance / expected
    cells += 1
  }
  for (count, mass) in zip(counts, masses) where mass * Double(total) >= 10 {
    add(count, mass * Double(total))
    restCount -= count
    restMass -= mass
  }
  // A mass below zero is as much of a contradiction as draws where there is no mass.
  if restMass * Double(total) >= 5 || restCount > 0 {
    add(restCount, max(restMass * Double(total), 1e-3))
  }
  return chiSquaredTail(statistic, degrees: cells - 1)
}
