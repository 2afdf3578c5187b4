import ExampleSupport
import Foundation

/// A partition of the plane into cells whose probabilities under a density are known.
///
/// The window is cut into a fine grid whose squares' masses come from Gauss quadrature with two
/// nodes a side. The squares are gathered into cells of nearly equal mass, separately for the
/// least dense twentieth of the mass; this gives a test for goodness of fit its power against
/// draws that stray where there should be few. The last cell is the rest of the plane.
struct CellPartition {
  static let side = 256

  let window: PlotWindow
  private(set) var probabilities: [Double]
  private var cellOfSquare: [Int]

  init(_ data: any ToyDensity) {
    window = data.window
    let masses = CellPartition.squareMasses(data)
    let order = masses.indices.sorted { masses[$0] < masses[$1] }
    var sparse: [Int] = []
    var sparseMass = 0.0
    for square in order {
      if sparseMass + masses[square] > 0.05 { break }
      sparse.append(square)
      sparseMass += masses[square]
    }
    let dense = Array(order[sparse.count...])

    probabilities = []
    cellOfSquare = [Int](repeating: 0, count: masses.count)
    gather(dense, masses: masses, depth: 7)
    // A density with sharp edges has no thin region but squares of no mass at all.
    gather(sparse, masses: masses, depth: sparseMass > 0.01 ? 4 : 0)
    probabilities.append(max(0, 1 - probabilities.reduce(0, +)))
  }

  /// The p value of the χ² test of a flat list of points.
  ///
  /// Cells with fewer than five expected draws are taken together.
  func pValue(of points: [Double]) -> Double {
    let count = points.count / 2
    var counts = [Double](repeating: 0, count: probabilities.count)
    for index in 0..<count {
      counts[cell(points[2 * index], points[2 * index + 1])] += 1
    }
    var statistic = 0.0
    var cells = 0
    var rareExpected = 0.0
    var rareCount = 0.0
    func add(_ observed: Double, _ expected: Double) {
      statistic += (observed - expected) * (observed - expected) / expected
      cells += 1
    }
    for (observed, probability) in zip(counts, probabilities) {
      let expected = probability * Double(count)
      if expected < 5 {
        rareExpected += expected
        rareCount += observed
      } else {
        add(observed, expected)
      }
    }
    if rareExpected > 1 {
      add(rareCount, rareExpected)
    } else if rareCount > 15 + 10 * rareExpected {
      // So many draws where less than one is expected have a probability below 1e-13.
      return 0
    }
    return chiSquaredTail(statistic, degreesOfFreedom: cells - 1)
  }

  private func cell(_ x: Double, _ y: Double) -> Int {
    let scale = Double(CellPartition.side) / (2 * window.halfWidth)
    let column = ((x - window.xRange.lowerBound) * scale).rounded(.down)
    let row = ((y - window.yRange.lowerBound) * scale).rounded(.down)
    let limit = Double(CellPartition.side)
    guard column >= 0, column < limit, row >= 0, row < limit else { return probabilities.count - 1 }
    return cellOfSquare[Int(row) * CellPartition.side + Int(column)]
  }

  /// Splits squares at the median of their mass along alternating axes and numbers the parts.
  private mutating func gather(_ squares: [Int], masses: [Double], depth: Int) {
    guard depth > 0, squares.count > 1 else {
      for square in squares { cellOfSquare[square] = probabilities.count }
      probabilities.append(squares.reduce(0) { $0 + masses[$1] })
      return
    }
    let isEven = depth.isMultiple(of: 2)
    let sorted = squares.sorted {
      let first = (row: $0 / CellPartition.side, column: $0 % CellPartition.side)
      let second = (row: $1 / CellPartition.side, column: $1 % CellPartition.side)
      return isEven
        ? (first.row, first.column) < (second.row, second.column)
        : (first.column, first.row) < (second.column, second.row)
    }
    let half = sorted.reduce(0) { $0 + masses[$1] } / 2
    var sum = 0.0
    var cut = 0
    while cut < sorted.count - 1 && sum < half {
      sum += masses[sorted[cut]]
      cut += 1
    }
    cut = max(1, cut)
    gather(Array(sorted[..<cut]), masses: masses, depth: depth - 1)
    gather(Array(sorted[cut...]), masses: masses, depth: depth - 1)
  }

  /// The mass of each square by Gauss quadrature with two nodes a side.
  private static func squareMasses(_ data: any ToyDensity) -> [Double] {
    let centers = data.window.gridCenters(side)
    let step = 2 * data.window.halfWidth / Double(side)
    let offset = step / 2 / 3.0.squareRoot()
    var masses = [Double](repeating: 0, count: side * side)
    for (dx, dy) in [(1.0, 1.0), (1, -1), (-1, 1), (-1, -1)] {
      let shifted = centers.enumerated().map { index, value in
        value + offset * (index.isMultiple(of: 2) ? dx : dy)
      }
      for (square, value) in data.logDensities(of: shifted).enumerated() {
        masses[square] += exp(value) * step * step / 4
      }
    }
    return masses
  }
}
