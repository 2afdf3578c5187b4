#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Log-densities on a grid of the plane, and which of its cells lie in a region.
public struct RegionGrid: Hashable, Sendable {
  /// What the grid covers along the first column.
  public let x: ClosedRange<Double>
  /// What the grid covers along the second column.
  public let y: ClosedRange<Double>
  /// The number of cells along the first column.
  public let columns: Int
  /// The number of cells along the second column.
  public let rows: Int
  /// log p in the middle of each cell, row by row from the lowest y.
  public let logDensity: [Double]
  /// The log-density that cells of the region reach.
  public let threshold: Double

  /// Whether the middle of each cell lies in the region, row by row from the lowest y.
  public var mask: [Bool] { logDensity.map { $0 >= threshold } }

  /// The area of a cell.
  public var cellArea: Double {
    (x.upperBound - x.lowerBound) * (y.upperBound - y.lowerBound) / Double(columns * rows)
  }

  /// The area of the cells within the region.
  public var area: Double { cellArea * Double(mask.count { $0 }) }

  /// The share of the density in the cells within the region, by the midpoint rule.
  public var probability: Double {
    cellArea * logDensity.reduce(0) { $0 + ($1 >= threshold ? exp($1) : 0) }
  }
}

extension HighestDensityRegion {
  /// The region of a density of two columns on a grid around it.
  ///
  /// - Parameters:
  ///   - columns: cells along the first column.
  ///   - rows: cells along the second.
  /// - Precondition: the density has two columns.
  public func grid(columns: Int = 256, rows: Int = 256) -> RegionGrid {
    precondition(
      density.dimension == 2,
      "a grid is one of the plane; the density has \(density.dimension) columns")
    precondition(
      columns >= 2 && rows >= 2, "a grid has two cells along each axis; got \(columns) × \(rows)")
    let axes = zip(insideDraws(), density.support).map { values, support in
      let (low, high) = (values.min() ?? 0, values.max() ?? 0)
      let width = Swift.max(high - low, 1e-6 * Swift.max(low.magnitude, high.magnitude), 1e-30)
      // Draws do not reach the rim.
      let start = Swift.max(support.bounds.low, low - 0.1 * width)
      return start...Swift.min(support.bounds.high, high + 0.1 * width)
    }
    func middle(_ index: Int, of count: Int, _ axis: ClosedRange<Double>) -> Double {
      axis.lowerBound + (axis.upperBound - axis.lowerBound) * (Double(index) + 0.5) / Double(count)
    }
    var points: [Double] = []
    points.reserveCapacity(2 * columns * rows)
    for row in 0..<rows {
      for column in 0..<columns {
        points.append(middle(column, of: columns, axes[0]))
        points.append(middle(row, of: rows, axes[1]))
      }
    }
    return RegionGrid(
      x: axes[0], y: axes[1], columns: columns, rows: rows,
      logDensity: density.logDensities(
        of: Tensor(rows: points, columns: 2),
        context: density.repeated(context, count: columns * rows)),
      threshold: logDensityThreshold.value)
  }
}
