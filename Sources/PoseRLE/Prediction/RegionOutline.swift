import Flows

/// Closed curves around a region of the plane.
///
/// The outer curves run counterclockwise and holes clockwise (with the second axis upwards), the
/// last point of a curve is joined to its first; a point is inside by the even-odd rule.
public struct RegionOutline: Hashable, Sendable {
  /// The curves.
  public var curves: [[SIMD2<Double>]]

  /// An outline from its curves.
  public init(curves: [[SIMD2<Double>]]) { self.curves = curves }

  /// Whether a point is inside.
  public func contains(_ point: SIMD2<Double>) -> Bool {
    var isInside = false
    for curve in curves {
      guard var previous = curve.last else { continue }
      for next in curve {
        if (previous.y > point.y) != (next.y > point.y) {
          let share = (point.y - previous.y) / (next.y - previous.y)
          if point.x < previous.x + share * (next.x - previous.x) { isInside.toggle() }
        }
        previous = next
      }
    }
    return isInside
  }

  /// The enclosed area, holes taken off.
  public var area: Double {
    var twice = 0.0
    for curve in curves {
      guard var previous = curve.last else { continue }
      for next in curve {
        twice += previous.x * next.y - next.x * previous.y
        previous = next
      }
    }
    return twice / 2
  }

  /// Every point moved by an affine map.
  func mapped(_ map: (SIMD2<Double>) -> SIMD2<Double>) -> RegionOutline {
    RegionOutline(curves: curves.map { $0.map(map) })
  }
}

extension ErrorDistribution {
  /// The outline of the region at a level in the plane of standardised errors.
  ///
  /// Marching squares over the log-density on a grid around the draws of the region. Empty at level
  /// 0, and at level 1, where the region is all of the support.
  ///
  /// - Parameters:
  ///   - level: the level of the highest-density region.
  ///   - resolution: the number of grid lines along each axis.
  /// - Complexity: resolution² log-densities.
  /// - Precondition: the density has two axes.
  public func outline(level: Double, resolution: Int = 128) -> RegionOutline {
    precondition(
      dimension == 2, "outlines are drawn in the plane; the density has \(dimension) axes")
    precondition(resolution >= 4, "a grid has four lines or more; got \(resolution)")
    let threshold = logDensityThreshold(level: level)
    guard threshold.isFinite, let draws = regionDraws(threshold: threshold) else {
      return RegionOutline(curves: [])
    }
    var low = SIMD2(repeating: Double.infinity)
    var high = SIMD2(repeating: -Double.infinity)
    for (index, isInside) in draws.isInside.enumerated() where isInside {
      let point = SIMD2(draws.points[2 * index], draws.points[2 * index + 1])
      low = pointwiseMin(low, point)
      high = pointwiseMax(high, point)
    }
    // Draws do not reach the rim of a region; few of them, not even near it.
    let margin =
      0.1 * (high - low)
      + 0.01 * SIMD2(covariance[0][0].squareRoot(), covariance[1][1].squareRoot())
    low -= margin
    high += margin
    let step = (high - low) / Double(resolution - 1)
    var points: [Double] = []
    points.reserveCapacity(2 * resolution * resolution)
    for row in 0..<resolution {
      for column in 0..<resolution {
        points.append(low.x + Double(column) * step.x)
        points.append(low.y + Double(row) * step.y)
      }
    }
    let grid = Tensor<Double>(shape: [resolution * resolution, 2], scalars: points)
    let values = Tensor<Double>(logDensity(of: Tensor(grid))).scalars
    let contour = ContourGrid(
      columns: resolution, rows: resolution, values: values, threshold: threshold)
    return RegionOutline(curves: contour.curves()).mapped { low + $0 * step }
  }
}

extension KeypointDensity {
  /// The outline of the region at a level in the units of positions.
  ///
  /// As ``ErrorDistribution/outline(level:resolution:)``, whose cost it has; for all joints of a
  /// pose see
  /// ``PoseDensity/outlines(pose:level:resolution:)``.
  public func outline(level: Double, resolution: Int = 128) -> RegionOutline {
    moved(errors.outline(level: nominal(level), resolution: resolution))
  }

  /// An outline in standardised errors as one in positions.
  func moved(_ outline: RegionOutline) -> RegionOutline {
    let (map, centre) = (frame.linearMaps, Tensor<Double>(frame.mean).scalars)
    return outline.mapped { point in
      SIMD2(
        centre[0] + map[0] * point.x + map[1] * point.y,
        centre[1] + map[2] * point.x + map[3] * point.y)
    }
  }

  /// The ellipse of mean and covariance that would hold a share of the density if it were Gaussian.
  ///
  /// Its radius is √(−2 log(1 − level)) standard deviations. It is quick to draw and holds another
  /// share of any density that is not Gaussian; the region itself is
  /// ``outline(level:resolution:)``.
  ///
  /// - Precondition: the density has two axes; the level is below 1.
  public func covarianceEllipse(level: Double) -> Ellipse {
    precondition(
      dimension == 2, "ellipses are drawn in the plane; the density has \(dimension) axes")
    precondition(level >= 0 && level < 1, "the level of an ellipse lies in [0, 1); got \(level)")
    let (mean, covariance) = (mean, covariance)
    return Ellipse(
      center: SIMD2(mean[0], mean[1]), covariance: covariance,
      radius: (-2 * logOnePlus(-level)).squareRoot())
  }
}
