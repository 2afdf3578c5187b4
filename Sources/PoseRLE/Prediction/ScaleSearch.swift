import Foundation

/// A search for the least value of functions of log T, one for each group of joints, side by side.
///
/// A grid of factors of two between 1/1024 and 1024, so that a second valley is not missed, then four
/// grids around the best, each four times as fine; ties are settled for the middle. Where
/// the functions are smooth a parabola through the last three points ends the search; T is then
/// good to 10⁻⁴, else to 0.3 %. No T beyond 1/2048 and 2048 is found.
enum ScaleSearch {
  /// The number of evaluations.
  static let evaluations = 21 + 4 * 6

  /// |log T| beyond which the least value lies at the end of the grid.
  static let bound = 9 * Foundation.log(2.0)

  /// log T of each group.
  ///
  /// - Parameters:
  ///   - groups: how many functions there are.
  ///   - isSmooth: whether a parabola may end the search.
  ///   - objectives: the value of each function at its own log T; NaN counts as ∞.
  static func minimize(groups: Int, isSmooth: Bool, _ objectives: ([Double]) -> [Double])
    -> [Double]
  {
    var step = Foundation.log(2.0)
    var centres = [Double](repeating: 0, count: groups)
    var best: [Double] = []
    var rounds = Array(-10...10)
    var neighbours: [(Double, Double)] = []
    for round in 0..<5 {
      if round > 0 {
        step /= 4
        rounds = [-3, -2, -1, 1, 2, 3]
      }
      var tried = rounds.map { offset in
        (
          offset: offset,
          values: objectives(centres.map { $0 + Double(offset) * step }).map {
            $0.isNaN ? .infinity : $0
          }
        )
      }
      if round > 0 { tried.append((0, best)) }
      tried.sort { $0.offset < $1.offset }
      best = []
      neighbours = []
      for group in 0..<groups {
        let values = tried.map { $0.values[group] }
        let least = values.min() ?? .infinity
        let ties = values.indices.filter { values[$0] == least }
        let chosen = ties[ties.count / 2]
        centres[group] += Double(tried[chosen].offset) * step
        best.append(least)
        neighbours.append(
          (
            chosen > 0 ? values[chosen - 1] : .infinity,
            chosen + 1 < values.count ? values[chosen + 1] : .infinity
          ))
      }
    }
    guard isSmooth else { return centres }
    for group in 0..<groups {
      let (below, above) = neighbours[group]
      let curvature = below - 2 * best[group] + above
      guard curvature.isFinite, curvature > 0 else { continue }
      centres[group] += step * min(1, max(-1, (below - above) / (2 * curvature)))
    }
    return centres
  }
}
