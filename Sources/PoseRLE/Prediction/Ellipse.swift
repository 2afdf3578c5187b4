import Foundation

/// An ellipse in the plane.
public struct Ellipse: Hashable, Sendable {
  /// Its centre.
  public var center: SIMD2<Double>
  /// Half of its longer and of its shorter axis.
  public var semiAxes: SIMD2<Double>
  /// The direction of the longer axis, in radians from the first axis to the second.
  public var angle: Double

  /// An ellipse from centre, half axes and the direction of the longer one.
  public init(center: SIMD2<Double>, semiAxes: SIMD2<Double>, angle: Double) {
    self.center = center
    self.semiAxes = semiAxes
    self.angle = angle
  }

  /// The points at a Mahalanobis distance `radius` from the centre under a covariance.
  init(center: SIMD2<Double>, covariance: [[Double]], radius: Double) {
    let (a, b, c) = (covariance[0][0], covariance[0][1], covariance[1][1])
    let middle = (a + c) / 2
    let spread = hypot((a - c) / 2, b)
    self.init(
      center: center,
      semiAxes: radius
        * SIMD2((middle + spread).squareRoot(), max(0, middle - spread).squareRoot()),
      angle: atan2(2 * b, a - c) / 2)
  }

  /// Points along the ellipse, counterclockwise, the first one not repeated.
  public func points(count: Int = 64) -> [SIMD2<Double>] {
    let (c, s) = (cos(angle), sin(angle))
    return (0..<count).map { index in
      let phase = 2 * Double.pi * Double(index) / Double(count)
      let (x, y) = (semiAxes.x * cos(phase), semiAxes.y * sin(phase))
      return center + SIMD2(c * x - s * y, s * x + c * y)
    }
  }
}

/// log(1 + x), exact near 0; the name keeps it apart from the tensor function.
func logOnePlus(_ x: Double) -> Double { log1p(x) }
