/// An affine map of the plane: (x, y) → (xx·x + xy·y + shift.x, yx·x + yy·y + shift.y).
public struct PlaneMap: Hashable, Sendable, Codable {
  /// ∂x′/∂x.
  public var xx: Double
  /// ∂x′/∂y.
  public var xy: Double
  /// ∂y′/∂x.
  public var yx: Double
  /// ∂y′/∂y.
  public var yy: Double
  /// Where the origin goes.
  public var shift: SIMD2<Double>

  /// A map from its six numbers.
  public init(xx: Double, xy: Double, yx: Double, yy: Double, shift: SIMD2<Double>) {
    self.xx = xx
    self.xy = xy
    self.yx = yx
    self.yy = yy
    self.shift = shift
  }

  /// The image of a point.
  public func callAsFunction(_ point: SIMD2<Double>) -> SIMD2<Double> {
    linear(point) + shift
  }

  /// The image of a vector, without the shift.
  public func linear(_ vector: SIMD2<Double>) -> SIMD2<Double> {
    SIMD2(xx * vector.x + xy * vector.y, yx * vector.x + yy * vector.y)
  }

  /// The factor by which areas grow, negative where the map mirrors.
  public var determinant: Double { xx * yy - xy * yx }

  /// The map back.
  ///
  /// - Precondition: the determinant is not 0.
  public var inverse: PlaneMap {
    let determinant = determinant
    precondition(determinant != 0, "a map of determinant 0 has no inverse")
    var map = PlaneMap(
      xx: yy / determinant, xy: -xy / determinant, yx: -yx / determinant, yy: xx / determinant,
      shift: .zero)
    map.shift = -map.linear(shift)
    return map
  }
}
