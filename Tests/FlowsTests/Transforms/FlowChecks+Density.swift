import Foundation

@testable import Flows

extension FlowCheck {
  /// ∫ p = 1: by quadrature for D ≤ 2, else by importance sampling.
  static let integral = FlowCheck("integral of the density") { subject in
    let count = 4_000
    let model = subject.model
    var generator = PhiloxGenerator(seed: 5)
    if subject.dimension > 2 {
      let (found, error) = importanceSampledIntegral(subject, 20_000, &generator)
      guard abs(found - 1) <= 5 * error, error < 0.03 else {
        return ["found \(found) ± \(error), expected 1"]
      }
      return []
    }
    // The box holds the image of |z| ≤ 5, outside of which lies 4e-6 of the mass or less.
    let z = Tensor<Double>.normal([count, subject.dimension], using: &generator)
    let length = sqrt(z.squared().sum(axis: 1, keepingAxis: true))
    let reach = Tensor<Double>.uniform([count, 1], in: 0..<5, using: &generator)
    let image = model.toData(z / length * reach, context: subject.fixedContext(count)).value
    let sides = (0..<subject.dimension).map { column in
      let values = image.columns([column])
      let (low, high) = (
        values.flattened().min(axis: 0).scalar, values.flattened().max(axis: 0).scalar
      )
      let margin = 0.05 * (high - low)
      return Tensor<Double>.linearSpace(
        low - margin...high + margin, count: subject.dimension == 1 ? 2_000 : subject.row.nodes)
    }
    let nodes = grid(sides)
    let density = exp(
      model.logDensity(of: nodes, context: subject.fixedContext(nodes.shape[0])))
    let cell = sides.map { $0[1] - $0[0] }.reduce(1, *)
    return [
      deviation(
        "quadrature", found: [density.sum().scalar * cell], expected: [1], tolerance: 1e-3)
    ]
  }

  /// Mean and standard error of p / q under draws of q, a product of Laplace densities.
  private static func importanceSampledIntegral(
    _ subject: FlowSubject, _ count: Int, _ generator: inout PhiloxGenerator
  ) -> (mean: Double, error: Double) {
    let context = subject.fixedContext(count)
    let draws = subject.model.sample(count, context: context, using: &generator)
    let proposal = Laplace(
      location: draws.mean(axis: 0), scale: sqrt(draws.variance(axis: 0)) * 0.8)
    let (x, logProposal) = proposal.sampleWithLogDensity(count, using: &generator)
    let ratio = exp(subject.model.logDensity(of: x, context: context) - logProposal)
    let error = sqrt(ratio.variance(axis: 0)).scalar / Double(count).squareRoot()
    return (ratio.mean().scalar, error)
  }

  /// Draws counted in cells against the integral of the density over them, for D = 2.
  static let samples = FlowCheck("draws against the density") { subject in
    guard subject.dimension == 2 else { return [] }
    let (count, cells, inner) = (20_000, 10, 8)
    var generator = PhiloxGenerator(seed: 6)
    let draws = subject.model.sample(count, context: subject.fixedContext(count), using: &generator)
    let box = (0..<2).map { axis in
      let column = draws.columns([axis])
      let (mean, width) = (column.mean().scalar, sqrt(column.variance(axis: 0)).scalar)
      return (low: mean - 2.5 * width, high: mean + 2.5 * width)
    }

    // Midpoints, `inner` along each side of a cell.
    let sides = box.map { low, high in
      let half = (high - low) / Double(2 * cells * inner)
      return Tensor<Double>.linearSpace(low + half...high - half, count: cells * inner)
    }
    let nodes = grid(sides)
    let area = sides.map { $0[1] - $0[0] }.reduce(1, *)
    let density = exp(
      subject.model.logDensity(of: nodes, context: subject.fixedContext(nodes.shape[0])))
    let masses = (density * area)
      .reshaped(to: [cells, inner, cells, inner]).sum(axes: [1, 3]).scalars

    let places = box.indices.map { axis in
      let (low, high) = box[axis]
      return floor((draws.columns([axis]) - low) * (Double(cells) / (high - low)))
        .clipped(to: -1...Double(cells)).scalars
    }
    var counts = [Int](repeating: 0, count: cells * cells)
    for (first, second) in zip(places[0], places[1])
    where min(first, second) >= 0 && max(first, second) < Double(cells) {
      counts[Int(first) * cells + Int(second)] += 1
    }
    let probability = goodnessOfFit(counts: counts, masses: masses, total: count)
    return probability > 0.001 ? [] : ["χ² test: p = \(probability)"]
  }

  /// Other context rows give another density.
  static let context = FlowCheck("context") { subject in
    let x = subject.points(8)
    guard subject.contextDimension > 0 else {
      return [subject.context(8) == nil ? nil : "context for a flow that takes none"]
    }
    let model = subject.model
    let one = model.logDensity(of: x, context: subject.context(8, seed: 7))
    let other = model.logDensity(of: x, context: subject.context(8, seed: 8))
    let least = abs(one - other).min(axis: 0).scalar
    return [least > 1e-6 ? nil : "the context changes a log-density by no more than \(least)"]
  }
}

/// All points of a grid `[n, D]`, the last side fastest.
func grid(_ sides: [Tensor<Double>]) -> Tensor<Double> {
  guard sides.count == 2 else { return sides[0].expanded(axis: 1) }
  let (rows, columns) = (sides[0].count, sides[1].count)
  let first = sides[0].expanded(axis: 1).broadcast(to: [rows, columns])
  let second = sides[1].broadcast(to: [rows, columns])
  return .concatenated(
    [first.reshaped(to: [-1, 1]), second.reshaped(to: [-1, 1])], axis: 1)
}

/// The p-value of Pearson's χ² test; what lies in no cell, and cells of small mass, are one cell.
func goodnessOfFit(counts: [Int], masses: [Double], total: Int) -> Double {
  var (restCount, restMass) = (total, 1.0)
  var (statistic, degrees) = (0.0, 0)
  func add(_ count: Int, _ expected: Double) {
    let distance = Double(count) - expected
    statistic += distance * distance / expected
    degrees += 1
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
  // Wilson and Hilferty: the cube root of χ²/k is nearly normal.
  let k = Double(degrees - 1)
  let z = (cbrt(statistic / k) - (1 - 2 / (9 * k))) / (2 / (9 * k)).squareRoot()
  return erfc(z / 2.0.squareRoot()) / 2
}
