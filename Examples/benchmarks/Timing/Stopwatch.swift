import Foundation

/// Seconds that some work takes.
func timed(_ work: () throws -> Void) rethrows -> Double {
  let clock = ContinuousClock()
  let start = clock.now
  try work()
  let elapsed = (clock.now - start).components
  return Double(elapsed.seconds) + Double(elapsed.attoseconds) * 1e-18
}

extension Array where Element == Double {
  /// The element at a place of the sorted array, where 0 is the first and 1 the last.
  func quantile(_ place: Double) -> Double {
    guard !isEmpty else { return .nan }
    return sorted()[Int((place * Double(count - 1)).rounded())]
  }

  var median: Double { quantile(0.5) }
}
