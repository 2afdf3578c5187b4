import Flows
import Foundation

/// Nodes and weights of a rule on the line.
struct LineRule {
  private(set) var nodes: [Double] = []
  private(set) var weights: [Double] = []

  /// Six Gauss–Legendre nodes in each piece between two splits.
  mutating func addPieces(between splits: [Double]) {
    let half = [
      (0.238_619_186_083_196_9, 0.467_913_934_572_691_0),
      (0.661_209_386_466_264_5, 0.360_761_573_048_138_6),
      (0.932_469_514_203_152_1, 0.171_324_492_379_170_4),
    ]
    for (low, high) in zip(splits, splits.dropFirst()) {
      let (middle, reach) = ((low + high) / 2, (high - low) / 2)
      for (place, weight) in half.reversed().map({ (-$0.0, $0.1) }) + half {
        nodes.append(middle + reach * place)
        weights.append(reach * weight)
      }
    }
  }

  /// An exp–sinh rule on either side of the outermost splits (Takahasi and Mori, 1974): it serves
  /// tails that fall like powers as well as those that fall like Gaussians.
  mutating func addTails(beyond splits: [Double], step: Double, upTo largest: Double) {
    guard let low = splits.first, let high = splits.last else { return }
    let scale = max((high - low) / 4, 1e-300)
    for t in stride(from: -3.4, through: 3.4, by: step) {
      let distance = scale * exp(.pi / 2 * sinh(t))
      let weight = step * distance * .pi / 2 * cosh(t)
      for node in [low - distance, high + distance] where abs(node) <= largest {
        nodes.append(node)
        weights.append(weight)
      }
    }
  }
}

/// Nodes in one or two columns, with weights for sums over a density.
struct GridRule {
  let x: Tensor<Double>
  /// Weight times dx/dy.
  let logWeights: Tensor<Double>

  init(_ subject: CheckSubject, _ sides: [LineRule]) {
    let inner = sides.count == 2 ? sides[1].nodes.indices : 0..<1
    var coordinates = [[Double]](repeating: [], count: sides.count)
    var logWeights: [Double] = []
    for i in sides[0].nodes.indices {
      for j in inner {
        coordinates[0].append(sides[0].nodes[i])
        var weight = sides[0].weights[i]
        if sides.count == 2 {
          coordinates[1].append(sides[1].nodes[j])
          weight *= sides[1].weights[j]
        }
        logWeights.append(Foundation.log(weight))
      }
    }
    let (x, logSlope) = subject.rows(at: coordinates)
    self.x = x
    self.logWeights = Tensor(logWeights) + Tensor(logSlope)
  }

  /// Weight × density at each node.
  func masses(_ subject: CheckSubject) -> Tensor<Double> { exp(subject.logDensity(x) + logWeights) }
}

extension CheckSubject {
  /// A rule over the whole support, for one or two columns.
  ///
  /// Pieces end at quantiles of draws, so that nodes lie where the mass is, and at kinks.
  var integralRule: GridRule {
    let pieces = dimension == 1 ? 60 : max(4, nodes / 6 - 12)
    let tail = [0.002, 0.004, 0.008, 0.016].filter { $0 < 0.7 / Double(pieces) }
    let middle = (1..<pieces).map { Double($0) / Double(pieces) }
    let levels = tail + middle + tail.map { 1 - $0 }
    let step = dimension == 1 ? 0.1 : 0.4
    return GridRule(
      self,
      splits(levels: levels).enumerated().map { column, splits in
        var rule = LineRule()
        rule.addPieces(between: splits)
        rule.addTails(beyond: splits, step: step, upTo: support[column].largestCoordinate)
        return rule
      })
  }

  /// For each column, quantiles of the coordinate of draws, and the kinks.
  func splits(levels: [Double]) -> [[Double]] {
    let columns = coordinates(of: draws(4_000, seed: 5))
    return columns.enumerated().map { column, values in
      let sorted = values.sorted()
      let quantiles = levels.map { sorted[Int($0 * Double(sorted.count))] }
      let (low, high) = (quantiles.min() ?? 0, quantiles.max() ?? 0)
      let kinks = kinks[column].filter(support[column].contains)
        .map(support[column].coordinate).filter { $0 > low && $0 < high }
      return Set(quantiles + kinks).sorted()
    }
  }
}
