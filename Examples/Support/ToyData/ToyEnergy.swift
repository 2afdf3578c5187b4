/// A two-dimensional density that is known up to its normalising constant.
///
/// An energy U stands for the density exp(−U(z))/Z. It is the customary target of samplers and of
/// flows that are trained without data.
public protocol ToyEnergy: Sendable {
  /// The name by which the energy is chosen.
  var name: String { get }

  /// One line that says what the density looks like.
  var summary: String { get }

  /// The energy as a formula in z1 and z2.
  var formula: String { get }

  /// A square that holds at least 0.9999 of the mass.
  var window: PlotWindow { get }

  /// The natural logarithm of Z, the integral of exp(−U) over the plane.
  var logNormalizer: Double { get }

  /// The unnormalised log-density −U at one point.
  func logDensity(_ x: Double, _ y: Double) -> Double

  /// The gradient of the unnormalised log-density at one point.
  func gradient(_ x: Double, _ y: Double) -> (x: Double, y: Double)

  /// The unnormalised log-densities at many points, given as x and y in turn.
  func logDensities(of points: [Double]) -> [Double]

  /// The gradients of the unnormalised log-density at many points, x and y parts in turn.
  func gradients(of points: [Double]) -> [Double]
}

extension ToyEnergy {
  /// Evaluates the points one after the other.
  public func logDensities(of points: [Double]) -> [Double] {
    mapPoints(points) { logDensity($0, $1) }
  }

  /// Evaluates the points one after the other.
  public func gradients(of points: [Double]) -> [Double] {
    precondition(
      points.count.isMultiple(of: 2),
      "A flat list of points must hold an even number of coordinates, not \(points.count).")
    var gradients: [Double] = []
    gradients.reserveCapacity(points.count)
    for index in stride(from: 0, to: points.count, by: 2) {
      let value = gradient(points[index], points[index + 1])
      gradients.append(value.x)
      gradients.append(value.y)
    }
    return gradients
  }
}

/// The table of all two-dimensional energies.
public enum ToyEnergies {
  /// Every energy, in the order in which they are listed to a user.
  public static let all: [any ToyEnergy] = [TwoSidedRing(), SineValley()]

  /// The names of all energies, in the order of the table.
  public static var names: [String] { all.map { $0.name } }

  /// The energy with a name, or nil when there is none.
  public static func named(_ name: String) -> (any ToyEnergy)? {
    all.first { $0.name == name }
  }
}
