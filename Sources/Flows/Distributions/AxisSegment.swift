#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A part of an axis, finite or reaching to infinity, as the image of an interval of t in [0, 1].
///
/// x = a ± s·t / (1 − c·t): even for c = 0; for c = 1 a tail, under which a density that falls as a
/// power of x stays smooth at t = 1; in between a finite part that is finer at its near end.
struct AxisSegment: Sendable {
  private let anchor: Double
  /// s with the sign of the direction.
  private let scale: Double
  private let curvature: Double
  private var (start, end) = (0.0, 1.0)

  /// From one place to another, the second possibly infinite, with `scale` the reach near the first.
  private init(from anchor: Double, to end: Double, scale: Double) {
    let length = (end - anchor).magnitude
    let reach = Swift.min(scale, length)
    self.anchor = anchor
    self.scale = end > anchor ? reach : -reach
    curvature = length.isFinite ? 1 - reach / length : 1
  }

  /// The parts of a support between given places.
  ///
  /// Parts within `hull`, where the integrand has most of its mass, are even; those beyond start with
  /// the hull's width and coarsen away from it.
  ///
  /// - Parameters:
  ///   - support: what to cover.
  ///   - breaks: ascending; those outside of the support are left out.
  ///   - hull: of positive width.
  static func covering(_ support: Support, breaks: [Double], hull: ClosedRange<Double>)
    -> [AxisSegment]
  {
    let (low, high) = support.bounds
    let width = hull.upperBound - hull.lowerBound
    var inner = breaks.filter { $0 > low && $0 < high }
    if inner.isEmpty && low == -.infinity && high == .infinity { inner = [hull.lowerBound] }
    if inner.isEmpty && high == .infinity { inner = [low + width] }
    let edges = [low] + inner + [high]
    return zip(edges, edges.dropFirst()).map { near, far in
      // The density may be singular at an end at 0, next to which x keeps its digits.
      if near == 0 && low == 0 && far < .infinity {
        return AxisSegment(from: 0, to: far, scale: far)
      }
      let middle = 0.5 * (near + far)
      if middle < hull.lowerBound {
        let distance = Swift.max(0, hull.lowerBound - far)
        return AxisSegment(from: far, to: near, scale: distance + width)
      }
      if middle > hull.upperBound {
        let distance = Swift.max(0, near - hull.upperBound)
        return AxisSegment(from: near, to: far, scale: distance + width)
      }
      return AxisSegment(from: near, to: far, scale: far - near)
    }
  }

  /// The place x of t.
  private func place(_ t: Double) -> Double { anchor + scale * t / (1 - curvature * t) }

  /// The least and the greatest x.
  var bounds: (low: Double, high: Double) {
    scale < 0 ? (place(end), place(start)) : (place(start), place(end))
  }

  /// x and log dx/dy for y in [−1, 1] over the segment.
  func node(_ y: Double) -> (x: Double, logJacobian: Double) {
    let half = 0.5 * (end - start)
    let t = start + half * (1 + y)
    return (place(t), log(half * scale.magnitude) - 2 * log1p(-curvature * t))
  }

  /// True where x falls as y grows.
  var isDescending: Bool { scale < 0 }

  /// y of a place within the bounds: the inverse of ``node(_:)``.
  func coordinate(of x: Double) -> Double {
    let distance = (x - anchor) / scale
    let t = distance.isFinite ? distance / (1 + curvature * distance) : 1
    return Swift.min(1, Swift.max(-1, 2 * (t - start) / (end - start) - 1))
  }

  /// False where halves would no longer differ in rounding.
  ///
  /// t and x are asked apart: towards an anchor at 0 both have digits left when all differences are
  /// small, as singular ends of a support need.
  var canBeHalved: Bool {
    let (low, high) = bounds
    guard end - start > 1e-15 * end else { return false }
    let length = high - low
    return !length.isFinite || length > 8 * Swift.max(low.magnitude, high.magnitude).ulp
  }

  /// The two halves in t.
  var halves: (AxisSegment, AxisSegment) {
    var (first, second) = (self, self)
    first.end = 0.5 * (start + end)
    second.start = first.end
    return (first, second)
  }
}
