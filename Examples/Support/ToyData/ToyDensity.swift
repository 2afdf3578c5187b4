/// A two-dimensional data set whose density is known.
///
/// Points are stored flat, x and y in turn, so that a list of n points holds 2n numbers.
public protocol ToyDensity: Sendable {
  /// The name by which the data set is chosen, in lower case with hyphens.
  var name: String { get }

  /// One line that says what the data set looks like.
  var summary: String { get }

  /// A square that holds at least 0.9999 of the mass.
  var window: PlotWindow { get }

  /// The differential entropy in nats, which no model's mean log-likelihood can beat.
  var entropy: Double { get }

  /// Draws independent points, x and y in turn.
  func sample(_ count: Int, using generator: inout some RandomNumberGenerator) -> [Double]

  /// The natural logarithm of the density at one point; minus infinity outside the support.
  func logDensity(_ x: Double, _ y: Double) -> Double

  /// The logarithms of the density at many points, given as x and y in turn.
  func logDensities(of points: [Double]) -> [Double]
}

extension ToyDensity {
  /// Evaluates the points one after the other.
  public func logDensities(of points: [Double]) -> [Double] {
    mapPoints(points) { logDensity($0, $1) }
  }
}

/// Applies a function to each (x, y) pair of a flat list of points.
func mapPoints(_ points: [Double], _ value: (Double, Double) -> Double) -> [Double] {
  precondition(
    points.count.isMultiple(of: 2),
    "A flat list of points must hold an even number of coordinates, not \(points.count).")
  let count = points.count / 2
  return [Double](unsafeUninitializedCapacity: count) { buffer, initialized in
    for index in 0..<count {
      buffer.initializeElement(at: index, to: value(points[2 * index], points[2 * index + 1]))
    }
    initialized = count
  }
}

/// Draws a flat list of points from a recipe for one point.
func drawPoints(_ count: Int, _ draw: () -> (x: Double, y: Double)) -> [Double] {
  precondition(count >= 0, "The number of points to draw must not be negative, but is \(count).")
  var points: [Double] = []
  points.reserveCapacity(2 * count)
  for _ in 0..<count {
    let point = draw()
    points.append(point.x)
    points.append(point.y)
  }
  return points
}
