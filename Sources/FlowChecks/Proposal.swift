import Flows
import Foundation

/// A heavy-tailed density fitted to the coordinates of draws.
///
/// y = center + scale · L z, where each z is Laplace, or Cauchy with a share that is large where draws
/// have heavy tails. For one half of the draws L gives y the correlations of the density's draws, for
/// the other it is the identity: what has correlations need not be an ellipsoid.
struct Proposal {
  private var center: [Double] = []
  private var scale: [Double] = []
  private var cauchyShare: [Double] = []
  /// Lower triangular, with rows of length 1; each makes its share of the draws.
  private let factors: [[[Double]]]

  init(_ columns: [[Double]]) {
    for values in columns {
      let sorted = values.sorted()
      let middle = sorted[values.count / 2]
      let spread = values.map { abs($0 - middle) }.sorted()[values.count / 2]
      center.append(middle)
      scale.append(max(1.2 * spread, 1e-300))
      // Six for a Gaussian, 9 for a Laplace and 53 for a Cauchy density.
      let reach = (sorted[values.count * 99 / 100] - sorted[values.count / 100]) / (1.2 * spread)
      cauchyShare.append(reach > 13 ? 0.9 : 0.05)
    }
    let isHeavy = cauchyShare.contains { $0 > 0.5 }
    let (centers, scales) = (center, scale)
    let units = columns.enumerated().map { column, values in
      values.map { min(max(($0 - centers[column]) / scales[column], -6), 6) }
    }
    let correlated = isHeavy ? nil : Self.cholesky(Self.correlations(units))
    let independent = Self.identity(columns.count)
    factors = [independent] + (correlated.map { $0 == independent ? [] : [$0] } ?? [])
  }

  /// Coordinates of each column, and the log-density of each draw.
  func draws(_ count: Int, using generator: inout PhiloxGenerator) -> (
    columns: [[Double]], logDensity: [Double]
  ) {
    let dimension = center.count
    let noise = cauchyShare.map { share -> [Double] in
      let laplace = Tensor<Double>.laplace([count], using: &generator).scalars
      let uniforms = Tensor<Double>.uniform([2, count], using: &generator).scalars
      return laplace.indices.map { row in
        uniforms[row] < share ? tan(.pi * (uniforms[count + row] - 0.5)) : laplace[row]
      }
    }
    var columns = [[Double]](
      repeating: [Double](repeating: 0, count: count), count: dimension)
    var logDensity = [Double](repeating: 0, count: count)
    var unit = [Double](repeating: 0, count: dimension)
    for row in 0..<count {
      let factor = factors[row % factors.count]
      for column in 0..<dimension {
        unit[column] = 0
        for k in 0...column { unit[column] += factor[column][k] * noise[k][row] }
        columns[column][row] = center[column] + scale[column] * unit[column]
      }
      let density = factors.reduce(0.0) { $0 + exp(logDensityOfUnit(unit, $1)) }
      logDensity[row] = Foundation.log(density / Double(factors.count))
    }
    return (columns, logDensity)
  }

  /// The log-density that one factor gives to center + scale · unit.
  private func logDensityOfUnit(_ unit: [Double], _ factor: [[Double]]) -> Double {
    var z = unit
    var total = 0.0
    for column in z.indices {
      for k in 0..<column { z[column] -= factor[column][k] * z[k] }
      z[column] /= factor[column][column]
      let share = cauchyShare[column]
      let density =
        (1 - share) * 0.5 * exp(-abs(z[column])) + share / (.pi * (1 + z[column] * z[column]))
      total += Foundation.log(density / (scale[column] * factor[column][column]))
    }
    return total
  }

  private static func identity(_ size: Int) -> [[Double]] {
    (0..<size).map { row in (0..<size).map { $0 == row ? 1 : 0 } }
  }

  /// Correlations; small ones, which may be chance, count as none.
  private static func correlations(_ columns: [[Double]]) -> [[Double]] {
    let centered = columns.map { values in
      let mean = values.reduce(0, +) / Double(values.count)
      return values.map { $0 - mean }
    }
    func product(_ i: Int, _ j: Int) -> Double {
      zip(centered[i], centered[j]).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let norms = centered.indices.map { product($0, $0).squareRoot() }
    return centered.indices.map { i in
      centered.indices.map { j in
        if i == j { return 1 }
        let r = product(i, j) / max(norms[i] * norms[j], 1e-300)
        return abs(r) < 0.2 ? 0 : r
      }
    }
  }

  /// The Cholesky factor; nil where there is none.
  private static func cholesky(_ matrix: [[Double]]) -> [[Double]]? {
    var factor = matrix.map { $0.map { _ in 0.0 } }
    for i in matrix.indices {
      for j in 0...i {
        let sum = (0..<j).reduce(matrix[i][j]) { $0 - factor[i][$1] * factor[j][$1] }
        if i != j {
          factor[i][j] = sum / factor[j][j]
        } else if sum > 1e-6 {
          factor[i][i] = sum.squareRoot()
        } else {
          return nil
        }
      }
    }
    return factor
  }
}
