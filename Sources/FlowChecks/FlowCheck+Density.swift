import Flows

extension FlowCheck {
  /// ∫ p = 1: by quadrature for D ≤ 2, else by importance sampling.
  public static let integral = FlowCheck(
    "integral of the density", preparing: { $0.dimension > 2 ? nil : $0.integralRule },
    { subject, rule in
      if let rule {
        return [
          deviation(
            "quadrature", found: [rule.masses(subject).sum().scalar], expected: [1],
            tolerance: 1e-3)
        ]
      }
      let (found, error) = try ImportanceSample.adaptive(subject).integral
      return [
        abs(found - 1) <= 5 * error && error < 0.03
          ? nil : "found \(found) ± \(error), expected 1"
      ]
    })

  /// Draws counted in cells against the integral of the density over them; of each column for D > 2.
  public static let samples = FlowCheck(
    "draws against the density", preparing: DrawCells.init
  ) { subject, cells in
    let count = cells.drawCount
    let draws = subject.coordinates(of: subject.draws(count, seed: 6))
    switch cells.masses {
    case .joint(let masses):
      let p = goodnessOfFit(counts: cells.counts(draws), masses: masses, total: count)
      return [p > 0.001 ? nil : "χ² test: p = \(p)"]
    case .marginal(let masses):
      return draws.indices.map { column in
        let p = cells.marginalFit(column, draws[column], masses[column])
        return p > 1e-4 ? nil : "χ² test of column \(column): p = \(p)"
      }
    }
  }

  /// The log-density that comes with a draw is that of the draw.
  public static let sampleDensities = FlowCheck("log-densities of draws") { subject in
    let count = 500
    var generator = PhiloxGenerator(seed: 11)
    let context = subject.context(count)
    let (draws, logDensity) = subject.model.sampleWithLogDensity(
      count, context: context, using: &generator)
    return [
      draws.shape == [count, subject.dimension] && logDensity.shape == [count]
        ? nil : "draws of shape \(draws.shape) with log-densities of shape \(logDensity.shape)",
      deviation(
        "log-density", found: logDensity,
        expected: subject.model.logDensity(of: draws, context: context),
        tolerance: max(1e-9, 1e4 * (subject.flowCase?.roundTrip ?? 0))),
    ]
  }

  /// Other context rows give another density.
  public static let context = FlowCheck("context") { subject in
    guard subject.contextDimension > 0 else { return [] }
    let x = subject.points(8)
    let model = subject.model
    let one = model.logDensity(of: x, context: subject.context(8, seed: 7))
    let other = model.logDensity(of: x, context: subject.context(8, seed: 8))
    let least = abs(one - other).min(axis: 0).scalar
    return [least > 1e-6 ? nil : "the context changes a log-density by no more than \(least)"]
  }
}

/// Cells between quantiles of other draws, with the mass of the density in each.
private struct DrawCells {
  enum Masses {
    /// Of the cells of one or two columns, the last column fastest.
    case joint([Double])
    /// For each column, those of its own cells with their standard error.
    case marginal([[(mean: Double, error: Double)]])
  }

  /// For each column, the ends of its cells.
  private let splits: [[Double]]
  let masses: Masses
  /// Marginal masses are sampled themselves, so that as much again is needed to see the same.
  let drawCount: Int

  init(_ subject: CheckSubject) throws {
    let splits = subject.splits(
      levels: [0.01, 0.03] + (1...9).map { Double($0) / 10 } + [0.97, 0.99])
    self.splits = splits
    guard subject.dimension <= 2 else {
      drawCount = 60_000
      let sample = try ImportanceSample.adaptive(subject, from: drawCount)
      masses = .marginal(
        splits.indices.map { column in
          let cells = sample.coordinates[column].map { Self.cell(of: $0, splits[column]) }
          return (0..<splits[column].count - 1).map { cell in
            sample.mean(where: { cells[$0] == cell })
          }
        })
      return
    }
    drawCount = 20_000
    let rule = GridRule(
      subject,
      splits.map { splits in
        var rule = LineRule()
        rule.addPieces(between: splits)
        return rule
      })
    let shape = splits.flatMap { [$0.count - 1, 6] }
    masses = .joint(
      rule.masses(subject).reshaped(to: shape)
        .sum(axes: Array(stride(from: 1, to: shape.count, by: 2))).scalars)
  }

  /// Draws in each cell of all columns.
  func counts(_ draws: [[Double]]) -> [Int] {
    var counts = [Int](repeating: 0, count: splits.reduce(1) { $0 * ($1.count - 1) })
    for row in draws[0].indices {
      var cell: Int? = 0
      for column in splits.indices {
        let own = Self.cell(of: draws[column][row], splits[column])
        cell = cell.flatMap { cell in own.map { cell * (splits[column].count - 1) + $0 } }
      }
      if let cell { counts[cell] += 1 }
    }
    return counts
  }

  /// The p-value of the counts of one column against masses that were sampled themselves.
  func marginalFit(
    _ column: Int, _ draws: [Double], _ masses: [(mean: Double, error: Double)]
  ) -> Double {
    var counts = [Int](repeating: 0, count: masses.count)
    for y in draws {
      if let cell = Self.cell(of: y, splits[column]) { counts[cell] += 1 }
    }
    var statistic = 0.0
    for (count, mass) in zip(counts, masses) {
      let distance = Double(count) / Double(draws.count) - mass.mean
      let variance = mass.mean * (1 - mass.mean) / Double(draws.count) + mass.error * mass.error
      statistic += distance * distance / max(variance, 1e-12)
    }
    return chiSquaredTail(statistic, degrees: masses.count)
  }

  private static func cell(of y: Double, _ ends: [Double]) -> Int? {
    guard let above = ends.firstIndex(where: { y < $0 }), above > 0 else { return nil }
    return above - 1
  }
}
