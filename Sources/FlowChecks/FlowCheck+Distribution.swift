import Flows
import Foundation

extension FlowCheck {
  /// No log-density exceeds the bound that a density states.
  public static let bound = FlowCheck("bound of the log-density") { subject in
    let density = subject.model.base
    guard subject.flowCase == nil, let bound = density.logDensityBound else { return [] }
    var rows = [subject.draws(4_000, seed: 8)]
    if subject.dimension <= 2 { rows.append(subject.integralRule.x) }
    if subject.kinks.allSatisfy({ !$0.isEmpty }) {
      rows.append(Tensor([subject.kinks.map { $0[0] }]))
    }
    let largest = rows.map { subject.logDensity($0).max(axis: 0).scalar }.max() ?? bound
    return [largest <= bound + 1e-9 ? nil : "found \(largest), the bound is \(bound)"]
  }

  /// Distribution function and quantiles of a ``ColumnwiseDistribution`` agree with each other, with
  /// the density and with draws.
  public static let distributionFunction = FlowCheck("distribution function") { subject in
    guard subject.flowCase == nil, let density = subject.model.base.columnwise else { return [] }
    let dimension = subject.dimension
    func table(_ column: [Double]) -> Tensor<Double> {
      Tensor(column.map { [Double](repeating: $0, count: dimension) })
    }
    let p = table((1..<200).map { Double($0) / 200 } + [1e-6, 1 - 1e-6])
    let x = density.quantile(of: p)
    let ordered = density.quantile(of: table((1..<200).map { Double($0) / 200 }))
    let falls = (1..<199).contains { row in
      (0..<dimension).contains { ordered[row, $0] < ordered[row - 1, $0] }
    }
    return [
      deviation(
        "F(quantile(p))", found: nearest(p, density, x), expected: p, tolerance: 1e-8),
      falls ? "the quantile falls where p grows" : nil,
    ] + densityProblems(subject, density) + endProblems(subject, density)
      + drawProblems(subject, density)
  }

  /// What F comes nearest to p at x and its neighbours: quantiles are rounded, and near an end F may
  /// rise much between two numbers.
  private static func nearest(
    _ p: Tensor<Double>, _ density: any ColumnwiseDistribution<Double>, _ x: Tensor<Double>
  ) -> Tensor<Double> {
    let (below, above) = (x.scalars.map(\.nextDown), x.scalars.map(\.nextUp))
    func probability(_ scalars: [Double]) -> Tensor<Double> {
      density.cumulativeProbability(of: Tensor(shape: x.shape, scalars: scalars))
    }
    return .maximum(.minimum(p, probability(above)), probability(below))
  }

  /// The slopes of the distribution function, multiplied, are the density.
  private static func densityProblems(
    _ subject: CheckSubject, _ density: any ColumnwiseDistribution<Double>
  ) -> [String?] {
    let rows = 100
    var generator = PhiloxGenerator(seed: 12)
    let p = Tensor<Double>.uniform([rows, subject.dimension], in: 0.02..<0.98, using: &generator)
    let x = density.quantile(of: p)
    let widths =
      density.quantile(of: Tensor(repeating: 0.75, shape: [1, subject.dimension]))
      - density.quantile(of: Tensor(repeating: 0.25, shape: [1, subject.dimension]))
    let steps = Tensor<Double>.minimum(1e-4 * widths, 1e-3 * subject.distances(at: x))
    let (above, below) = (x + steps, x - steps)
    let slopes =
      (density.cumulativeProbability(of: above) - density.cumulativeProbability(of: below))
      / (above - below)
    return [
      deviation(
        "log of the slope of F against the log-density", found: log(slopes).sum(axis: 1),
        expected: subject.logDensity(x), tolerance: 1e-5)
    ]
  }

  /// Quantiles of 0 and 1 are the ends of the support, beyond which F is 0 and 1.
  private static func endProblems(
    _ subject: CheckSubject, _ density: any ColumnwiseDistribution<Double>
  ) -> [String?] {
    func row(_ values: [Double]) -> Tensor<Double> { Tensor([values]) }
    let (low, high) = (subject.support.map(\.bounds.low), subject.support.map(\.bounds.high))
    let (zeros, ones) = (low.map { _ in 0.0 }, low.map { _ in 1.0 })
    return [
      deviation(
        "quantile(0)", found: density.quantile(of: row(zeros)), expected: row(low), tolerance: 0),
      deviation(
        "quantile(1)", found: density.quantile(of: row(ones)), expected: row(high), tolerance: 0),
      deviation(
        "F below the support",
        found: density.cumulativeProbability(of: row(low.map { max($0, -1e300) - 1 })),
        expected: row(zeros), tolerance: 1e-9),
      deviation(
        "F above the support",
        found: density.cumulativeProbability(of: row(high.map { min($0, 1e300) + 1 })),
        expected: row(ones), tolerance: 1e-9),
    ]
  }

  /// F of draws is uniform.
  private static func drawProblems(
    _ subject: CheckSubject, _ density: any ColumnwiseDistribution<Double>
  ) -> [String?] {
    let (count, cells) = (20_000, 20)
    let levels = density.cumulativeProbability(of: subject.draws(count, seed: 6))
    return (0..<subject.dimension).map { column in
      var counts = [Int](repeating: 0, count: cells)
      for level in levels.columns([column]).scalars {
        // What is not a number falls into the first cell.
        counts[level > 0 ? min(Int(min(level, 1) * Double(cells)), cells - 1) : 0] += 1
      }
      let p = goodnessOfFit(
        counts: counts, masses: counts.map { _ in 1 / Double(cells) }, total: count)
      return p > 1e-4 ? nil : "χ² test of F of draws, column \(column): p = \(p)"
    }
  }
}
