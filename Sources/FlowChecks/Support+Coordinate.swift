import Flows
import Foundation

/// A coordinate y that runs over all of ℝ: x itself, log x, or the logit of the place in an interval.
///
/// In it half-lines and intervals have no ends: a density that is infinite at an end of its support
/// becomes one with an exponential tail.
extension Support {
  /// How far out x(y) still changes.
  var largestCoordinate: Double { self == .real ? .greatestFiniteMagnitude : 690 }

  /// x(y), strictly within the support.
  func value(at y: Double) -> Double {
    switch self {
    case .real: return y
    case .positive: return exp(min(max(y, -690), 690))
    case .interval(let low, let high):
      let share = exp(-abs(y)) / (1 + exp(-abs(y))) * (high - low)
      return min(max(y < 0 ? low + share : high - share, low.nextUp), high.nextDown)
    case .circle: return Self.openCircle.value(at: y)
    }
  }

  /// y(x).
  func coordinate(of x: Double) -> Double {
    let y: Double
    switch self {
    case .real: return x
    case .positive: y = Foundation.log(x)
    case .interval(let low, let high): y = Foundation.log((x - low) / (high - x))
    case .circle: y = Self.openCircle.coordinate(of: x)
    }
    return min(max(y, -690), 690)
  }

  /// log dx/dy.
  func logSlope(at y: Double) -> Double {
    switch self {
    case .real: return 0
    case .positive: return y
    case .interval(let low, let high):
      return Foundation.log(high - low) - abs(y) - 2 * log1p(exp(-abs(y)))
    case .circle: return Self.openCircle.logSlope(at: y)
    }
  }

  /// The circle, cut open.
  private static let openCircle = Support.interval(-.pi, .pi)
}

extension CheckSubject {
  /// The columns of rows in their coordinates.
  func coordinates(of x: Tensor<Double>) -> [[Double]] {
    support.indices.map { column in
      x.columns([column]).scalars.map { support[column].coordinate(of: $0) }
    }
  }

  /// Rows from the coordinates of their columns, with log |det dx/dy| of each.
  func rows(at coordinates: [[Double]]) -> (x: Tensor<Double>, logSlope: [Double]) {
    let count = coordinates[0].count
    var scalars = [Double](repeating: 0, count: count * dimension)
    var logSlope = [Double](repeating: 0, count: count)
    for (column, support) in support.enumerated() {
      for (row, y) in coordinates[column].enumerated() {
        scalars[row * dimension + column] = support.value(at: y)
        logSlope[row] += support.logSlope(at: y)
      }
    }
    return (Tensor(shape: [count, dimension], scalars: scalars), logSlope)
  }
}
